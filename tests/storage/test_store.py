"""A study that one process holds: taking over, going on, and the rows of our own tables."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from tuner.errors import StorageError, StudyBusyError
from tuner.storage import Database, StudyStore, read_epochs, read_probes, read_recipe, read_study_record, read_verdicts


def record(epoch: int, loss: float = 1.0) -> dict[str, float]:
    return {
        "fold": 0, "epoch": epoch, "loss": loss, "val_loss": 1.0, "metric": 0.5, "learning_rate": 0.1, "seconds": 0.1,
    }  # fmt: skip


def abandon(store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process that holds the store had died."""
    monkeypatch.setattr("tuner.storage.lease.process_start", lambda pid: "another process")


def test_what_a_dead_process_left_running_waits_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = StudyStore(database, "s", "minimize")
    study = store.study(pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2))
    finished = study.ask()
    study.tell(finished, 3.0)
    left = study.ask()
    x = left.suggest_float("x", 0, 1)
    left.report(0.5, 1)
    left.should_prune()
    store.add_epoch(left.number, record(1))
    store.flush()
    assert "completed_rung_0" in store.study().trials[1].system_attrs
    abandon(store, monkeypatch)

    again = StudyStore(database, "s", "minimize")
    assert again.requeued == [1]
    stored = optuna.load_study(study_name="s", storage=database.optuna).trials
    assert [trial.state for trial in stored] == [TrialState.COMPLETE, TrialState.WAITING]
    assert stored[1].params == {"x": x}
    assert stored[1].intermediate_values == {}
    assert "completed_rung_0" not in stored[1].system_attrs
    assert read_epochs(database, [stored[1]._trial_id]) == []
    trial = again.study().ask()
    assert trial.number == 1
    assert trial.suggest_float("x", 0, 1) == x
    trial.report(0.7, 1)
    again.study().tell(trial, 0.7)
    again.flush()
    stored = optuna.load_study(study_name="s", storage=database.optuna).trials
    assert [trial.value for trial in stored] == [3.0, 0.7]
    assert stored[1].intermediate_values == {1: 0.7}


def test_a_living_holder_is_not_disturbed(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    with pytest.raises(StudyBusyError, match="One process at a time runs a study"):
        StudyStore(database, "s", "minimize")
    assert read_study_record(database, "s").alive
    StudyStore(database, "other", "minimize").close()
    store.close()
    assert not read_study_record(database, "s").alive
    StudyStore(database, "s", "minimize").close()


def test_recipes_and_epochs(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    store.add_recipe(trial.number, {"loss": {"name": "hinge"}, "rate": 0.1})
    store.flush()
    trial_id = optuna.load_study(study_name="s", storage=database.optuna).trials[0]._trial_id
    store.add_epoch(0, record(1))
    store.add_epoch(0, record(2, loss=float("nan")))
    store.add_epoch(0, record(1, loss=9.0))  # told again after its worker died: the first one is kept
    store.add_recipe(0, {"loss": {"name": "hinge"}, "rate": 0.2})
    store.flush()
    assert read_recipe(database, trial_id) == {"loss": {"name": "hinge"}, "rate": 0.2}
    rows = read_epochs(database, [trial_id])
    assert [(row["epoch"], row["loss"]) for row in rows] == [(1, 1.0), (2, None)]
    assert read_recipe(database, trial_id + 1) is None


def test_probes_and_verdicts(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    store.study().ask()
    layer = {"layer": "dense", "gradient": float("inf"), "update": None, "dead": None, "saturated": 0.5}
    probes = [{"epoch": epoch, "loss": 2.0, "constant_loss": 2.3, "layers": [layer, layer]} for epoch in (0, 1)]
    finding = {
        "verdict": "saturated",
        "text": "t",
        "layer": "dense",
        "epoch": 1,
        "number": 0.5,
        "threshold": 0.9,
        "fold": 0,
    }
    store.add_epoch(0, {**record(1), "probes": probes})
    store.add_verdicts(0, [finding])
    store.flush()
    found = read_study_record(database, "s")
    trial_id = found.trials[0]._trial_id
    read = read_probes(database, [trial_id])
    assert [(probe["epoch"], probe["loss"], probe["constant_loss"]) for probe in read] == [(0, 2.0, 2.3), (1, 2.0, 2.3)]
    assert read[0]["layers"] == [{**layer, "gradient": None}] * 2
    assert read_verdicts(database, found.study_id) == {trial_id: [finding]}
    store.restart(0)
    store.flush()
    assert read_probes(database, [trial_id]) == []
    assert read_verdicts(database, found.study_id) == {}
    store.close()


def test_requeue_puts_running_trials_back(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(1.0, 1)
    store.add_epoch(0, record(1))
    store.requeue([0])
    store.close()
    found = optuna.load_study(study_name="s", storage=database.optuna).trials[0]
    assert (found.state, found.intermediate_values, found.datetime_start) == (TrialState.WAITING, {}, None)
    assert read_epochs(database, [found._trial_id]) == []


def test_a_trial_that_comes_from_outside_is_taken_over(database: Database) -> None:
    StudyStore(database, "s", "minimize").close()
    plain = optuna.load_study(study_name="s", storage=database.optuna)
    plain.enqueue_trial({"x": 0.125})
    store = StudyStore(database, "s", "minimize")
    assert store.study().ask().suggest_float("x", 0, 1) == 0.125


def test_a_deleted_study_leaves_nothing_to_the_next_one(database: Database) -> None:
    """SQLite gives the ids of deleted rows away again."""
    for number in range(2):
        store = StudyStore(database, f"s{number}", "minimize")
        trial = store.study().ask()
        store.add_recipe(trial.number, {"study": number})
        store.add_epoch(trial.number, record(1, loss=float(number)))
        store.flush()
        trial_id = optuna.load_study(study_name=f"s{number}", storage=database.optuna).trials[0]._trial_id
        assert trial_id == 1 or database.engine.name != "sqlite"
        assert read_recipe(database, trial_id) == {"study": number}
        assert [row["loss"] for row in read_epochs(database, [trial_id])] == [float(number)]
        optuna.delete_study(study_name=f"s{number}", storage=database.optuna)  # while it is held: its lease stays


def test_a_store_whose_study_was_taken_over_writes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first = StudyStore(database, "s", "minimize")
    study = first.study()
    trial = study.ask()
    first.flush()
    abandon(first, monkeypatch)
    second = StudyStore(database, "s", "minimize")
    study.tell(trial, 1.0)
    with pytest.raises(StudyBusyError, match="this one has lost it"):
        first.flush()
    with pytest.raises(StudyBusyError):
        first.keep_alive()
    again = second.study().ask()
    second.study().tell(again, 2.0)
    second.flush()
    assert [t.value for t in optuna.load_study(study_name="s", storage=database.optuna).trials] == [2.0]


def test_a_trial_that_another_program_adds_is_never_overwritten(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    study = store.study()
    study.tell(study.ask(), 1.0)
    store.flush()
    optuna.load_study(study_name="s", storage=database.optuna).enqueue_trial({"x": 0.125})
    study.ask()
    with pytest.raises(StorageError, match="another program has added trial 1"):
        store.flush()
    store.close()
    again = StudyStore(database, "s", "minimize")
    trial = again.study().ask()
    assert (trial.number, trial.suggest_float("x", 0, 1)) == (1, 0.125)
    again.study().tell(trial, 2.0)
    again.flush()
    assert [t.value for t in optuna.load_study(study_name="s", storage=database.optuna).trials] == [1.0, 2.0]


def test_trials_of_one_number_are_refused(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    store.study().tell(store.study().ask(), 1.0)
    store.flush()
    store.close()
    with database.engine.begin() as connection:
        connection.execute(text("insert into trials (number, study_id, state) values (0, 1, 'WAITING')"))
    with pytest.raises(StorageError, match="numbered from 0 without gaps"):
        StudyStore(database, "s", "minimize")
    assert not read_study_record(database, "s").alive


def test_a_trial_that_runs_again_forgets_its_first_life(database: Database) -> None:
    store = StudyStore(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    trial.report(0.1, 1)
    store.add_epoch(0, record(1, loss=1.0))
    store.flush()
    store.add_epoch(0, record(2, loss=2.0))
    trial = optuna.Trial(study, store.restart(0))
    trial.report(0.5, 1)
    store.add_epoch(0, record(1, loss=5.0))
    study.tell(trial, 0.5)
    store.flush()
    found = optuna.load_study(study_name="s", storage=database.optuna).trials[0]
    assert (found.params, found.intermediate_values) == ({"x": x}, {1: 0.5})
    assert [(row["epoch"], row["loss"]) for row in read_epochs(database, [found._trial_id])] == [(1, 5.0)]
