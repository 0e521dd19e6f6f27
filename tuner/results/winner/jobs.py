"""Hand trainings to an executor until all of them have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuner.engines import Training
from tuner.errors import StudyFailedError
from tuner.executors import Ended, EpochDone, Event, Executor, Job, Lost, Raised
from tuner.interrupts import Interrupts

_POLL_S = 0.2
_OURS = ("ContentError", "DataError")
"""Errors whose message says enough; others come with the traceback of the person's code."""


def run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    interrupts: Interrupts,
    told: Callable[[int, Training | None], None],
) -> dict[int, Training]:
    """Run the jobs.

    Args:
        executor: A started one.
        jobs: What to train, in this order.
        interrupts: Ctrl-C ends it at once: nothing is worth keeping before the end.
        told: Called with the number of a training when it begins (None), and again with how it ended.

    Raises:
        KeyboardInterrupt: It was interrupted.
        StudyFailedError: A training raised an error, or its worker died twice.
        WorkerError: No worker can be started.
    """
    waiting, running = list(jobs), dict[int, Job]()
    ended: dict[int, Training] = {}
    retried: set[int] = set()
    while waiting or running:
        if interrupts.count:
            raise KeyboardInterrupt
        while waiting and executor.free() > 0:
            job = waiting.pop(0)
            running[job.number] = job
            executor.submit(job)
            told(job.number, None)
        for event in executor.events(timeout_s=_POLL_S):
            training = _training(event, retried)
            if isinstance(event, Lost) and training is None:
                executor.submit(running[event.number])
            elif training is not None:
                del running[event.number]
                ended[event.number] = training
                told(event.number, training)
    return ended


def _training(event: Event, retried: set[int]) -> Training | None:
    """How a training ended with an event; None where it goes on, or is to be handed in once more."""
    match event:
        case Ended(training=training):
            return training
        case Raised(error=error, traceback=traceback):
            kind, _, text = error.partition(": ")
            if kind in _OURS:
                raise StudyFailedError(f"A training failed. {text}")
            raise StudyFailedError(f"A training failed: {error}\n\n{traceback.rstrip()}\n\nMend it and train again.")
        case Lost(number=number, reason=reason, log=log):
            if number in retried:
                raise StudyFailedError(f"A training failed: {reason}, twice. It said last:\n{log or '(nothing)'}")
            retried.add(number)
        case EpochDone():
            pass
    return None
