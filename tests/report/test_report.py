"""The report holds everything that is known of a study, and nothing that could break or leave the page."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import mock_study
import optuna
import pytest
from mock_results import mock_results

from tuner import best as best_recipe
from tuner.analysis import compare
from tuner.report import PLOTS, report_page
from tuner.report.cost import sum_cost
from tuner.report.failures import failures
from tuner.report.health_counts import count_verdicts
from tuner.report.held_out_score import honest_score
from tuner.report.html_components import data, script, table
from tuner.report.narrative import answer_text, caveats, question_text, standard_error
from tuner.report.plots.health_heatmaps import layers_by_epoch, trials_by_epoch
from tuner.report.sections.failures_and_cost import failed
from tuner.report.sections.setup import asked
from tuner.report.sections.training_health import health
from tuner.report.sections.trials import trials
from tuner.report.study_view import load_view
from tuner.results import read_study_results
from tuner.search import Outcome, tell
from tuner.storage import open_database
from tuner.text import Html, element

EVIL = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
VOID = {"meta", "link", "br", "hr", "col"}


class Page(HTMLParser):
    """A page as a browser reads it: elements, texts, and whether all of them are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, name):
        return [attrs for tag, attrs in self.elements if tag == name]

    def code(self):
        """What the copy buttons copy."""
        return [text for text in self.texts if "tuner.best(" in text or "tuner export" in text or "[recipe]" in text]


@pytest.fixture(scope="module")
def page(study):
    return Page(report_page(study))


@pytest.fixture
def plain(tmp_path):
    """The report of a study of plain Optuna with some trials."""
    database = open_database(f"sqlite:///{tmp_path}/plain.db", create=True)

    def make(fill, name="plain"):
        study = optuna.create_study(storage=database.optuna, study_name=name)
        fill(study)
        text = report_page(read_study_results(database, name))
        return text, Page(text)

    return make


def test_it_is_one_whole_page_that_loads_nothing(page):
    assert page.open == []
    linked = [attrs for tag, attrs in page.elements for key in attrs if key in ("src", "srcset")]
    assert linked == []
    assert page.all("link") == []
    assert all(attrs["href"].startswith("#") for attrs in page.all("a"))


def test_only_its_own_two_scripts_may_run(study):
    text = report_page(study)
    policy = next(attrs["content"] for attrs in Page(text).all("meta") if "http-equiv" in attrs)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for one in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy.partition("script-src")[2].partition(";")[0]


def test_every_section_and_plot_is_there_and_named(page):
    sections = [attrs["id"] for attrs in page.all("section")]
    assert sections == [
        *("question", "best", "trials", "history", "curves", "dimensions", "cost", "health", "failures", "budget"),
        "origin",
    ]
    assert [attrs["href"] for attrs in page.all("a")][1:] == [f"#{name}" for name in sections]
    assert len(page.all("h1")) == 1
    plots = [attrs for attrs in page.all("div") if "data-plot" in attrs]
    assert {attrs["id"].removeprefix("plot-") for attrs in plots} == set(PLOTS)
    assert all(len(attrs["aria-label"]) > 40 and attrs["role"] == "img" for attrs in plots)
    assert len(page.all("caption")) == len(page.all("table")) == 4 + 5 + 1  # 5 dimensions


def test_every_trial_is_in_the_table_best_first(study):
    results = load_view(study)
    section = Page(str(trials(results, "/studies/1/trials/")))
    links = [attrs["href"].rpartition("/")[2] for attrs in section.all("a")]
    assert links[: len(results.ranking)] == [str(seen.number) for seen in results.ranking]
    assert sorted(map(int, links)) == [seen.number for seen in results.trials]
    assert len(section.all("button")) == 6 + len(results.dimensions)
    values = [attrs.get("value") for attrs in section.all("data")]
    assert str(results.best.value) in values
    assert None in values  # a diverged one has none, and is sorted last


def test_the_data_of_the_plots_are_json(study):
    found = re.findall(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', report_page(study), re.DOTALL)
    assert {name for name, _ in found} == set(PLOTS)
    for _, text in found:
        assert json.loads(text)["data"]


def test_it_says_what_the_study_says(page, study):
    results = load_view(study)
    texts = " ".join(page.texts)
    assert question_text(results) in texts
    assert answer_text(results) in texts
    assert results.importance["meaning"] in texts
    assert f"{results.best.value:.4g}, from trial {results.best.number} of 60" in answer_text(results)
    for comparison in compare(study, results.dimensions)["comparisons"]:
        assert comparison["test"]["meaning"].removeprefix(f"{comparison['dimension']} ") in texts
    (failure,) = failures(results)
    assert failure.reason in texts
    assert {seen.number for seen in failure.trials} == {seen.number for seen in results.in_state("diverged")}
    for value in ("keras 3.", "models/mlp.py:build", "iris", "sampler random", "90 train, 30 validation, 30 test"):
        assert value in texts


def test_the_copied_recipe_is_the_best_one(page, study, tmp_path):
    whole = next(text for text in page.code() if "[recipe]" in text)
    file = tmp_path / "best.toml"
    file.write_text(whole, encoding="utf-8")
    recipe = best_recipe(file)
    best = load_view(study).best
    assert recipe.optimizer.name == best.params["optimizer"]
    assert recipe.learning_rate == best.params["learning_rate"]
    python = next(text for text in page.code() if text.startswith("import tuner"))
    compile(python, "copied", "exec")
    assert 'tuner.best("mock")' in python
    assert "build((4,), 3)" in python


SCORED = {
    "verdict": "winner",
    "rows": {"test": 359},
    "test": {
        "mean": 0.96,
        "interval": {"low": 0.9, "high": 0.97},
        "saved": {"seed": None, "value": 0.9721, "interval": {"low": 0.9495, "high": 0.9848}},
        "before": 0,
    },
}


def with_refit(study, refit):
    record = replace(study.record, attrs=study.record.attrs.model_copy(update={"refit": refit}))
    return replace(study, record=record)


def test_the_score_of_the_test_part_is_the_first_thing_said(study):
    trained = with_refit(study, SCORED)
    texts = [text for text in Page(report_page(trained)).texts if text.strip()]
    said = (
        "The saved model has accuracy 0.9721 (95 % interval 0.9495 to 0.9848) on the test part of 359 rows, scored once"
    )
    at = next(at for at, text in enumerate(texts) if text.startswith(said))
    assert at < texts.index(answer_text(load_view(trained)))
    assert texts.index("test accuracy") < texts.index("best accuracy")


def test_what_no_test_part_says_is_not_said(study):
    for refit in (
        {},
        {"test": None},
        {"test": {"saved": 3}},
        {**SCORED, "test": {"saved": {"seed": None, "value": None}}},
    ):
        assert honest_score(load_view(with_refit(study, refit))) is None
    single = {**SCORED, "verdict": "unconfirmed", "test": {**SCORED["test"], "before": 2}}
    single["test"]["saved"] = {**SCORED["test"]["saved"], "seed": 1}
    sentence = honest_score(load_view(with_refit(study, single))).sentence()
    assert "has accuracy 0.96 (95 % interval 0.9 to 0.97)" in sentence
    assert "scored 2 times before" in sentence
    assert "not better than a constant answer" in sentence


def test_verdicts_are_counted_with_an_example(page, study):
    results = load_view(study)
    found = {one.verdict: one for one in count_verdicts(results)}
    assert set(found) >= {"diverged"}
    assert sum(len(one.trials) for one in found.values()) == len(results.trials)
    texts = " ".join(page.texts)
    for one in found.values():
        assert one.trials == tuple(seen for seen in results.trials if seen.verdict == one.verdict)
        assert one.text in texts


def test_cost_counts_what_was_not_trained(tmp_path):
    study = mock_results(tmp_path, budget={"trials": 20, "epochs": 9}, pruner={"name": "median", "n_startup_trials": 5})
    results = load_view(study)
    cost = sum_cost(results)
    assert results.in_state("pruned")
    assert cost.planned == 20 * 9
    assert cost.epochs + cost.saved == cost.planned
    assert 0 < cost.saved_share < 1


def test_the_standard_error_is_that_of_a_share_of_the_validation_rows(study):
    results = load_view(study)
    value = results.best.value
    assert standard_error(results) == pytest.approx((value * (1 - value) / 30) ** 0.5)
    assert f"{standard_error(results):.2g}" in " ".join(caveats(results))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "no trial has been run"),
        ([1.5], "It is the only complete trial"),
        ([None, None], "no trial is complete. Of 2 trials, 2 failed"),
        ([3.0, None, 1.0], "The best objective is 1, from trial 2 of 3, with x"),
        ([3.0, None, 1.0], "1 of 3 trials failed: no reason was given."),
    ],
)
def test_few_trials_of_plain_optuna(plain, values, says):
    def fill(study):
        for value in values:
            trial = study.ask()
            trial.suggest_float("x", 0, 1)
            study.tell(trial, value, state=None if value is not None else optuna.trial.TrialState.FAIL)

    _, page = plain(fill)
    assert page.open == []
    texts = " ".join(page.texts)
    assert says in texts
    assert "was not made by keras-studies" in texts
    assert "Health was not measured in any trial." in texts
    assert ("no reason was given" in texts) == (None in values)


def test_before_the_first_trial_health_is_not_said_to_be_off(study):
    empty = load_view(replace(study, record=replace(study.record, trials=[])))
    assert str(health(empty)) == "<p>Health was not measured in any trial.</p>"
    assert trials_by_epoch(empty) == layers_by_epoch(empty) == "Health was not measured in any trial."


def test_before_the_first_trial_only_what_has_several_values_is_searched(study):
    empty = replace(study, record=replace(study.record, trials=[]))
    page = Page(str(asked(load_view(empty))))
    names = ["optimizer", "learning_rate", "momentum", "schedule", "activation"]
    assert [text for text in page.texts if text in names] == names
    assert len(page.all("tr")) == 1 + len(names)
    assert any("batch_size = 32" in text for text in page.texts)


@pytest.mark.parametrize(
    ("reasons", "says"),
    [
        (["out of memory: 3 GB", "out of memory: 4 GB"], "2 failed. The reason: out of memory: 3 GB."),
        (["one", "two.", "two."], "3 failed. The most common reason, of 2 trials: two."),
        ([None], "Of 1 trial, 1 failed."),
    ],
)
def test_the_answer_says_why_no_trial_is_complete(plain, reasons, says):
    def fill(study):
        for reason in reasons:
            trial = study.ask()
            trial.set_user_attr("outcome", {"state": "failed", "reason": reason})
            study.tell(trial, state=optuna.trial.TrialState.FAIL)

    _, page = plain(fill)
    assert any(text.endswith(says) for text in page.texts)


def test_markup_in_any_text_of_a_study_is_text(plain):
    def fill(study):
        study.set_user_attr("tuner:about", {"facts": {"classes": [EVIL], "notes": [EVIL]}, "source": {}})
        study.set_user_attr("tuner:fingerprint", {f"search.{EVIL}": EVIL, "model": EVIL, "data.source": EVIL})
        for number in range(4):
            trial = study.ask()
            trial.suggest_categorical(EVIL, [EVIL, "b"])
            trial.report(number, 1)
            study.tell(trial, float(number))
        trial = study.ask()
        trial.set_user_attr("outcome", {"state": "failed", "reason": EVIL})
        study.tell(trial, state=optuna.trial.TrialState.FAIL)

    text, page = plain(fill, EVIL)
    assert page.open == []
    assert page.all("img") == []
    kinds = [attrs.get("type") for attrs in page.all("script")]
    assert kinds.count(None) == 2
    assert "window.pwned = 1</script>" not in text
    assert sum(EVIL in found for found in page.texts) >= 10


def test_elements_escape_everything_but_themselves():
    assert element("p", "<b>", 1, None, [element("b", "&")], class_="x", title='"<', hidden=True, open=False) == (
        '<p class="x" title="&quot;&lt;" hidden>&lt;b&gt;1<b>&amp;</b></p>'
    )
    assert isinstance(element("br"), Html)
    assert "<" not in data("a", '"</script>"')[len('<script type="application/json" id="a">') : -len("</script>")]
    with pytest.raises(ValueError, match="ends it"):
        script("'</SCRIPT>'")
    assert '<th scope="row">a</th><td class="number">1</td>' in table("c", ("x", "y"), [("a", 1)], numbers=(1,))


def test_a_running_study_says_so(tmp_path):
    from tuner.engines import TrainingResult
    from tuner.executors import InlineExecutor
    from tuner.runner.study_runner import StudyRunner

    database = open_database(f"sqlite:///{tmp_path}/running.db", create=True)
    pages = []

    def look(recipe):
        yield from mock_study.trainer(recipe)
        pages.append(Page(report_page(read_study_results(database, "mock"))))
        return TrainingResult("complete", 0.5)

    spec = mock_study.spec_of(tmp_path, budget={"trials": 2, "epochs": 3})
    StudyRunner(spec, database, InlineExecutor(look, 1)).run()
    for page, says in zip(pages, ["There is no answer yet", "from trial 0 of 2"], strict=True):
        texts = " ".join(page.texts)
        assert " · running" in texts
        assert "The study was still running when this page was made" in texts
        assert says in texts
    assert " · running" not in report_page(read_study_results(database, "mock"))


def test_it_says_that_a_finite_space_was_trained_as_a_whole(tmp_path):
    study = mock_results(tmp_path, search={"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"]})
    assert caveats(load_view(study))[-1] == "All 4 settings have been trained."
    part = mock_results(
        tmp_path, name="part", search={"activation": ["relu", "tanh"]}, budget={"trials": 1, "epochs": 2}
    )
    assert caveats(load_view(part))[-1] == "1 of 2 settings has been trained."


def test_trials_over_a_limit_are_said_to_be_untrained(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/limits.db", create=True)
    study = optuna.create_study(storage=database.optuna, study_name="limits", direction="maximize")
    for weights in (132_482, 60_000):
        reason = f"{weights:,} weights, more than the limit of 50,000"
        tell(study, study.ask(), Outcome("diverged", None, reason, math.log(weights / 50_000)))
    results = load_view(read_study_results(database, "limits"))
    assert "The nearest, trial 1, has 60,000 weights, more than the limit of 50,000." in answer_text(results)
    study.tell(study.ask(), 0.5)
    results = load_view(read_study_results(database, "limits"))
    texts = Page(str(failed(results))).texts
    assert "2 diverged trials were not trained, as the network was over a limit of [limits]." in texts
    assert texts.index("not trained") + 1 == texts.index("132,482 weights, more than the limit of 50,000")
    (failure,) = failures(results)  # of one kind, whatever the numbers
    assert [seen.number for seen in failure.trials] == [0, 1]
