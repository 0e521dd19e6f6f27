"""Write finished trials to experiment trackers, in a thread of its own: a slow server does not hold up the trials."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from tuner.study import StudySpec
from tuner.text import format_error
from tuner.trackers import TRACKERS, FinishedTrial, Tracker

CLOSE_PATIENCE_S = 30.0
"""Time for what is still queued when a run ends."""


class TrackerThread:
    """Writes finished trials to the trackers of a study, in a thread.

    One that fails is left out for the rest of the run, with a note: the results are in the database all the same.

    Args:
        spec: The study.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._targets, self._study, self._project = dict(spec.tracking), spec.name, spec.project
        self._trials: queue.SimpleQueue[FinishedTrial | None] = queue.SimpleQueue()
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def wanted(self) -> bool:
        """Whether the study has a tracker."""
        return bool(self._targets)

    def add(self, trial: FinishedTrial) -> None:
        """Queue a trial."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="trackers", daemon=True)
            self._thread.start()
        self._trials.put(trial)

    def notes(self) -> Iterator[str]:
        """Take what the user should know."""
        while not self._notes.empty():
            yield self._notes.get()

    def close(self, patience_s: float = CLOSE_PATIENCE_S) -> None:
        """Wait for what is queued, but not forever."""
        if self._thread is None:
            return
        self._trials.put(None)
        self._thread.join(patience_s)
        if self._thread.is_alive():
            names = " and ".join(self._targets)
            self._notes.put(
                f"{names}: the last trials were not written within {patience_s:g} s; they are in the database."
            )
        self._thread = None

    def _run(self) -> None:
        trackers: dict[str, Tracker] = {}
        broken = set[str]()
        while (trial := self._trials.get()) is not None:
            for name, target in self._targets.items():
                if name in broken:
                    continue
                try:
                    if name not in trackers:
                        trackers[name] = TRACKERS[name].open(target, self._study, self._project)
                    trackers[name].log_trial(trial)
                except Exception as error:  # noqa: BLE001  # of any package, server or disk
                    broken.add(name)
                    self._notes.put(
                        f"{name}: trial {trial.number} could not be written to {target!r} ({format_error(error)}). "
                        "No further trials of this run are sent there; all results are in the database."
                    )
