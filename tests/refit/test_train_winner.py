"""`train` from the study to the file, with trainings that only pretend: what it chooses, says, saves and refuses."""

from __future__ import annotations

import json
import math
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mock_results import mock_results
from mock_winner import COST, deserved, pretending, selected_epoch

from tuner.catalog import Recipe
from tuner.errors import ContentError, DataError, NoBestTrialError, StudyFailedError, UsageError
from tuner.health import HealthOptions
from tuner.protocol import JobFailed, LimitExceeded, Limits, WorkerDied
from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.refit.handover_candidates import find_contenders
from tuner.results import StoredStudy, read_study_results
from tuner.serving import read_about

TRIALS = {"trials": 25, "epochs": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("winner")


@pytest.fixture(scope="module")
def study(place) -> StoredStudy:
    return mock_results(place, data={"source": "digits"}, budget=TRIALS, diverges_above=5.0)


def trained(study: StoredStudy, folder: Path, file: Path, **options) -> RefitResult:
    asked = {key: options.pop(key) for key in ("top", "seeds", "seed", "force", "single") if key in options}
    return refit_leaders(study, folder, RefitOptions(file, **asked), pretending(**options))


@pytest.fixture(scope="module")
def found(study, place) -> RefitResult:
    return trained(study, place, place / "best.keras")


def test_the_leaders_are_trained_again_and_one_is_chosen(found, study):
    complete = [trial for trial in study.record.trials if study.trial_state(trial)[0] == "complete"]
    best = sorted(complete, key=lambda trial: -trial.value)[:3]
    assert [row.candidate.leader.trial for row in found.recipes] == [trial.number for trial in best]
    assert all(len(row.candidate.values) == 5 for row in found.recipes)
    bounds = {row.candidate.leader.trial: row.candidate.bound for row in found.recipes}
    assert found.chosen == max(bounds, key=bounds.get)
    assert [row.p is None for row in found.recipes].count(True) == 1
    for row in found.recipes:
        assert row.candidate.mean == pytest.approx(deserved(row.candidate.leader.recipe), abs=0.02)
        assert row.candidate.bound < row.candidate.mean < row.candidate.interval.high
        assert row.optimism == pytest.approx(row.candidate.leader.value - row.candidate.mean)


def test_the_test_part_is_scored_and_lies_where_it_was_expected(found):
    assert found.verdict == "winner"
    assert found.expected.low < found.test.mean < found.expected.high
    assert found.test.interval.low < found.test.mean < found.test.interval.high
    assert found.test.score == found.test.value > found.test.mean - 0.02, "the ensemble is what is scored"
    assert found.test.seed is None
    assert found.rows == {"train": 1438, "validation": 359, "test": 359}
    width = found.expected.high - found.expected.low
    assert width > found.winner.candidate.interval.high - found.winner.candidate.interval.low
    assert any("it is inside" in sentence for sentence in found.meaning)


def test_the_file_says_what_it_is(found, place):
    about = read_about(place / "best.keras")
    assert (about.study, about.trial, about.recipe) == ("mock", found.chosen, found.recipe)
    assert about.classes == tuple("0123456789")
    assert about.scores["test"] == json.loads(json.dumps(found.to_json()["test"]))
    assert about.preprocessing.center.shape == (64,)
    assert [path.name for path in place.glob(".best*")] == []


def test_seeds_are_shared_by_the_recipes_and_new(study, place, tmp_path):
    executors = pretending()
    refit_leaders(study, place, RefitOptions(tmp_path / "a.keras", seeds=2), executors)
    jobs = [job for job in executors.made[-1].jobs if job.purpose in ("revalidate", "final_fit")]
    seeds = [Recipe.from_json(job.recipe).seed for job in jobs]
    again, final = seeds[:6], seeds[6:]
    assert len(set(again)) == 2
    assert set(final) == set(again)
    searched = {row.candidate.leader.recipe.seed for row in trained(study, place, tmp_path / "b.keras").recipes}
    assert not searched & set(again)
    assert [job.purpose for job in jobs] == ["revalidate"] * 6 + ["final_fit"] * 2
    assert executors.made[-1].closed is False


def test_the_last_trainings_end_after_the_median_of_the_epochs_that_the_seeds_selected(tmp_path):
    budget = {"trials": 6, "epochs": 30, "keep": "best", "stop": {"patience": 4}}
    study, executors = mock_results(tmp_path, data={"source": "digits"}, budget=budget), pretending()
    found = refit_leaders(study, tmp_path, RefitOptions(tmp_path / "a.keras", seeds=3, top=1), executors)
    jobs = executors.made[-1].jobs
    again = [Recipe.from_json(job.recipe) for job in jobs if job.purpose == "revalidate"]
    assert {(recipe.keep, recipe.patience, recipe.last_epoch) for recipe in again} == {("best", 4, None)}
    median = sorted(selected_epoch(recipe) for recipe in again)[1]
    last = [Recipe.from_json(job.recipe) for job in jobs if job.purpose == "final_fit"]
    said = {(recipe.keep, recipe.patience, recipe.last_epoch, recipe.epochs) for recipe in [*last, found.recipe]}
    assert said == {("last", None, median, 30)}


def test_the_same_seed_gives_the_same_and_another_one_another(study, place, tmp_path):
    first, second, other = (trained(study, place, tmp_path / f"{n}.keras", seed=s) for n, s in enumerate((1, 1, 2)))
    values = [[row.candidate.values for row in one.recipes] for one in (first, second, other)]
    assert values[0] == values[1] != values[2]
    assert first.test.before + 1 == second.test.before or second.test.before == first.test.before


def test_each_look_at_the_test_part_is_counted(place, tmp_path):
    study = mock_results(tmp_path, data={"source": "digits"}, budget={"trials": 3, "epochs": 1})
    for looks in range(3):
        again = read_study_results(study.database, "mock")
        assert len(again.record.attrs.test_uses) == looks
        said = trained(again, tmp_path, tmp_path / "m.keras", seeds=2, top=1, force=True)
        assert said.test.before == looks
        assert ("scored" in said.meaning[-1]) == (looks > 0)
    assert "was scored 2 times before" in said.meaning[-1]


def test_noise_has_no_winner(study, place, tmp_path):
    executors = pretending(share=lambda recipe: 0.13)
    file = tmp_path / "noise.keras"
    said = refit_leaders(study, place, RefitOptions(file), executors)
    assert said.verdict == "none"
    assert not file.exists()
    assert said.test is said.expected is said.file is None
    assert {job.purpose for job in executors.made[-1].jobs} == {"control", "revalidate"}, "the test part is not touched"
    assert any(sentence.startswith("No winner: ") for sentence in said.meaning)
    assert said.baseline.p > 0.05


def test_noise_is_saved_if_that_is_asked_for_and_the_file_says_so(study, place, tmp_path):
    file = tmp_path / "noise.keras"
    executors = pretending(share=lambda recipe: 0.13)
    said = refit_leaders(study, place, RefitOptions(file, save_anyway=True), executors)
    assert (said.verdict, said.file) == ("none", str(file))
    assert said.baseline.meaning.endswith("It was saved anyway, as --save-anyway requests.")
    assert said.test is not None
    assert "saved although no recipe beats a constant answer" in read_about(file).warning


def test_a_test_part_that_does_not_agree_is_said(study, place, tmp_path):
    said = trained(study, place, tmp_path / "a.keras", share_of_test=0.1)
    assert said.verdict == "unconfirmed"
    assert said.baseline.test_p > 0.05
    text = " ".join(said.meaning)
    assert "it is outside" in text
    assert "The test part does not confirm the winner" in text
    about = read_about(tmp_path / "a.keras")
    assert (about.scores["verdict"], about.warning) == ("unconfirmed", None)


def test_p_counts_for_every_trial_that_was_looked_at(study, place, tmp_path):
    """A small advantage that one look would call more than chance; the best of 25 trials has it by chance."""
    said = trained(study, place, tmp_path / "a.keras", share=lambda recipe: 0.165)
    assert said.baseline.tried == sum(study.trial_state(t)[0] == "complete" for t in study.record.trials) > 15
    assert said.baseline.p / said.baseline.tried < 0.05 < said.baseline.p
    assert said.verdict == "none"


def test_recipes_that_differ(study, place, tmp_path):
    ranks = {}

    def share(recipe):
        ranks.setdefault(recipe.learning_rate, len(ranks))
        return 0.9 - 0.2 * ranks[recipe.learning_rate]

    said = trained(study, place, tmp_path / "a.keras", share=share)
    assert said.leaders.startswith(f"Trial {said.chosen} differs from trials ")
    alike = trained(study, place, tmp_path / "b.keras", share=lambda recipe: 0.9)
    assert "are too close to call" in alike.leaders
    assert "that it was chosen may be chance" in alike.leaders
    assert alike.chosen == alike.recipes[0].candidate.leader.trial, "of equals the one that led the search"
    alone = trained(study, place, tmp_path / "c.keras", top=1)
    assert "nothing to compare it with" in alone.leaders


def test_a_recipe_that_diverges_goes_behind(study, place, tmp_path):
    best = trained(study, place, tmp_path / "a.keras").recipes[0].candidate.leader.recipe
    seen: list[int] = []

    def once(recipe, purpose):
        mine = recipe.learning_rate == best.learning_rate and purpose == "revalidate"
        seen.extend([1] if mine else [])
        return mine and len(seen) == 2

    said = trained(study, place, tmp_path / "b.keras", diverges=once)
    assert said.recipes[0].candidate.values.count(None) == 1
    assert said.chosen != said.recipes[0].candidate.leader.trial
    assert said.recipes[0].p is not None, "compared over the seeds that both have"
    assert "1 training diverged" in said.meaning[-1]


def test_where_everything_diverges_it_has_failed(study, place, tmp_path):
    with pytest.raises(StudyFailedError, match="none of the trials"):
        trained(study, place, tmp_path / "a.keras", diverges=lambda recipe, purpose: True)
    with pytest.raises(StudyFailedError, match="with all rows each of 5 diverged: the training loss became nan"):
        trained(study, place, tmp_path / "a.keras", diverges=lambda recipe, purpose: purpose == "final_fit")
    assert list(tmp_path.iterdir()) == []


def test_the_first_seed_that_does_not_diverge_is_kept(study, place, tmp_path):
    last: list[int] = []

    def first(recipe, purpose):
        last.extend([recipe.seed] if purpose == "final_fit" else [])
        return purpose == "final_fit" and len(last) == 1

    said = trained(study, place, tmp_path / "a.keras", diverges=first, single=True)
    assert said.test.seed == 1
    assert said.test.values[0] is None
    assert said.recipe.seed == last[1]
    assert said.test.value == said.test.values[1]


def test_without_a_test_part(tmp_path):
    study = mock_results(tmp_path, data={"source": "digits", "test": 0.0}, budget={"trials": 4, "epochs": 1})
    said = trained(study, tmp_path, tmp_path / "a.keras")
    assert (said.verdict, said.test, said.expected) == ("winner", None, None)
    assert said.rows["train"] == 1797
    assert "no test part" in " ".join(said.meaning)
    assert read_about(tmp_path / "a.keras").scores["test"] is None


def test_folds(tmp_path):
    data = {"source": "digits", "validation": {"folds": 3}}
    study = mock_results(tmp_path, data=data, budget={"trials": 4, "epochs": 1})
    said = trained(study, tmp_path, tmp_path / "a.keras")
    assert said.rows == {"train": 1438, "validation": 1438, "test": 359}
    assert said.expected.low < said.test.mean < said.expected.high


def test_a_schedule_that_watches_the_validation_part_keeps_it(tmp_path):
    search = {"learning_rate": [0.01, 0.03], "schedule": "reduce_on_plateau"}
    study = mock_results(tmp_path, data={"source": "digits"}, search=search, budget={"trials": 2, "epochs": 1})
    assert trained(study, tmp_path, tmp_path / "a.keras").rows["train"] == 1079


def test_recipes_that_differ_in_their_seed_alone_are_one(tmp_path):
    study = mock_results(tmp_path, search={"optimizer": ["sgd", "adam"]}, budget={"trials": 8, "epochs": 1})
    said = trained(study, tmp_path, tmp_path / "a.keras")
    assert sorted(row.candidate.leader.params["optimizer"] for row in said.recipes) == ["adam", "sgd"]


def test_errors_of_the_persons_code(study, place, tmp_path):
    def raising(job):
        frames = ("models/own.py, line 3, in build", "    layer(3)")
        return JobFailed(job.number, "ValueError: no such layer", "Traceback …\nValueError\n", frames=frames)

    with pytest.raises(StudyFailedError, match="(?s)no such layer.*models/own.py, line 3.*Fix it, then run") as error:
        trained(study, place, tmp_path / "a.keras", instead=raising)
    assert "Traceback" not in str(error.value)
    assert "Traceback" in error.value.details

    def ours(job):
        return JobFailed(job.number, "ContentError: A trained model must be one that Keras can save.", "Traceback …")

    with pytest.raises(StudyFailedError, match=r"A training failed. A trained model must be") as error:
        trained(study, place, tmp_path / "a.keras", instead=ours)
    assert "Traceback" not in str(error.value)


def test_a_worker_that_dies_once_and_one_that_dies_twice(study, place, tmp_path):
    deaths: list[int] = []

    def first_time(job):
        deaths.append(job.number)
        return WorkerDied(job.number, "its worker process was ended by SIGKILL", "bye") if len(deaths) == 1 else None

    assert trained(study, place, tmp_path / "a.keras", instead=first_time).verdict == "winner"
    assert deaths.count(deaths[0]) == 2
    with pytest.raises(StudyFailedError, match=r"(?s)SIGKILL, twice.*bye"):
        trained(study, place, tmp_path / "b.keras", instead=lambda job: WorkerDied(job.number, "it got SIGKILL", "bye"))
    with pytest.raises(
        StudyFailedError,
        match=r"out of memory: no more\. Use fewer --workers; or raise the limits of a trial in \[budget\]",
    ):
        trained(
            study, place, tmp_path / "b.keras", instead=lambda job: LimitExceeded(job.number, "out of memory: no more")
        )


@pytest.mark.parametrize("after", [3, 16])
def test_ctrl_c_leaves_nothing(study, place, tmp_path, after):
    file = tmp_path / "a.keras"
    file.write_bytes(b"old")

    def interrupting(job):
        count.append(job.number)
        if len(count) == after:
            os.kill(os.getpid(), signal.SIGINT)

    count: list[int] = []
    executors = pretending(instead=interrupting)
    with pytest.raises(KeyboardInterrupt, match="no model was saved: run it again, it starts over") as raised:
        refit_leaders(study, place, RefitOptions(file, force=True), executors)
    assert type(raised.value) is KeyboardInterrupt, "else Python does not end a script by SIGINT"
    assert executors.made[-1].closed is True, "workers are ended at once"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_changed_model_and_changed_data(study, place, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"must end in \.keras, but got"):
        trained(study, place, tmp_path / "a.h5")
    with monkeypatch.context() as patch:
        patch.setattr("tuner.results.recipe_code_permission.sha256", lambda path: "0" * 64)
        with pytest.raises(ContentError, match=r"models/mlp\.py has changed since the study was started"):
            trained(study, place, tmp_path / "a.keras")
    monkeypatch.setitem(vars(study.record.attrs.info.facts), "sha256", "0" * 64)
    with pytest.raises(DataError, match="must stay as they were"):
        trained(study, place, tmp_path / "a.keras")


def test_without_a_complete_trial(tmp_path):
    study = mock_results(tmp_path, diverges_above=0.0, budget={"trials": 2, "epochs": 1})
    with pytest.raises(NoBestTrialError):
        trained(study, tmp_path, tmp_path / "a.keras")


def test_progress_counts_trainings(study, place, tmp_path):
    shown = []
    refit_leaders(study, place, RefitOptions(tmp_path / "a.keras", seeds=2), pretending(), shown.append)
    assert shown[-1].finished == shown[-1].trials == 2 * 3 + 2 + 2, "leaders, controls, final trainings"
    assert shown[-1].unit == "trainings"
    assert shown[-1].counts["running"] == 0
    assert max(standing.counts["running"] for standing in shown) == 2
    assert shown[-1].best[1] > 0.5


def test_json_is_plain(found):
    content = json.loads(json.dumps(found.to_json()))
    assert content["chosen"] == found.chosen
    assert all(math.isfinite(row["mean"]) for row in content["recipes"])
    assert np.isfinite(content["baseline"]["p"])


def test_trainings_are_judged_as_the_search_judged_them(study, place, tmp_path):
    executors = pretending()
    refit_leaders(study, place, RefitOptions(tmp_path / "a.keras", seeds=2, top=1), executors)
    assert executors.made[-1].place.health == HealthOptions()
    stopping = {"stop": ["diverged", "exploding"]}
    other = mock_results(tmp_path, data={"source": "digits"}, budget={"trials": 2, "epochs": 1}, health=stopping)
    refit_leaders(other, tmp_path, RefitOptions(tmp_path / "b.keras", seeds=2, top=1), executors)
    assert executors.made[-1].place.health == HealthOptions(True, ("diverged", "exploding"))


def test_trainings_may_use_what_a_trial_may(tmp_path):
    """As the study was run last: budgets may change."""
    data, executors = {"source": "digits"}, pretending()
    budget = {"trials": 2, "epochs": 1}
    for more, limits in (({}, Limits()), ({"memory": "2GB", "trial_time": "90s"}, Limits(90.0, 2_000_000_000))):
        study = mock_results(tmp_path, data=data, budget={**budget, **more})
        refit_leaders(study, tmp_path, RefitOptions(tmp_path / "a.keras", seeds=2, top=1, force=True), executors)
        assert executors.made[-1].place.limits == limits
        assert executors.made[-1].place.checkpoint_s is None


def test_a_study_with_a_budget_that_nobody_wrote(study, place, tmp_path, monkeypatch):
    monkeypatch.setitem(study.record.attrs.info.source, "budget", {"memory": "all", "trials": 25})
    with pytest.raises(UsageError, match=r"The database must hold 'mock' as .* but budget\.memory cannot be read"):
        trained(study, place, tmp_path / "a.keras")


def test_the_ensemble_is_handed_over(study, place, tmp_path):
    executors = pretending()
    said = refit_leaders(study, place, RefitOptions(tmp_path / "a.keras"), executors)
    job = executors.made[-1].jobs[-1]
    assert job.purpose == "assemble"
    assert [member.weight for member in job.members] == pytest.approx([0.2] * 5)
    assert [member.recipe["seed"] for member in job.members] == [member.seed for member in said.handed.members]
    about = read_about(tmp_path / "a.keras")
    assert [member["trial"] for member in about.members] == [said.chosen] * 5
    assert about.temperature == said.handed.temperature
    assert (said.handed.model, said.handed.cost, said.handed.bytes) == ("ensemble", COST, said.handed.bytes)
    rows = {row.name: row for row in said.models}
    assert list(rows) == ["single", "ensemble", "constant", "linear", "boosting"]
    assert rows["ensemble"].cost.weights == 5 * rows["single"].cost.weights == 5 * COST.weights
    assert rows["single"].score == said.winner.candidate.mean
    assert said.control is None


def test_a_single_network_is_handed_over_if_asked_for(study, place, tmp_path):
    executors = pretending()
    said = refit_leaders(study, place, RefitOptions(tmp_path / "a.keras", single=True), executors)
    job = executors.made[-1].jobs[-1]
    assert [(member.weight, member.recipe["seed"]) for member in job.members] == [(1.0, said.recipe.seed)]
    assert job.temperature is None
    assert (said.test.seed, said.test.value, said.test.score) == (0, said.test.values[0], said.test.mean)
    assert read_about(tmp_path / "a.keras").members == ()
    assert "The ensemble of" not in " ".join(said.meaning)


def test_a_mixture_trains_each_of_its_recipes(study, place, tmp_path, monkeypatch):
    def mixture(contenders, measure, *, single):
        first, second = (row for row in ranks)
        return replace(contenders[1], name="mixture", shares={first: 0.75, second: 0.25})

    ranks = [row.candidate.leader.trial for row in trained(study, place, tmp_path / "a.keras").recipes][:2]
    monkeypatch.setattr("tuner.refit.refit_study.select_contender", mixture)
    monkeypatch.setattr(
        "tuner.refit.refit_study.find_contenders",
        lambda *given: [*(found := find_contenders(*given)), replace(found[1], name="mixture", shares={ranks[0]: 1.0})],
    )
    executors, file = pretending(), tmp_path / "b.keras"
    said = refit_leaders(study, place, RefitOptions(file, seeds=3), executors)
    job = executors.made[-1].jobs[-1]
    assert [member.weight for member in job.members] == pytest.approx([0.25, 0.25 / 3] * 3)
    assert [member["trial"] for member in read_about(file).members] == ranks * 3
    assert len(said.test.values) == 6
    assert said.test.score is not None


def test_a_control_that_is_as_good_comes_first(study, place, tmp_path):
    said = trained(study, place, tmp_path / "a.keras", controls={"linear": 0.1, "boosting": 1.0})
    assert said.verdict == "winner", "a model is saved all the same"
    assert said.control is not None
    assert said.control.startswith("A control is better: gradient boosting (scikit-learn")
    assert said.meaning[0] == said.control
    again = read_study_results(study.database, "mock")
    assert again.record.attrs.refit["control"] == said.control


@pytest.mark.parametrize("kind", [LimitExceeded, JobFailed])
def test_a_control_that_fails_is_left_out(study, place, tmp_path, kind):
    def failing(job):
        texts = ["more than 2 GB"] if kind is LimitExceeded else ["ValueError: no", "Traceback"]
        return kind(job.number, *texts) if job.purpose == "control" else None

    said = trained(study, place, tmp_path / "a.keras", instead=failing)
    assert said.verdict == "winner"
    assert [row.note for row in said.models[-2:]] == [
        "more than 2 GB" if kind is LimitExceeded else "ValueError: no"
    ] * 2


def test_too_much_data_has_no_controls(study, place, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.refit.model_table.MOST_VALUES", 1_000)
    executors = pretending()
    said = refit_leaders(study, place, RefitOptions(tmp_path / "a.keras", seeds=2, top=1), executors)
    assert "control" not in {job.purpose for job in executors.made[-1].jobs}
    assert said.models[-1].note == "more than 1,000 values to train on"


def test_an_ensemble_over_a_limit_of_the_study_is_not_handed_over(tmp_path):
    study = mock_results(tmp_path, data={"source": "digits"}, budget=TRIALS, limits={"weights": 20_000})
    found = trained(study, tmp_path, tmp_path / "small.keras")
    assert found.handed.model == "single"
    assert {row.name for row in found.models} >= {"single", "ensemble"}  # it stays in the comparison
    assert any(
        re.fullmatch(r"The ensemble is not saved: its networks together have [\d,]+ weights, more than .*", said)
        for said in found.meaning
    )
