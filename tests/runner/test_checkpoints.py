"""A trial that was cut goes on from its last checkpoint; its curve has every epoch once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mock_study
import pytest
from sqlalchemy import func, select, update

from tuner.errors import WorkerError
from tuner.executors import LocalExecutor
from tuner.protocol import CHECKPOINT_EVERY_S, CheckpointSaved, EpochFinished, Event, Job, TrialRestarted
from tuner.runner.launch import EXECUTORS
from tuner.runner.study_runner import StudyRunner
from tuner.storage import Database, open_database, read_epochs, read_probes, tables
from tuner.study import StudySpec, resolve_recipe

EPOCHS = 8


class Cutting(LocalExecutor):
    """Does something once when a checkpoint of an epoch has come, and keeps what there was.

    Attributes:
        jobs: What was handed to the workers.
        seen: What they said.
        at: The epoch, and what is done then.
    """

    def __init__(self, *given: Any, at: tuple[int, Any], **options: Any) -> None:
        super().__init__(*given, **options)
        self.jobs: list[Job] = []
        self.seen: list[Event] = []
        self.at: tuple[int, Any] | None = at

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self.jobs.append(job)
        super().submit(job)

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`."""
        found = super().poll(timeout_s)
        self.seen += found
        if self.at and any(isinstance(event, CheckpointSaved) and event.epoch >= self.at[0] for event in found):
            (_, act), self.at = self.at, None
            act(self)
        return found

    def told(self) -> list[int]:
        """The epochs that workers told of."""
        return [event.record.epoch for event in self.seen if isinstance(event, EpochFinished)]


def kill(executor: LocalExecutor) -> None:
    """Kill its workers."""
    for worker in executor._workers:
        worker.process.kill()


def fail(executor: LocalExecutor) -> None:
    """End the run at once, as a second Ctrl-C does."""
    raise WorkerError("enough")


def run(spec: StudySpec, database: Database, epoch: int, act: Any) -> tuple[Cutting, list[str], Exception | None]:
    notes: list[str] = []
    executor = mock_study.with_workers(spec, 1, 0.05, kind=Cutting, at=(epoch, act))
    assert isinstance(executor, Cutting)
    try:
        StudyRunner(spec, database, executor, lambda standing: notes.append(standing.note or "")).run()
    except WorkerError as error:
        return executor, notes, error
    return executor, notes, None


def curve(database: Database) -> tuple[list[Any], dict[int, float], list[int]]:
    """Of the one trial: what stands in our table, what Optuna has, and the epochs of its probes."""
    (trial,) = database.optuna.get_all_trials(1)
    records = read_epochs(database, [trial._trial_id]).get(trial._trial_id, [])
    probes = read_probes(database, [trial._trial_id]).get(trial._trial_id, {}).get(0, [])
    rows = [(record.epoch, record.metric) for record in records]
    return rows, trial.intermediate_values, [probe.epoch for probe in probes]


def checkpoints(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.checkpoints)).scalar_one())


def test_workers_are_told_of_it(tmp_path: Path) -> None:
    for said, every_s in [({}, None), ({"checkpoint": False}, None), ({"checkpoint": True}, CHECKPOINT_EVERY_S)]:
        executor = EXECUTORS["local"](mock_study.spec_of(tmp_path, budget={"epochs": 3, **said}), None, False)
        executor.close(at_once=True)
        assert executor.config.checkpoint_s == every_s  # type: ignore[attr-defined]


def test_a_cut_trial_goes_on_and_begins_anew_where_it_cannot(tmp_path: Path) -> None:
    spec = mock_study.spec_of(tmp_path, budget={"trials": 1, "epochs": EPOCHS, "checkpoint": True})
    database = open_database(f"sqlite:///{tmp_path / 't.db'}", create=True)

    first, notes, error = run(spec, database, 2, lambda executor: (kill(executor), setattr(executor, "at", (5, fail))))
    assert str(error) == "enough"
    assert "anew" not in "".join(notes)
    begun, on = first.jobs
    assert (begun.checkpoint, begun.spent_s) == (None, 0.0)
    after = int(on.checkpoint or b"")
    assert after >= 2
    assert on.spent_s >= 0.05 * after
    told = first.told()
    assert told.count(1) == 1, "not from the beginning"
    assert told[after - told[-1] :] == list(range(after + 1, told[-1] + 1))

    rows, values, probes = curve(database)
    kept = rows[-1][0]
    assert kept >= 4, "what came with the fifth was not taken in"
    assert [epoch for epoch, _ in rows] == list(values) == probes[1:] == list(range(1, kept + 1))
    assert checkpoints(database) == 1

    with database.engine.begin() as connection:
        connection.execute(update(tables.checkpoints).values(content=b"\0\1damaged"))
    second, notes, error = run(spec, database, EPOCHS, fail)
    assert error is None
    assert "Trial 0 starts over, as it cannot resume from its checkpoint: it is damaged." in notes
    assert isinstance(second.seen[0], TrialRestarted)
    assert second.told() == list(range(1, EPOCHS + 1))

    (trial,) = database.optuna.get_all_trials(1)
    whole = list(mock_study.trainer(resolve_recipe(spec, dict(trial.params), 0).to_json()))
    rows, values, probes = curve(database)
    assert rows == [(record.epoch, record.metric) for record in whole]
    assert values == dict(rows)
    assert probes == list(range(EPOCHS + 1))
    assert trial.value == pytest.approx(whole[-1].metric)
    assert checkpoints(database) == 0
    database.close()
