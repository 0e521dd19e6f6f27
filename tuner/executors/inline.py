"""The executor in this process, for tests and benchmarks of the coordinator."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tuner.catalog import TrialState
from tuner.engines import EpochRecord, NetworkSize, TrainingResult
from tuner.protocol import EpochFinished, Event, Job, JobFailed, JobFinished, TrialRestarted
from tuner.text import format_error
from tuner.user_code import user_frames

Trainer: TypeAlias = Callable[[Mapping[str, Any]], Generator[EpochRecord, None, TrainingResult]]
"""Takes a recipe (JSON), yields a record after each epoch, returns the result."""


class InlineExecutor:
    """Advances each running trainer by one epoch per `poll`.

    Trainers cannot resume: a job with a checkpoint is restarted.

    Args:
        trainer: Replaces the engine.
        slots: Concurrent jobs; they advance in turn.
        engine: Returns the name of the engine that trained last, or None.
        network_size: Returns the size of the network of a recipe, or None.
    """

    def __init__(
        self,
        trainer: Trainer,
        slots: int = 1,
        engine: Callable[[], str | None] = lambda: None,
        network_size: Callable[[Mapping[str, Any]], NetworkSize | None] = lambda recipe: None,
    ) -> None:
        self._trainer, self._slots, self._engine, self._network_size = trainer, slots, engine, network_size
        self._running: dict[int, tuple[Job, Generator[EpochRecord, None, TrainingResult]]] = {}
        self._decisions: dict[int, bool] = {}
        self._waiting: set[int] = set()
        self._to_restart: set[int] = set()

    def start(self) -> None:
        """See `Executor`: nothing to start."""

    def starting_workers(self) -> int:
        """See `Executor`: there are none."""
        return 0

    def free_slots(self) -> int:
        """See `Executor`."""
        return self._slots - len(self._running)

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self._running[job.number] = (job, self._trainer(job.recipe))
        self._decisions[job.number] = True
        if job.checkpoint is not None:
            self._to_restart.add(job.number)

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""
        self._decisions[number] = go_on
        self._waiting.discard(number)

    def cancel(self, number: int) -> None:
        """See `Executor`."""
        self._running.pop(number, None)
        self._waiting.discard(number)
        self._to_restart.discard(number)

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`: one step of each running job."""
        ready = [entry for number, entry in self._running.items() if number not in self._waiting]
        return [self._advance(job, training) for job, training in ready]

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""
        self._running.clear()

    def _advance(self, job: Job, training: Generator[EpochRecord, None, TrainingResult]) -> Event:
        number = job.number
        if number in self._to_restart:
            self._to_restart.discard(number)
            return TrialRestarted(number, "training in this process does not use checkpoints")
        try:
            if not self._decisions[number]:
                del self._running[number]
                return JobFinished(number, TrainingResult(TrialState.PRUNED, None, "pruned"), 0.0)
            record = next(training)
        except StopIteration as end:
            del self._running[number]
            size = self._network_size(job.recipe)
            return JobFinished(number, end.value, 0.0, engine=self._engine(), network_size=size)
        except Exception as error:
            del self._running[number]
            frames = user_frames(error, Path.cwd())
            return JobFailed(number, format_error(error), traceback.format_exc(), frames=frames)
        waits = record.epoch in job.rungs
        if waits:
            self._waiting.add(number)
        return EpochFinished(number, record, record.epoch, record.metric, waits)
