"""Real training without worker processes: what a worker does, done in this process by an engine that is kept."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.data import DataOptions, PreparedData, prepare
from tuner.engines import ENGINES, Engine
from tuner.protocol import Event, Job, WorkerConfig
from tuner.protocol.wire_format import parse_event
from tuner.results import StoredStudy, read_study_results
from tuner.runner.study_runner import StudyRunner
from tuner.storage import Database
from tuner.study import StudySpec, read_study_dict
from tuner.worker.loop import Worker

_ENGINES: dict[str, Engine] = {}
"""One of each kind: what it has compiled for one study serves the next."""


class InProcess:
    """An executor that trains a job when it is handed in.  Jobs must not wait at rungs.

    Args:
        place: What all jobs share.
        prepared: The rows; None to read them.
        workers: Nothing.
    """

    def __init__(self, place: WorkerConfig, prepared: PreparedData | None = None, workers: int | None = None) -> None:
        self._place, self._events = place, list[Event]()
        self._engine = _ENGINES.setdefault(place.engine, ENGINES[place.engine].make())
        self._prepared = prepared or prepare(DataOptions.model_validate(dict(place.data)), place.project, place.seed)
        self._worker = Worker(queue.SimpleQueue(), lambda message: self._events.append(parse_event(message)))

    def start(self) -> None:
        """See `Executor`."""

    def starting_workers(self) -> int:
        """See `Executor`: there are none."""
        return 0

    def free_slots(self) -> int:
        """See `Executor`: one at a time."""
        return 0 if self._events else 1

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self._worker.train(job, self._place, self._engine, self._prepared)

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`."""
        found, self._events[:] = list(self._events), []
        return found

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""


def place_of(spec: StudySpec) -> WorkerConfig:
    """The workplace of a study."""
    data = spec.data.model_dump(mode="json")
    return WorkerConfig(
        spec.project, spec.engine, data, spec.facts.sha256, spec.facts.input_shape, spec.seed, spec.health
    )


def searched(content: Mapping[str, Any], project: Path, database: Database) -> StoredStudy:
    """The study after its search; its pruner must be `none`."""
    spec = read_study_dict(content, project)
    StudyRunner(spec, database, InProcess(place_of(spec))).run()
    return read_study_results(database, spec.name)
