"""Protocol of executors, which train the trials."""

from __future__ import annotations

from typing import Protocol

from tuner.protocol.events import Event
from tuner.protocol.job import Job


class Executor(Protocol):
    """Trains trials; the coordinator submits jobs and polls events, and never waits inside a training."""

    def start(self) -> None:
        """Make ready, before anything else; a second call does nothing.

        Raises:
            WorkerError: No worker can be started.
        """

    def starting_workers(self) -> int:
        """Return how many workers are still importing TensorFlow and loading the data."""

    def free_slots(self) -> int:
        """Return how many more jobs can be submitted now."""

    def submit(self, job: Job) -> None:
        """Take a job; only while `free_slots() > 0`, unless its worker has just died."""

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """Answer a training that awaits a decision: resume it, or end it as pruned."""

    def cancel(self, number: int) -> None:
        """End a training now; no more of its events are returned."""

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call; waits up to `timeout_s` for the first one.

        Raises:
            WorkerError: No worker can be started.
        """

    def close(self, *, at_once: bool = False) -> None:
        """End all workers; `at_once` does not let them finish."""
