"""A study that one process holds: taking over, going on, and the rows of our own tables."""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Table, func, select, text, update

from tuner.engines import EpochRecord
from tuner.errors import LeaseLostError, StorageError, StorageUnavailableError, StudyNotFoundError
from tuner.health import Finding, LayerHealth, Probe
from tuner.storage import (
    Database,
    StudySession,
    lease,
    open_database,
    read_epochs,
    read_probes,
    read_recipe,
    read_study_record,
    read_verdicts,
    tables,
)


def record(epoch: int, loss: float = 1.0, probes: tuple[Probe, ...] = ()) -> EpochRecord:
    return EpochRecord(0, epoch, loss, 1.0, 0.5, 0.1, 0.1, probes)


def abandon(store: StudySession) -> None:
    """As if the process that has the store had died."""
    lease.OPEN_LEASES.discard(store._lease.owner)


def rows(database: Database, name: str = "s") -> list[FrozenTrial]:
    """The trials as Optuna reads them."""
    return optuna.load_study(study_name=name, storage=database.optuna).trials


def count(database: Database, table: Table) -> int:
    """Rows of a table."""
    with database.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def take(store: StudySession, count: int) -> list[int]:
    """Reserve so many trials."""
    return store.claim_trials(lambda waiting: [{}] * count)


def run(store: StudySession, number: int, value: float) -> None:
    """Run a trial that was reserved."""
    study = store.study()
    store.optuna_trial(study, number).suggest_float("x", 0, 1)
    study.tell(number, value)


def test_what_a_dead_process_left_running_waits_again(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
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
    abandon(store)

    again = StudySession(database, "s", "minimize")
    assert again.recovered == [1]
    stored = optuna.load_study(study_name="s", storage=database.optuna).trials
    assert [trial.state for trial in stored] == [TrialState.COMPLETE, TrialState.WAITING]
    assert stored[1].params == {"x": x}
    assert stored[1].intermediate_values == {}
    assert "completed_rung_0" not in stored[1].system_attrs
    assert read_epochs(database, [stored[1]._trial_id]) == {}
    trial = again.study().ask()
    assert trial.number == 1
    assert trial.suggest_float("x", 0, 1) == x
    trial.report(0.7, 1)
    again.study().tell(trial, 0.7)
    again.flush()
    stored = optuna.load_study(study_name="s", storage=database.optuna).trials
    assert [trial.value for trial in stored] == [3.0, 0.7]
    assert stored[1].intermediate_values == {1: 0.7}


def test_a_study_is_alive_while_somebody_runs_it(database: Database) -> None:
    first, second = (StudySession(database, "s", "minimize") for _ in range(2))
    StudySession(database, "other", "minimize").close()
    first.close()
    assert read_study_record(database, "s").alive
    second.close()
    assert not read_study_record(database, "s").alive


def test_recipes_and_epochs(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
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
    (first, second) = read_epochs(database, [trial_id])[trial_id]
    assert first == record(1)
    assert (second.epoch, math.isnan(second.loss)) == (2, True)
    assert read_recipe(database, trial_id + 1) is None


def test_probes_and_verdicts(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    store.study().ask()
    layer = LayerHealth("dense", math.inf, saturated_share=0.5)
    probes = [Probe(epoch, 2.0, (layer, layer), 2.3) for epoch in (0, 1)]
    finding = Finding("saturated", "t", "dense", 1, 0.5, 0.9)
    store.add_epoch(0, record(1, probes=tuple(probes)))
    store.add_verdicts(0, [finding])
    store.flush()
    found = read_study_record(database, "s")
    trial_id = found.trials[0].trial_id
    assert read_epochs(database, [trial_id]) == {trial_id: [record(1)]}
    finite = dataclasses.replace(layer, gradient_norm=None)
    expected = [dataclasses.replace(probe, layers=(finite, finite)) for probe in probes]
    assert read_probes(database, [trial_id]) == {trial_id: {0: expected}}
    assert read_verdicts(database, found.study_id) == {trial_id: [finding]}
    store.reset_trial(0)
    store.flush()
    assert read_probes(database, [trial_id]) == {}
    assert read_verdicts(database, found.study_id) == {}
    store.close()


def test_closing_puts_running_trials_back(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(1.0, 1)
    store.add_epoch(0, record(1))
    store.close()
    found = optuna.load_study(study_name="s", storage=database.optuna).trials[0]
    assert (found.state, found.intermediate_values, found.datetime_start) == (TrialState.WAITING, {}, None)
    assert read_epochs(database, [found._trial_id]) == {}


def test_a_trial_that_comes_from_outside_is_taken_over(database: Database) -> None:
    StudySession(database, "s", "minimize").close()
    plain = optuna.load_study(study_name="s", storage=database.optuna)
    plain.enqueue_trial({"x": 0.125})
    store = StudySession(database, "s", "minimize")
    assert store.study().ask().suggest_float("x", 0, 1) == 0.125


def test_a_deleted_study_leaves_nothing_to_the_next_one(database: Database) -> None:
    """SQLite gives the ids of deleted rows away again."""
    for number in range(2):
        store = StudySession(database, f"s{number}", "minimize")
        trial = store.study().ask()
        store.add_recipe(trial.number, {"study": number})
        store.add_epoch(trial.number, record(1, loss=float(number)))
        store.flush()
        trial_id = optuna.load_study(study_name=f"s{number}", storage=database.optuna).trials[0]._trial_id
        assert trial_id == 1 or database.engine.name != "sqlite"
        assert read_recipe(database, trial_id) == {"study": number}
        assert [one.loss for one in read_epochs(database, [trial_id])[trial_id]] == [float(number)]
        optuna.delete_study(study_name=f"s{number}", storage=database.optuna)  # while it is held: its lease stays


def test_a_late_owner_is_refused_and_disturbs_nobody(database: Database) -> None:
    first = StudySession(database, "s", "minimize")
    (number,) = take(first, 1)
    abandon(first)
    second = StudySession(database, "s", "minimize")
    assert second.recovered == [number]
    run(first, number, 1.0)
    with pytest.raises(LeaseLostError, match="taken over the trials of this one"):
        first.flush()
    with pytest.raises(LeaseLostError):
        first.sync()
    first.close()
    assert take(second, 1) == [number]
    run(second, number, 2.0)
    second.flush()
    assert [trial.value for trial in rows(database)] == [2.0]


def test_several_share_a_study(database: Database) -> None:
    """What one writes the other one knows in its next turn, and only then."""
    first, second = (StudySession(database, "s", "minimize") for _ in range(2))
    assert take(first, 2) == [0, 1]
    assert take(second, 2) == [2, 3]
    run(second, 2, 0.5)
    second.flush()
    told: list[tuple[int, str | None, str]] = []
    first.on_remote_change = lambda before, trial: told.append(
        (trial.number, None if before is None else before.state.name, trial.state.name)
    )
    assert first.memory.count(0) == 2
    first.sync()
    assert told == [(2, None, "COMPLETE"), (3, None, "RUNNING")]
    ours, theirs = first.study().trials, rows(database)
    assert [t.state for t in ours] == [t.state for t in theirs]
    assert (ours[2].params, ours[2].value) == (theirs[2].params, 0.5)
    run(second, 3, 0.25)
    second.flush()
    first.sync()
    assert told[2:] == [(3, "RUNNING", "COMPLETE")]
    assert first.study().best_value == 0.25
    second.close()
    first.close()
    assert [t.state.name for t in rows(database)] == ["WAITING", "WAITING", "COMPLETE", "COMPLETE"]


def test_attributes_are_added_up(database: Database) -> None:
    first, second = (StudySession(database, "s", "minimize") for _ in range(2))
    for store in (first, second, second, first):
        store.update_attr("wall", lambda before: (before or 0) + 1)
        store.flush()
    first.study().set_user_attr("own", "first")
    second.study().set_user_attr("other", "second")
    first.flush()
    second.flush()
    attrs = optuna.load_study(study_name="s", storage=database.optuna).user_attrs
    assert attrs == {"wall": 4, "own": "first", "other": "second"}
    first.sync()
    assert first.study().user_attrs == attrs


def test_of_many_at_once_each_gets_its_own_numbers(database_url: str) -> None:
    """Four processes would do the same; threads with a connection each are quicker to start."""
    databases = [open_database(database_url, create=True) for _ in range(4)]
    stores = [StudySession(database, "s", "minimize") for database in databases]

    def work(store: StudySession) -> list[int]:
        numbers = []
        for _ in range(10):
            numbers += (taken := take(store, 2))
            for number in taken:
                run(store, number, float(number))
        store.close()
        return numbers

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(work, stores))
    found = rows(databases[0])
    for database in databases:
        database.close()
    assert sorted(number for part in parts for number in part) == list(range(80))
    assert [(trial.number, trial.value) for trial in found] == [(number, float(number)) for number in range(80)]


def test_what_is_left_is_taken_over_once_though_many_come_at_once(database_url: str) -> None:
    databases = [open_database(database_url, create=True) for _ in range(5)]
    dead = StudySession(databases[0], "s", "minimize")
    left = take(dead, 6)
    parameters = {}
    study = dead.study()
    for number in left:
        parameters[number] = dead.optuna_trial(study, number).suggest_float("x", 0, 1)
    dead.flush()
    abandon(dead)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda database: StudySession(database, "s", "minimize"), databases[1:]))
    assert sorted(number for store in stores for number in store.recovered) == left
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda store: take(store, 2), stores))
    assert sorted(number for part in taken for number in part) == [*left, 6, 7]
    for store, numbers in zip(stores, taken, strict=True):
        study = store.study()
        for number in numbers:
            x = store.optuna_trial(study, number).suggest_float("x", 0, 1)
            assert x == parameters.get(number, x)
        store.close()
    for database in databases:
        database.close()


def test_a_living_owner_keeps_its_trials(database: Database) -> None:
    """Whatever the clocks say: its process is there."""
    first = StudySession(database, "s", "minimize")
    take(first, 2)
    with database.engine.begin() as connection:
        connection.execute(update(tables.owners).values(heartbeat_at=0))
    second = StudySession(database, "s", "minimize")
    second._monitor.due_at = -math.inf
    second.sync()
    assert second.recovered == []
    run(first, 0, 1.0)
    first.flush()
    assert rows(database)[0].value == 1.0


@pytest.mark.parametrize("committed", [True, False])
def test_a_turn_whose_end_was_not_told(database: Database, monkeypatch: pytest.MonkeyPatch, committed: bool) -> None:
    """The connection breaks during the commit: whether it went through is found out by the next turn."""
    store = StudySession(database, "s", "minimize")
    (number,) = take(store, 1)
    run(store, number, 0.5)
    store.add_recipe(number, {"rate": 0.1})
    store.add_epoch(number, record(1))
    store.update_attr("count", lambda before: (before or 0) + 1)
    dialect = database.engine.dialect
    real = dialect.do_commit

    def breaks(connection: Any) -> None:
        if committed:
            real(connection)
        raise database.engine.dialect.loaded_dbapi.OperationalError("database is locked: the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "do_commit", breaks)
        with pytest.raises(StorageUnavailableError):
            take(store, 2)
    assert take(store, 2) == [1, 2]
    store.flush()
    assert [trial.state.name for trial in rows(database)] == ["COMPLETE", "RUNNING", "RUNNING"]
    assert sum(map(len, read_epochs(database, [trial._trial_id for trial in rows(database)]).values())) == 1
    assert optuna.load_study(study_name="s", storage=database.optuna).user_attrs["count"] == 1
    run(store, 1, 0.25)
    run(store, 2, 0.125)
    store.close()
    assert [trial.value for trial in rows(database)] == [0.5, 0.25, 0.125]


def test_a_trial_that_another_program_adds_is_run_too(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    run(store, take(store, 1)[0], 1.0)
    store.flush()
    optuna.load_study(study_name="s", storage=database.optuna).enqueue_trial({"x": 0.125})
    assert take(store, 2) == [1, 2]
    run(store, 1, 2.0)
    store.flush()
    assert rows(database)[1].params == {"x": 0.125}


def test_a_trial_that_another_program_adds_is_never_overwritten(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    store.study().ask()  # not reserved: its number is not ours
    optuna.load_study(study_name="s", storage=database.optuna).enqueue_trial({"x": 0.125})
    with pytest.raises(StorageError, match="another program has written to it as well"):
        store.flush()
    assert [trial.system_attrs for trial in rows(database)] == [{"fixed_params": {"x": 0.125}}]


def test_a_deleted_study_is_not_written_to(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    (number,) = take(store, 1)
    optuna.delete_study(study_name="s", storage=database.optuna)
    run(store, number, 1.0)
    with pytest.raises(StudyNotFoundError, match="'s' was deleted"):
        store.flush()
    store.close()


def test_trials_of_one_number_are_refused(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    store.study().tell(store.study().ask(), 1.0)
    store.flush()
    store.close()
    with database.engine.begin() as connection:
        connection.execute(text("insert into trials (number, study_id, state) values (0, 1, 'WAITING')"))
    with pytest.raises(StorageError, match="numbered from 0 without gaps"):
        StudySession(database, "s", "minimize")
    assert not read_study_record(database, "s").alive


@pytest.mark.parametrize("dies", [True, False])
def test_a_trial_with_a_checkpoint_goes_on_from_there(database: Database, dies: bool) -> None:
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    store = StudySession(database, "s", "minimize")
    study = store.study(pruner=pruner)
    take(store, 2)
    other, trial = (store.optuna_trial(study, number) for number in (0, 1))
    x = trial.suggest_float("x", 0, 1)
    layer = LayerHealth("dense", 1.0, saturated_share=0.5)

    def epoch(number: int) -> None:
        trial.report(number / 10, number)
        trial.should_prune()
        store.add_epoch(1, record(number, probes=(Probe(number, 2.0, (layer,)),)))

    epoch(1)
    store.add_checkpoint(1, (0, 1), 1.5, [0.1], b"first")
    epoch(2)
    store.add_checkpoint(1, (0, 2), 3.0, [0.1, 0.2], b"\0second")
    store.flush()
    marks = dict(study.trials[1].system_attrs)
    epoch(3)
    epoch(4)
    store.flush()
    assert study.trials[1].system_attrs != marks, "a rung was passed since"
    epoch(5)
    if dies:
        abandon(store)
    else:
        store.close()

    again = StudySession(database, "s", "minimize")
    assert again.recovered == ([0, 1] if dies else [])
    found = rows(database)[1]
    stored = found._trial_id
    assert (found.state, found.params, found.intermediate_values) == (TrialState.WAITING, {"x": x}, {1: 0.1, 2: 0.2})
    assert found.system_attrs == marks
    assert [one.epoch for one in read_epochs(database, [stored])[stored]] == [1, 2]
    probes = read_probes(database, [stored])[stored][0]
    assert [(probe.epoch, len(probe.layers)) for probe in probes] == [(1, 1), (2, 1)]
    assert take(again, 2) == [0, 1]
    assert again.checkpoint(0) is None
    kept = again.checkpoint(1)
    assert kept is not None
    assert (kept.place, kept.seconds, kept.folds, kept.content) == ((0, 2), 3.0, (0.1, 0.2), b"\0second")

    # Its worker dies: it goes on from the same place.  It cannot: it begins anew.
    store, study = again, again.study(pruner=pruner)
    trial = store.optuna_trial(study, 1)
    epoch(3)
    assert store.reset_trial(1) == kept
    assert store.optuna_trial(study, 1).storage.get_trial(store._mirror.trial_id(1)).intermediate_values == {
        1: 0.1,
        2: 0.2,
    }
    trial = store.optuna_trial(study, 1)
    epoch(3)
    store.flush()
    assert [one.epoch for one in read_epochs(database, [stored])[stored]] == [1, 2, 3]
    assert store.reset_trial(1, from_start=True) is None
    trial = store.optuna_trial(study, 1)
    epoch(1)
    store.flush()
    assert [one.epoch for one in read_epochs(database, [stored])[stored]] == [1]
    assert rows(database)[1].intermediate_values == {1: 0.1}

    # At its end nothing is left of it.
    store.add_checkpoint(1, (0, 1), 1.0, [], b"last")
    store.flush()
    assert count(database, tables.checkpoints) == 1
    store.add_checkpoint(1, (0, 2), 2.0, [], b"too late")
    study.tell(trial, 0.5)
    study.tell(store.optuna_trial(study, other.number), 0.5)
    store.close()
    assert count(database, tables.checkpoints) == 0


def test_checkpoints_of_trials_that_are_gone_are_dropped(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    for number in take(store, 2):
        store.optuna_trial(store.study(), number)
        store.add_checkpoint(number, (0, 1), 1.0, [], b"x")
    store.close()
    with database.engine.begin() as connection:
        connection.execute(text("update trials set state = 'FAIL' where number = 0"))
        connection.execute(update(tables.checkpoints).values(state="no JSON"))
    again = StudySession(database, "s", "minimize")
    assert count(database, tables.checkpoints) == 1
    assert take(again, 1) == [1]
    kept = again.checkpoint(1)
    assert kept is not None
    assert (kept.place, kept.content) == ((0, 0), b""), "a worker refuses it, and the trial begins anew"
    again.close()


def test_a_trial_that_runs_again_forgets_its_first_life(database: Database) -> None:
    store = StudySession(database, "s", "minimize")
    study = store.study()
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    trial.report(0.1, 1)
    store.add_epoch(0, record(1, loss=1.0))
    store.flush()
    store.add_epoch(0, record(2, loss=2.0))
    store.reset_trial(0)
    trial = store.optuna_trial(study, 0)
    trial.report(0.5, 1)
    store.add_epoch(0, record(1, loss=5.0))
    study.tell(trial, 0.5)
    store.flush()
    found = optuna.load_study(study_name="s", storage=database.optuna).trials[0]
    assert (found.params, found.intermediate_values) == ({"x": x}, {1: 0.5})
    assert read_epochs(database, [found._trial_id]) == {found._trial_id: [record(1, loss=5.0)]}
