"""What the batch writes equals what Optuna's public calls write, for the installed version."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tuner.storage import Database, StudySession


def play(study: optuna.Study, flush: Any = lambda: None) -> None:
    """A study with everything that a trial can hold, in three trials and one that waits."""
    study.set_user_attr("about", {"a": [1, 2]})
    study.set_metric_names(["accuracy"])
    study.enqueue_trial({"x": 0.25})
    flush()
    for number in range(3):
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_int("n", 1, 100, log=True)
        flush()
        trial.suggest_categorical("c", ["a", None, True, 3, 0.5])
        trial.report(0.5, 1)
        flush()
        trial.report(math.nan, 2)
        trial.report(math.inf, 3)
        trial.report(-math.inf, 4)
        trial.set_user_attr("note", "é <b>")
        flush()
        trial.set_user_attr("note", "another")
        trial.set_constraint("finite", float(number))
        if number == 0:
            study.tell(trial, math.inf)
        elif number == 1:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, state=TrialState.FAIL)
        flush()
    study.enqueue_trial({"x": 0.75})
    flush()


def plain(trial: FrozenTrial) -> dict[str, Any]:
    fields = {
        "number": trial.number,
        "state": trial.state,
        "values": trial.values,
        "params": trial.params,
        "distributions": trial.distributions,
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "intermediate_values": trial.intermediate_values,
        "started": trial.datetime_start is not None,
        "ended": trial.datetime_complete is not None,
    }
    return {key: str(value) for key, value in fields.items()}  # as text, where NaN equals NaN


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_batches_equal_public_calls(database: Database) -> None:
    public = optuna.create_study(
        study_name="public", storage=database.optuna, sampler=optuna.samplers.TPESampler(seed=1), direction="maximize"
    )
    play(public)
    store = StudySession(database, "batched", "maximize")
    play(store.study(sampler=optuna.samplers.TPESampler(seed=1)), store.flush)
    store.close()
    ours, theirs = (optuna.load_study(study_name=name, storage=database.optuna) for name in ("batched", "public"))
    assert [plain(trial) for trial in ours.trials] == [plain(trial) for trial in theirs.trials]
    assert ours.user_attrs == theirs.user_attrs
    assert ours.metric_names == theirs.metric_names
    assert ours.best_value == theirs.best_value


def test_times_survive_the_change_of_zone(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    study.tell(trial, 1.0)
    expected = study.trials[0]
    store.flush()
    found = optuna.load_study(study_name="s", storage=database.optuna).trials[0]
    assert (found.datetime_start, found.datetime_complete) == (expected.datetime_start, expected.datetime_complete)


def test_a_failed_write_writes_nothing_and_is_tried_again(database: Database, monkeypatch: Any) -> None:
    from tuner.storage import optuna_rows

    store = StudySession(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    trial.suggest_float("x", 0, 1)

    def broken(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(optuna_rows, "_write_study_attrs", broken)  # the last statement of the transaction
    with pytest.raises(Exception, match="disk full"):
        store.flush()
    assert optuna.load_study(study_name="s", storage=database.optuna).trials == []
    monkeypatch.undo()
    study.tell(trial, 2.0)
    store.flush()
    rows = optuna.load_study(study_name="s", storage=database.optuna).trials
    assert [row.value for row in rows] == [2.0]
