"""Summary, best trial and list of studies, over a study of every state."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import mock_study
import optuna
import pytest

from tuner.catalog import TrialState
from tuner.engines import EpochRecord, TrainingResult
from tuner.errors import NoBestTrialError, RepeatedFailureError, StudyNotFoundError, UsageError
from tuner.executors import InlineExecutor
from tuner.results import best_trial, failure_texts, list_studies, read_study_results, summary
from tuner.runner.study_runner import StudyRunner
from tuner.storage import Database, StudySession, open_database
from tuner.study import explain


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/t.db", create=True)


def left_running(database: Database, tmp_path: Path, *, alive: bool) -> None:
    """Four complete trials, and one that a coordinator left running."""
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 4, "epochs": 5}), database)
    store = StudySession(database, "mock", "maximize")
    store.study(sampler=optuna.samplers.RandomSampler(0)).ask()
    store.flush()
    if not alive:
        store.close(written=False)


@pytest.mark.parametrize(("alive", "state"), [(True, "running"), (False, "waiting")])
def test_what_a_dead_process_left_running_is_waiting(
    database: Database, tmp_path: Path, alive: bool, state: str
) -> None:
    left_running(database, tmp_path, alive=alive)
    expected = {**dict.fromkeys(TrialState, 0), "complete": 4, state: 1}
    content = summary(read_study_results(database, "mock"))
    assert content["counts"] == expected
    assert content["trials"][4]["state"] == state
    assert content["trials"][4]["reason"] == (None if alive else "interrupted; it runs again when the study is resumed")
    (row,) = list_studies(database)
    assert row["counts"] == expected
    assert row["best"] == {"trial": content["best"]["trial"], "value": content["best"]["value"]}
    assert (row["study"], row["metric"], row["direction"]) == ("mock", "accuracy", "maximize")


def test_the_best_trial_has_its_recipe(database: Database, tmp_path: Path) -> None:
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 6, "epochs": 5}), database)
    study = read_study_results(database, "mock")
    best = best_trial(study)
    values = [trial.value for trial in study.record.trials]
    assert best.value == max(value for value in values if value is not None)
    assert values[best.trial] == best.value
    assert best.recipe.learning_rate == best.params["learning_rate"]
    assert best.recipe.optimizer.name == best.params["optimizer"]
    assert best.to_json()["recipe"] == best.recipe.to_json()
    assert (best.study, best.metric) == ("mock", "accuracy")


def test_the_recipe_of_a_metric_whose_file_has_a_blank_in_its_name(database: Database, tmp_path: Path) -> None:
    """Not "Somebody has changed it there"."""
    code = "def right(truth, answers, weight=None):\n    return (truth == answers).mean()\n\n\n"
    (tmp_path / "my costs.py").write_text(f"{code}right.direction = 'maximize'\nright.takes = 'classes'\n")
    spec = mock_study.spec_of(tmp_path, objective={"metric": "my costs.py:right"}, budget={"trials": 2, "epochs": 2})
    mock_study.run(spec, database)
    assert best_trial(read_study_results(database, "mock")).recipe.metric == "my costs.py:right"


def test_a_choice_of_lists_is_a_list(database: Database, tmp_path: Path) -> None:
    units = [[8], [16, 8]]
    search = {**mock_study.CONTENT["search"], "model": {"units": units}}
    mock_study.run(mock_study.spec_of(tmp_path, search=search, budget={"trials": 4, "epochs": 2}), database)
    study = read_study_results(database, "mock")
    content, best = summary(study), best_trial(study)
    assert all(row["params"]["model.units"] in units for row in content["trials"])
    assert content["best"]["params"] == best.params
    assert best.params["model.units"] == best.recipe.model.options["units"]


def test_no_complete_trial(database: Database, tmp_path: Path) -> None:
    StudySession(database, "empty", "minimize").close()
    with pytest.raises(NoBestTrialError, match=r"'empty' has none yet \(no trials\)\. `tuner run FILE` resumes it"):
        best_trial(read_study_results(database, "empty"))
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database, diverges_above=0.0)
    with pytest.raises(
        NoBestTrialError, match=r"3 diverged.*`tuner show mock` gives the reasons; .* with more --trials"
    ):
        best_trial(read_study_results(database, "mock"))
    session = StudySession(database, "going on", "minimize")
    with pytest.raises(NoBestTrialError, match="It is running: wait for one; `tuner show 'going on'` says how far"):
        best_trial(read_study_results(database, "going on"))
    session.close()
    rows = {row["study"]: row for row in list_studies(database)}
    assert rows["mock"]["best"] is None
    assert rows["empty"]["counts"] == dict.fromkeys(TrialState, 0)


def test_studies_of_plain_optuna(database: Database) -> None:
    plain = optuna.create_study(study_name="plain", storage=database.url)
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    several = optuna.create_study(study_name="several", storage=database.url, directions=["minimize", "maximize"])
    several.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=2)
    (row,) = list_studies(database)
    assert (row["study"], row["metric"], row["counts"]["complete"]) == ("plain", None, 3)
    assert summary(read_study_results(database, "plain"))["best"]["value"] == plain.best_value
    with pytest.raises(NoBestTrialError, match="was not made by keras-studies"):
        best_trial(read_study_results(database, "plain"))
    with pytest.raises(UsageError, match="has one objective, but 'several' has 2"):
        read_study_results(database, "several")


def test_an_older_database_says_why_a_trial_fell_back(database: Database) -> None:
    plain = optuna.create_study(study_name="plain", storage=database.url)
    for name in ("slower_as", "fallback_reason"):
        trial = plain.ask()
        trial.set_user_attr(name, "the model has 2 inputs")
        plain.tell(trial, 0.5)
    rows = summary(read_study_results(database, "plain"))["trials"]
    assert [row["fallback_reason"] for row in rows] == ["the model has 2 inputs"] * 2


def test_an_unknown_study(database: Database) -> None:
    with pytest.raises(StudyNotFoundError, match=r"no study 'mock' in the database\. It holds: none\."):
        read_study_results(database, "mock")
    StudySession(database, "mock", "maximize").close()
    with pytest.raises(StudyNotFoundError, match=r"Did you mean 'mock'\?"):
        read_study_results(database, "mokc")


def test_a_list_of_nothing(database: Database) -> None:
    assert list_studies(database) == []


def broken(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    raise ValueError(f"no such layer: {object()!r}")
    yield


def test_failed_trials_use_up_no_budget_later(database: Database, tmp_path: Path) -> None:
    spec = mock_study.spec_of(tmp_path, budget={"trials": 3, "epochs": 5})
    with pytest.raises(RepeatedFailureError, match="3 trials in a row"):
        StudyRunner(spec, database, InlineExecutor(broken)).run()
    content = summary(read_study_results(database, "mock"))
    assert content["counts"]["failed"] == 3
    assert {row["reason"] for row in content["trials"] if row["reason"]} == {
        "ValueError: no such layer: <object object at 0x…>"
    }
    _, shown = mock_study.run(spec, database)
    counts = summary(read_study_results(database, "mock"))["counts"]
    assert (counts["failed"], counts["complete"]) == (3, 3)
    assert (shown[-1].finished, shown[-1].trials) == (6, 6)
    mock_study.run(spec, database)
    assert summary(read_study_results(database, "mock"))["counts"]["complete"] == 3


def test_explain_names_every_searched_dimension(tmp_path: Path) -> None:
    spec = mock_study.spec_of(tmp_path)
    content = explain(spec)
    assert [row["name"] for row in content["space"]] == [dimension.name for dimension in spec.space.searched]
    momentum = next(row for row in content["space"] if row["name"] == "momentum")
    assert momentum["when"] == {"optimizer": ["sgd", "adam"]}
    assert content["settings"] is None
    assert content["data"]["rows"] == {"train": 90, "validation": 30, "test": 30}
    grid = explain(mock_study.spec_of(tmp_path, search={"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"]}))
    assert grid["settings"] == 4
    assert grid["fixed"]["loss"] == "categorical_crossentropy"


def test_the_commonest_errors_of_failed_trials_come_first():
    rows = [("failed", "a"), ("failed", "b"), ("complete", None), ("failed", "b"), ("diverged", "c"), ("failed", None)]
    found = failure_texts([{"state": state, "reason": reason} for state, reason in rows])
    assert found == ["2 trials failed: b", "1 trial failed: a"]


def test_errors_that_differ_only_in_numbers_are_one_and_others_are_counted():
    reasons = [f"no {thing} at 0x7f{at}c" for thing, at in [("b", "a0"), ("a", "1e"), ("a", "e1"), ("c", 4), ("d", "")]]
    found = failure_texts([{"state": "failed", "reason": reason} for reason in [*reasons, "e 1", "e 2,000", "e 3.5"]])
    assert found == [
        "3 trials failed, for example: e 1",
        "2 trials failed, for example: no a at 0x7f1ec",
        "1 trial failed: no b at 0x7fa0c",
        "2 more trials failed for other reasons.",
    ]
