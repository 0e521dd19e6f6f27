"""Each command on a study that the mock has trained: what it prints, as text and as JSON."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import mock_study
import optuna
import pytest

import tuner.runner.launch
from tuner import user_code
from tuner.catalog import TrialState
from tuner.cli import run_command
from tuner.executors import InlineExecutor
from tuner.protocol import ModelWarned
from tuner.storage import open_database
from tuner.text import value_text

PROGRAM = """
import sys
import numpy as np

print("reading my data")
def load():
    print("still reading")
    x = np.random.default_rng(0).normal(size=(60, 3))
    return x, (x.sum(1) > 0).astype(int)
"""


@pytest.fixture
def study(project: Path) -> Path:
    file = project / "studies" / "mine.toml"
    file.parent.mkdir()
    file.write_text(
        'name = "mine"\nmodel = "models/mlp.py"\n[data]\nsource = "mydata.py:load"\n'
        '[search]\noptimizer = ["sgd", "adam"]\nlearning_rate = "auto"\n[budget]\ntrials = 4\nepochs = 3\n'
        '[pruner]\nname = "none"\n',
        encoding="utf-8",
    )
    (project / "mydata.py").write_text(PROGRAM, encoding="utf-8")
    return file


def test_run_says_how_it_ended_and_what_is_next(call, study):
    said = call("run", str(study))
    assert said.code == 0
    assert "Study mine: all trials are done.\n4 complete; " in said.out
    assert re.search(r"^Best accuracy: 0\.\d+ \(trial \d\)$", said.out, re.MULTILINE)
    assert said.out.rstrip().endswith("Next: tuner best mine | tuner show mine | tuner dashboard")
    assert (study.parents[1] / "runs" / "tuner.db").exists()
    again = call("run", str(study))
    assert (again.code, "4 complete; " in again.out) == (0, True)


@pytest.mark.slow
def test_class_weights_are_shown_with_the_names_of_the_classes(call, study, project):
    text = study.read_text(encoding="utf-8").replace("mydata.py:load", "breast_cancer")
    study.write_text(text.replace("[search]", "class_weight = { malignant = 2.5 }\n[search]"), encoding="utf-8")
    assert call("run", str(study)).code == 0
    shown = call("best", "mine", "--all").out
    assert re.search(r"^ +class_weight\.benign +1 *$", shown, re.MULTILINE)
    assert re.search(r"^ +class_weight\.malignant +2\.5 *$", shown, re.MULTILINE)
    comment = "# Weight of each class: 0 is benign, 1 is malignant.\nclass_weight = {0 = 1.0, 1 = 2.5}"
    for arguments in (["export", "mine", "--format", "toml", "-o", "best.toml"], ["report", "mine", "-o", "mine.html"]):
        assert call(*arguments).code == 0
        assert comment in Path(arguments[-1]).read_text(encoding="utf-8")


def test_json_and_nothing_else(call, study):
    """The data function prints; standard output stays JSON."""
    checked = call("check", str(study), "--json")
    assert json.loads(checked.out)["study"] == "mine"
    assert "still reading" in checked.err
    ran = call("run", str(study), "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["counts"]["complete"] == 4
    for command in (["show", "mine"], ["best", "mine"], ["list"], ["show", str(study)], ["best", str(study)]):
        said = call(*command, "--json")
        assert (said.code, said.err) == (0, "")
        json.loads(said.out)


def test_check_shows_the_options_of_the_metric(call, study):
    content = study.read_text(encoding="utf-8")
    objective = '[objective]\nmetric = "costs.py:cost"\noptions = { missed = 50.0 }\n'
    study.write_text(content.replace("[search]", objective + "[search]"), encoding="utf-8")
    costs = (
        "def cost(truth, answers, *, missed=20.0):\n    return float((missed * (truth - answers) ** 2).mean())\n\n\n"
        'cost.direction = "minimize"\n'
    )
    (study.parents[1] / "costs.py").write_text(costs, encoding="utf-8")
    said = call("check", str(study))
    assert "Study mine: minimize costs.py:cost (missed = 50) on validation data\n" in said.out
    assert json.loads(call("check", str(study), "--json").out)["objective"]["options"] == {"missed": 50.0}


def test_quiet(call, study):
    said = call("run", str(study), "--quiet", "--trials", "2")
    assert said.err == ""
    assert "2 complete" in said.out


def test_a_run_without_a_complete_trial_has_failed(call, study, monkeypatch):
    def diverging(recipe):
        return mock_study.trainer(recipe, diverges_above=0.0)

    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(diverging))
    said = call("run", str(study), "--json")
    assert said.code == 1
    assert json.loads(said.out)["best"] is None
    assert "A study needs a complete trial, but 'mine' has none (4 diverged). The last reason: the training" in said.err
    assert "or try lower learning rates" in said.err
    assert "Next:" not in call("run", str(study)).out


def test_a_run_whose_trials_all_took_too_long():
    """The advice was to try lower learning rates."""
    rows = [{"reason": "timeout: took longer than 1 s"}, {"reason": "timeout: took longer than 1 s"}, {"reason": None}]
    counts = {**dict.fromkeys(TrialState, 0), TrialState.DIVERGED: 2}
    content = {"study": "mine", "counts": counts, "trials": rows, "over_limit": {"trials": 0, "text": None}}
    said = run_command._nothing_complete(content)
    assert "Resume it with more --trials and a longer [budget] trial_time." in said


def test_the_same_error_three_times(call, study, monkeypatch):
    source = "def train(recipe):\n    raise ValueError('no such layer')\n    yield\n"
    Path("broken.py").write_text(source)
    broken = user_code.load(Path.cwd(), user_code.Reference("broken.py", "train"))
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(broken))
    said = call("run", str(study))
    assert said.code == 1
    assert "3 trials in a row failed with the same error: ValueError: no such layer" in said.err
    frame = "  broken.py, line 2, in train\n      raise ValueError('no such layer')\n"
    assert f"{frame}Fix it, then run the same command again." in said.err
    assert said.err.rstrip().endswith("The same command with --traceback shows every frame.")
    assert len(said.err.splitlines()) < 8
    monkeypatch.setenv("TUNER_TRACEBACK", "")  # so that it is restored
    assert "Traceback (most recent call last)" in call("run", str(study), "--traceback").err
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    assert call("run", str(study)).code == 0
    assert "4 complete, 6 failed" in call("list").out


class WarningExecutor(InlineExecutor):
    """Warns of the model before each step."""

    def poll(self, timeout_s):
        found = super().poll(timeout_s)
        return [*(ModelWarned(event.number, "It cannot be saved.") for event in found[:1]), *found]


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_a_warning_of_the_model_is_printed_once(call, study, monkeypatch, options):
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: WarningExecutor(mock_study.trainer))
    said = call("run", str(study), *options)
    assert (said.code, (said.err + said.out).count("It cannot be saved.")) == (0, 1)
    again = call("run", str(study), *options)  # trains nothing, and warns of nothing meanwhile
    assert (again.code, (again.err + again.out).count("It cannot be saved.")) == (0, 1)


def test_the_storage_of_the_environment(call, study, project, monkeypatch):
    monkeypatch.setenv("TUNER_STORAGE", f"sqlite:///{project}/elsewhere.db")
    assert call("run", str(study)).code == 0
    assert (project / "elsewhere.db").exists()
    assert not (project / "runs").exists()
    assert "mine" in call("list").out
    assert call("list", "--storage", f"sqlite:///{project}/runs/tuner.db").code == 3


def test_a_study_file_leads_to_its_project(call, study, project, monkeypatch, tmp_path_factory):
    assert call("run", str(study)).code == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "Study mine: maximize accuracy" in call("show", str(study)).out
    assert call("show", "mine").code == 3


def test_threads_of_numpy_do_not_spin_unless_the_user_says_so(call, project, monkeypatch):
    for before, after in ((None, "4"), ("20", "20")):
        monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", before or "")
        if before is None:
            monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
        call("schema")
        assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == after


def test_an_empty_database(call, project):
    url = f"sqlite:///{project}/t.db"
    open_database(url, create=True).close()
    assert call("list", "--storage", url).out == "The database holds no study yet.\n"
    assert json.loads(call("list", "--storage", url, "--json").out) == []


def test_show_and_its_filters(call, project, study_url):
    whole = json.loads(call("show", "mock", "--storage", study_url, "--json").out)
    assert len(whole["trials"]) == 20
    present = {trial["state"] for trial in whole["trials"]}
    assert present >= {"complete", "pruned", "diverged"}
    for state in TrialState:
        some = json.loads(call("show", "mock", "--storage", study_url, "--json", "--state", state.value).out)
        assert len(some["trials"]) == whole["counts"][state]
        assert some["counts"] == whole["counts"]
    last = json.loads(call("show", "mock", "--storage", study_url, "--json", "--last", "3").out)
    assert [trial["number"] for trial in last["trials"]] == [17, 18, 19]
    text = call("show", "mock", "--storage", study_url).out
    assert text.startswith("Study mock: maximize accuracy\n")
    assert all(name in text for name in ("optimizer", "learning_rate"))
    assert "became nan in epoch 1" in text
    best = json.loads(call("show", "mock", "--storage", study_url, "--json", "--top", "2", "--sort", "value").out)
    complete = sorted((t["value"] for t in whole["trials"] if t["state"] == "complete"), reverse=True)
    assert [trial["value"] for trial in best["trials"]] == complete[:2]
    assert "\ntrial  accuracy  health" in call("show", "mock", "--storage", study_url, "--top", "2").out


def test_best_shows_the_parameters_and_the_recipe(call, project, study_url):
    text = call("best", "mock", "--storage", study_url).out
    content = json.loads(call("best", "mock", "--storage", study_url, "--json").out)
    assert text.startswith(f"Study mock: accuracy {content['value']:.5g} (trial {content['trial']})\n")
    for name, value in content["params"].items():
        shown = f"{value:.5g}" if isinstance(value, float) else str(value)
        assert re.search(rf"^  {name} +{re.escape(shown)}\s*$", text, re.MULTILINE), name
    assert "models/mlp.py:build" in text
    assert 'tuner.best("mock")' in text
    assert "batch_size" not in text
    everything = call("best", "mock", "--storage", study_url, "--all").out
    assert "batch_size" in everything
    assert "{}" not in everything


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("command", ["list", "show", "best", "check"])
def test_terminals_of_any_width(call, project, study_url, narrow, columns, command):
    narrow(columns)
    arguments = {"list": [], "check": ["studies/digits.toml"]}.get(command, ["mock"])
    storage = [] if command == "check" else ["--storage", study_url]
    text = call(command, *arguments, *storage).out
    assert max(len(line) for line in text.splitlines()) <= columns
    assert "…" not in text.replace(" … ", ""), "something was cut"
    if command == "show":
        found = json.loads(call("show", "mock", "--storage", study_url, "--json").out)
        numbers = [t["value"] for t in found["trials"]] + [t["params"]["learning_rate"] for t in found["trials"]]
        assert all(value_text(number) in text for number in numbers if number is not None), "a number was broken"


def test_names_with_brackets_are_text(call, project):
    url, name = f"sqlite:///{project}/t.db", "[red]a[/] :smile: [link=x]"
    optuna.create_study(study_name=name, storage=url).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert name in call("list", "--storage", url).out
    assert call("show", name, "--storage", url).out.startswith(f"Study {name}: minimize the objective\n")


def test_new_twice(call, project):
    first = call("new", "p")
    assert first.code == 0
    assert first.out.count("created ") == 3
    (project / "p" / "models" / "mlp.py").write_text("mine", encoding="utf-8")
    second = call("new", "p")
    assert second.code == 0
    assert second.out.count("kept ") == 3
    assert (project / "p" / "models" / "mlp.py").read_text(encoding="utf-8") == "mine"
    assert "Next:\n  cd p\n  tuner check studies/first.toml\n  tuner run studies/first.toml\n" in second.out


def test_new_for_a_table_names_what_is_missing(call, tmp_path):
    said = call("new", str(tmp_path / "p"), "--target", "y")
    assert said.code == 2
    assert "both --data FILE and --target COLUMN" in said.err
    assert not (tmp_path / "p").exists()


def test_check_of_a_new_project(call, project):
    call("new", ".")
    said = call("check", "studies/first.toml")
    assert said.code == 0
    assert "digits: multiclass, 64 → 10; rows: 1079 train, 359 validation, 359 test" in said.out
    assert re.search(r"^budget +trials 30, epochs 15$", said.out, re.MULTILINE), "checkpoint False, it said"
    assert "advice" not in said.out
    assert not (project / "runs").exists()


def test_check_counts_the_folds(call, project):
    """A trial trains on each of them, which nothing but the study file said."""
    said = call("check", "studies/wine_folds.toml")
    assert "113 train, 29 validation, 36 test; 5 folds, of which the first is counted here" in " ".join(
        said.out.split()
    )
    assert json.loads(call("check", "studies/wine_folds.toml", "--json").out)["data"]["folds"] == 5


@pytest.mark.parametrize(
    ("budget", "points", "said"),
    [
        ("trials = 20", "true", "first trials: 10 settings known to do well"),
        ("trials = 4", "true", "all trials of the budget: 4 settings known to do well"),
        ('time = "1h"', "true", "first trials: 10 settings known to do well"),
        ("trials = 3", '[{ optimizer = "sgd" }]', "first trials: 1 setting of the study file"),
        ("trials = 1", '[{ optimizer = "sgd" }, { optimizer = "adam" }]', "all trials of the budget: 1 setting of the"),
        ("trials = 1", "false", None),
    ],
)
def test_check_counts_first_trials_within_the_budget(call, study, budget, points, said):
    text = study.read_text(encoding="utf-8").replace("trials = 4", budget)
    study.write_text(f"{text}[sampler]\ninitial_points = {points}\n", encoding="utf-8")
    checked = call("check", str(study))
    assert checked.code == 0
    [line] = re.findall(r"^ +((?:first trials|all trials of the budget): .*?) *$", checked.out, re.MULTILINE) or [None]
    assert line is said is None or line.startswith(said)


def test_check_trains_the_first_setting(call, study, project, monkeypatch):
    said = call("check", str(study), "--train")
    assert said.code == 0
    assert re.search(r"^tried +optimizer = \w+, learning_rate = [\d.e-]+ *$", said.out, re.MULTILINE)
    assert re.search(r"^ +adam learns at ", said.out, re.MULTILINE)
    assert re.search(
        r"trained by \w+: [\d.e-]+ s per epoch, after .* s of setup; all trials, without pruning: about", said.out
    )
    assert not (project / "runs").exists()

    def broken(recipe):
        assert recipe["epochs"] == 2
        raise ValueError("`units` must be a whole number")
        yield

    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(broken))
    failed = call("check", str(study), "--train", "--json")
    assert failed.code != 0
    assert failed.out == ""
    assert "A training failed: ValueError: `units` must be a whole number" in failed.err
    failed = call("check", str(study), "--train")
    assert failed.code != 0
    assert "\nadvice: data.validation: 12 validation rows decide which trial is best" in failed.out
    assert "A training failed: ValueError: `units` must be a whole number" in failed.err


def test_schema(call):
    assert json.loads(call("schema").out)["type"] == "object"


def test_one_trial_is_shown_with_its_epochs(call, study):
    assert call("run", str(study)).code == 0
    row = json.loads(call("show", "mine", "--json").out)["trials"][2]
    said = call("show", "mine", "--trial", "2")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == f"Trial 2 of study mine: complete, accuracy {value_text(row['value'])}"
    assert all(re.search(rf"^ +{name} +\S", said.out, re.MULTILINE) for name in row["params"])
    table = lines[lines.index("Epochs:") + 1 :]
    assert table[0].split() == ["epoch", "accuracy", "training", "loss", "validation", "loss", "learning", "rate"]
    assert [line.split()[0] for line in table[1:4]] == ["1", "2", "3"]
    assert "tuner export mine --trial 2 | A trained model: tuner train mine --trial 2" in " ".join(lines[-2:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trial", "7"], "has the trials 0 to 3, but got 7"),
        (["--trial", "1", "--top", "2", "--sort", "time"], "--top and --sort cannot be given with it"),
        (["--trial", "-1"], "-1 is not in the range x>=0"),
    ],
)
def test_one_trial_that_cannot_be_shown(call, study, arguments, message):
    assert call("run", str(study)).code == 0
    said = call("show", "mine", *arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
