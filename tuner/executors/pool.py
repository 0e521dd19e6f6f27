"""The policy of a pool of workers: dispatch, deadlines, retries, replacement.

`WorkerPool` is the same for processes on this machine and for actors of a Ray cluster; a `Transport` starts the
workers and carries the messages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from tuner.errors import WorkerError
from tuner.protocol import (
    Event,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    Limits,
    WorkerDied,
    wire_format,
)
from tuner.text import STORED_CHARS, format_error, plain

MAX_FAILED_STARTS = 3
"""Workers that may die before they are ready, one in the place of the other; then it is no accident."""


@dataclass(eq=False, kw_only=True)
class PoolWorker:
    """State of one worker.

    Attributes:
        attempt: One more than the workers in its place that died before they were ready.
        ready: True if it has prepared the data and takes jobs.
        job: The job in progress.
        parser: Parser of the job's events.
        started_at: When the job began, by the monotonic clock.
        trials: Number of jobs done.
        retired: True if no other job may follow, as user code has changed the process.
    """

    attempt: int = 1
    ready: bool = False
    job: Job | None = None
    parser: wire_format.EventParser | None = None
    started_at: float | None = None
    trials: int = 0
    retired: bool = False


@dataclass(frozen=True)
class WorkerExit:
    """The end of a worker.

    Attributes:
        reason: Signal, exit code or error, in words.
        log: The end of its output.
        oom: Set if it was killed for lack of memory: the reason for its trial.
        shared_memory: True if another process on its node may have used up the memory.
    """

    reason: str
    log: str
    oom: str | None = None
    shared_memory: bool = False


W = TypeVar("W", bound=PoolWorker)
Received: TypeAlias = dict[str, Any] | wire_format.MessageError | WorkerExit


class Transport(Protocol[W]):
    """Starts workers and carries messages."""

    @property
    def queues_jobs(self) -> bool:
        """True if a worker that is not ready yet certainly will be: a job may wait for it."""

    def start(self) -> None:
        """Connect; a second call does nothing."""

    def capacity(self) -> int:
        """Return how many workers there should be now.

        Raises:
            WorkerError: There will never be room for one.
        """

    def spawn(self, attempt: int) -> W:
        """Start a worker and have it prepare."""

    def send(self, worker: W, message: dict[str, Any]) -> None:
        """Send a message; if the worker has died, `receive` tells."""

    def receive(self, timeout_s: float) -> Iterator[tuple[W, Received]]:
        """Yield what workers have sent, in order; waits up to `timeout_s` for the first."""

    def log(self, worker: W) -> str:
        """Return the last lines that a worker has printed, if they are known."""

    def over_memory(self, workers: Sequence[W]) -> list[tuple[W, str]]:
        """Return the workers that hold too much memory, each with the reason."""

    def should_recycle(self, worker: W) -> bool:
        """Return True if an idle worker holds too much memory to take another job."""

    def stop(self, worker: W) -> None:
        """Kill a worker."""

    def close(self, workers: Sequence[W], *, at_once: bool) -> None:
        """End these workers and disconnect."""


class OomRetryPolicy:
    """Retries trials that were killed for memory in a used worker: once each, in a fresh worker."""

    def __init__(self) -> None:
        self._retried: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._retried

    def should_fail(self, number: int, *, fresh: bool) -> bool:
        """Return True if a trial has failed; else it is retried.

        Args:
            number: Number of the trial.
            fresh: True if nothing else can have taken the memory: its worker had trained no other trial.
        """
        if fresh or number in self._retried:
            self._retried.discard(number)
            return True
        self._retried.add(number)
        return False


class WorkerPool(Generic[W]):
    """An `Executor` over the workers of a transport.

    Args:
        transport: Starts the workers.
        limits: What a trial may use.
    """

    def __init__(self, transport: Transport[W], limits: Limits) -> None:
        self._transport, self._limits = transport, limits
        self._workers: list[W] = []
        self._waiting: list[Job] = []
        self._failed_attempts: list[int] = []
        self._oom_retries = OomRetryPolicy()
        self._error: WorkerError | None = None

    def start(self) -> None:
        """See `Executor`.  The workers prepare in the background."""
        self._transport.start()
        self._fill()

    def starting_workers(self) -> int:
        """See `Executor`."""
        return sum(not worker.ready for worker in self._workers)

    def free_slots(self) -> int:
        """See `Executor`."""
        return 0 if self._error is not None else max(0, len(self._idle()) - len(self._waiting))

    def submit(self, job: Job) -> None:
        """See `Executor`.  A retried job may be submitted if no worker is free: it waits for one."""
        self._waiting.append(job)
        self._dispatch()

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""
        for worker in self._running(number):
            self._transport.send(worker, {"do": "answer", "go_on": go_on})

    def cancel(self, number: int) -> None:
        """See `Executor`.  A training cannot be interrupted: its worker is replaced."""
        self._waiting = [job for job in self._waiting if job.number != number]
        for worker in self._running(number):
            self._drop(worker)
            self._fill()

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`.  Events before an error are returned first; the next call raises the error."""
        if self._error is not None:
            raise self._error
        events: list[Event] = []
        try:
            for worker, received in self._transport.receive(timeout_s):
                events += self._handle(worker, received)
            events += self._enforce_limits()
            self._fill()
            self._dispatch()
        except WorkerError as error:
            self._error = error
            if not events:
                raise
        return events

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""
        self._transport.close(self._workers, at_once=at_once)
        self._workers.clear()
        self._waiting.clear()

    def _idle(self) -> list[W]:
        return [
            worker for worker in self._workers if worker.job is None and (worker.ready or self._transport.queues_jobs)
        ]

    def _running(self, number: int) -> list[W]:
        return [worker for worker in self._workers if worker.job is not None and worker.job.number == number]

    def _fill(self) -> None:
        """Start workers up to the capacity."""
        while len(self._workers) < self._transport.capacity():
            attempt = self._failed_attempts.pop() if self._failed_attempts else 1
            self._workers.append(self._transport.spawn(attempt))
        self._failed_attempts.clear()

    def _dispatch(self) -> None:
        """Send waiting jobs to ready workers; a retry for memory waits for the worker with the fewest trials."""
        for job in list(self._waiting):
            idle = self._idle()
            if not idle:
                return
            retried = job.number in self._oom_retries
            worker = min(idle, key=lambda one: one.trials if retried else not one.ready)
            if worker.ready:
                self._waiting.remove(job)
                worker.job, worker.parser, worker.started_at = (
                    job,
                    wire_format.EventParser(job.number),
                    time.monotonic(),
                )
                self._transport.send(worker, wire_format.train_message(job))

    def _handle(self, worker: W, received: Received) -> list[Event]:
        if worker not in self._workers:
            return []
        if isinstance(received, WorkerExit):
            return self._on_worker_exit(worker, received)
        try:
            return self._interpret(worker, received)
        except wire_format.MessageError as error:
            return self._on_invalid_message(worker, error)

    def _interpret(self, worker: W, message: Any) -> list[Event]:
        if isinstance(message, wire_format.MessageError):
            raise message
        if not isinstance(message, dict):
            raise wire_format.MessageError(f"something of type {type(message).__name__}")
        match message.get("is"):
            case "ready" if not worker.ready:
                worker.ready, worker.attempt = True, 1
                return []
            case "broken" if not worker.ready:
                raise WorkerError(f"A worker could not prepare its work: {plain(str(message.get('error')))}")
            case "broken":
                return self._on_worker_exit(worker, WorkerExit("its worker ended", plain(str(message))[:STORED_CHARS]))
        if worker.parser is None:
            raise wire_format.MessageError("something between two trials")
        event = worker.parser.parse(message)
        match event:
            case JobFailed(memory=True):
                return [self._end_trial(worker, f"out of memory: {event.error}", event.traceback, memory=True)]
            case JobFinished() | JobFailed():
                worker.job, worker.parser, worker.started_at = None, None, None
                worker.trials += 1
                if worker.retired or self._transport.should_recycle(worker):
                    self._drop(worker)
            case GlobalStateChanged():
                worker.retired = bool(event.lasting)
        return [event]

    def _on_worker_exit(self, worker: W, end: WorkerExit) -> list[Event]:
        job = worker.job
        self._drop(worker, end.reason, end.log)
        if job is None:
            return []
        fresh = worker.trials == 0 and not end.shared_memory
        if end.oom is not None and self._oom_retries.should_fail(job.number, fresh=fresh):
            return [LimitExceeded(job.number, end.oom)]
        return [WorkerDied(job.number, end.reason, end.log)]

    def _on_invalid_message(self, worker: W, error: wire_format.MessageError) -> list[Event]:
        """Replace a worker that sent something invalid; its trial has failed."""
        job, log = worker.job, self._transport.log(worker) or str(error)
        self._drop(worker, str(error), log)
        return [] if job is None else [JobFailed(job.number, format_error(error), log)]

    def _enforce_limits(self) -> list[Event]:
        """End trials that use more time or memory than they may."""
        events: list[Event] = []
        limit_s = self._limits.trial_time_s
        for worker in [worker for worker in self._workers if _deadline_passed(worker, limit_s)]:
            events.append(self._end_trial(worker, f"timeout: took longer than {limit_s:g} s"))
        busy = [worker for worker in self._workers if worker.job is not None]
        for worker, reason in self._transport.over_memory(busy):
            events.append(self._end_trial(worker, reason, memory=True))
        return events

    def _end_trial(self, worker: W, reason: str, log: str = "", *, memory: bool = False) -> Event:
        """Kill the worker of a trial; the trial is retried if an earlier one may have taken its memory."""
        assert worker.job is not None
        number, log = worker.job.number, self._transport.log(worker) or log
        fails = not memory or self._oom_retries.should_fail(number, fresh=worker.trials == 0)
        self._drop(worker)
        return LimitExceeded(number, reason) if fails else WorkerDied(number, reason, log)

    def _drop(self, worker: W, reason: str = "", log: str = "") -> None:
        """Kill a worker; `_fill` starts another one in its place.

        Raises:
            WorkerError: Too many workers in a row died before they were ready.
        """
        if not worker.ready:
            if worker.attempt >= MAX_FAILED_STARTS:
                raise WorkerError(
                    f"{worker.attempt} workers in a row ended before they were ready ({reason}). Output of the last:\n"
                    f"{log or '(nothing)'}"
                )
            self._failed_attempts.append(worker.attempt + 1)
        self._transport.stop(worker)
        self._workers.remove(worker)


def _deadline_passed(worker: PoolWorker, limit_s: float | None) -> bool:
    if limit_s is None or worker.job is None or worker.started_at is None:
        return False
    return worker.job.spent_s + time.monotonic() - worker.started_at > limit_s
