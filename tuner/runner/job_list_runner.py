"""Run a fixed batch of jobs to completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuner.engines import TrainingResult
from tuner.errors import StudyFailedError
from tuner.protocol import EpochFinished, Executor, Job, JobFailed, JobFinished, LimitExceeded, ModelWarned, WorkerDied
from tuner.runner.failure_policies import DeathRetryPolicy, indented
from tuner.runner.shutdown import ShutdownSignal
from tuner.text import excerpt

_POLL_S = 0.2
_OWN_ERRORS = ("ContentError", "DataError")
"""Errors whose message says enough; others are shown with the lines of the user's code."""


def run_jobs(
    executor: Executor,
    jobs: Sequence[Job],
    shutdown: ShutdownSignal,
    on_progress: Callable[[int, TrainingResult | None], None] = lambda number, training: None,
    on_epoch: Callable[[EpochFinished], None] = lambda event: None,
    on_warning: Callable[[str], None] = lambda text: None,
    tolerate: Callable[[int, str], bool] = lambda number, reason: False,
    advice: str = "Use fewer --workers; or raise the limits of a trial in [budget], run the study again, and retry.",
) -> dict[int, JobFinished]:
    """Run the jobs.

    Args:
        executor: A started one.
        jobs: What to train, in this order.
        shutdown: Ctrl-C ends it at once: nothing is worth keeping before the end.
        on_progress: Called with the number of a job when it begins (None), and again with its result.
        on_epoch: Called after each epoch.
        on_warning: Called with what a worker warns of.
        tolerate: Called with the number of a job that failed and why; True to continue without it.
        advice: Next step if a training was ended for exceeding a limit.

    Raises:
        KeyboardInterrupt: It was interrupted.
        StudyFailedError: A training that is not tolerated raised an error, exceeded a limit, or its worker died twice.
        WorkerError: No worker can be started.
    """
    waiting, running = list(jobs), dict[int, Job]()
    ended: dict[int, JobFinished] = {}
    deaths = DeathRetryPolicy()
    while waiting or running:
        if shutdown.level:
            raise KeyboardInterrupt
        while waiting and executor.free_slots() > 0:
            job = waiting.pop(0)
            running[job.number] = job
            executor.submit(job)
            on_progress(job.number, None)
        for event in executor.poll(timeout_s=_POLL_S):
            match event:
                case JobFinished(number=number):
                    del running[number]
                    ended[number] = event
                    on_progress(number, event.training)
                case EpochFinished():
                    on_epoch(event)
                case ModelWarned(text=text):
                    on_warning(text)
                case WorkerDied(number=number) if deaths.should_retry(number):
                    executor.submit(running[number])
                case JobFailed() | WorkerDied() | LimitExceeded() if tolerate(event.number, _reason(event)):
                    del running[event.number]
                case JobFailed():
                    raise _failed(event)
                case WorkerDied(reason=reason, log=log):
                    raise StudyFailedError(f"A training failed: {reason}, twice. Last output:\n{log or '(nothing)'}")
                case LimitExceeded(reason=reason):
                    raise StudyFailedError(f"A training failed: {reason}. {advice}")
    return ended


def _reason(event: JobFailed | WorkerDied | LimitExceeded) -> str:
    return event.error if isinstance(event, JobFailed) else event.reason


def _failed(event: JobFailed) -> StudyFailedError:
    """Describe an error of user code."""
    kind, _, text = event.error.partition(": ")
    if kind in _OWN_ERRORS:
        return StudyFailedError(f"A training failed. {text}")
    lines = [f"A training failed: {event.error}", *indented(event.frames), "Fix it, then run the same command again."]
    return StudyFailedError("\n".join(lines), details=excerpt(event.traceback))
