"""Worker processes on this machine: one thread each, fed over pipes, replaced when they die.

Each leads a session of its own.  What user code starts in a worker (data loaders, say) is in it, and ends with the
worker: it may keep the worker's pipe open, and would else hide its death.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

from tuner.errors import WorkerError
from tuner.executors.memory_limits import (
    HEADROOM_POLL_S,
    LOW_MEMORY_SHARE,
    MEMORY_POLL_S,
    MIN_TRIALS_BEFORE_RECYCLE,
    RECYCLE_AT_CAP_SHARE,
    RECYCLE_GROWTH_BYTES,
    OomRetryPolicy,
    deadline_passed,
    format_bytes,
    memory_above,
    proportional_memory,
    resident_memory,
)
from tuner.executors.system_memory import available_memory, oom_kills
from tuner.executors.worker_env import environment
from tuner.protocol import (
    Event,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    WorkerConfig,
    WorkerDied,
    messages,
)
from tuner.text import STORED_CHARS, format_error, plain

_LOG_LINES = 40
_LOG_END_BYTES = 4 * STORED_CHARS
_LARGEST_LOG_BYTES = 2**26
"""What a worker prints is cut when it is longer: to its last `_KEPT_LOG_BYTES`."""
_KEPT_LOG_BYTES = 2**20
_GRACE_S = 2.0
"""How long the end of a pipe may come after the end of its worker, and the other way round."""
STARTS_WITHOUT_READY = 3
"""Workers in a row that may die before they are ready; then something is wrong with all of them."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_per_worker(workers: int) -> int:
    """Threads of each of so many workers on this machine."""
    return max(1, cores() // workers)


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    ready: bool = False
    job: Job | None = None
    parser: messages.EventParser | None = None  # of the job
    spent: bool = False  # whether no other job may follow this one
    broken: dict[str, Any] | None = None
    reader: threading.Thread | None = field(default=None, repr=False)
    killed: bool = False
    began: float | None = None  # the job, by the monotonic clock; None while the worker is not ready
    trials: int = 0
    held: int | None = None  # bytes, after its first trial
    oom_kills: int | None = None  # of the system, when the job was handed in

    def take(self, job: Job) -> None:
        """Hand a job to the worker."""
        self.job, self.parser = job, messages.EventParser(job.number)
        self.began = time.monotonic() if self.ready else None
        self.oom_kills = oom_kills()
        self.send(messages.train_message(job))

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it died, or its input is closed; its reader tells
            self.process.stdin.write(messages.encode(message))
            self.process.stdin.flush()

    def kill(self) -> None:
        """End the worker, where it lives, and every process of its session."""
        if not self.killed:  # once: later its process id may be that of another one
            self.killed = True
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, patience_s: float) -> int:
        """Its exit code; after `patience_s` it is killed, and what it had started is in any case."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=patience_s)
        self.kill()
        return self.process.wait()

    def log_end(self) -> str:
        """The last lines that it has printed."""
        text = plain(self._log_bytes(_LOG_END_BYTES).decode(errors="replace"))
        return "\n".join(text.splitlines()[-_LOG_LINES:])[-STORED_CHARS:]

    def cut_log(self) -> None:
        """Keep what it prints from filling the disk."""
        if os.fstat(self.log.fileno()).st_size > _LARGEST_LOG_BYTES:
            end = self._log_bytes(_KEPT_LOG_BYTES)
            os.ftruncate(self.log.fileno(), 0)
            os.write(self.log.fileno(), b"[cut]\n" + end)

    def _log_bytes(self, most: int) -> bytes:
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), most, max(0, size - most))  # the worker goes on at the place of the file


_Said: TypeAlias = dict[str, Any] | messages.MessageError | None
"""What comes from a worker: a message, something that is none, or its end."""


class LocalExecutor:
    """Workers of this machine.

    Two processes of one thread each beat one process of two threads on small models; so each worker gets its
    share of the cores and no more.

    Args:
        workplace: What all trials share.
        workers: How many processes; None for one a core.
        command: What starts a worker; None for our own.
        threads: Threads of each worker; None for its share of the cores.
    """

    def __init__(
        self,
        workplace: WorkerConfig,
        workers: int | None = None,
        command: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self._command, self._limits = command, workplace.limits
        self._looked = 0.0
        self._suspects = OomRetryPolicy()
        self.count = workers or cores()
        self._threads = threads or threads_per_worker(self.count)
        self._workplace = workplace
        self._inbox: queue.SimpleQueue[tuple[_Worker, _Said]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._unready_deaths = 0
        self._error: WorkerError | None = None
        self._closed = False

    def start(self) -> None:
        """See `Executor`.  The workers import TensorFlow while the coordinator goes on."""
        while len(self._workers) < self.count:
            self._workers.append(self._spawn())  # one by one: where a later one fails, `close` ends these

    def free_slots(self) -> int:
        """See `Executor`.  A worker that still imports TensorFlow takes its first job already."""
        if self._error is not None:
            return 0
        return sum(worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        fresh = job.number in self._suspects
        worker = min((w for w in self._workers if w.job is None), key=lambda w: w.trials if fresh else not w.ready)
        worker.take(job)

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""
        for worker in self._workers:
            if worker.job is not None and worker.job.number == number:
                worker.send({"do": "answer", "go_on": go_on})

    def cancel(self, number: int) -> None:
        """See `Executor`.  A program in progress cannot be asked to end: its worker is replaced."""
        for worker in self._workers:
            if worker.job is not None and worker.job.number == number:
                self._discard(worker)

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`.  What had happened before an error is given first, the error at the next call."""
        if self._error is not None:
            raise self._error
        found: list[Event] = []
        try:
            entry = self._inbox.get(timeout=timeout_s)
            while True:
                found += self._handle(*entry)
                entry = self._inbox.get_nowait()
        except queue.Empty:
            self._look_for_dead()
            return found + self._look_at_limits()
        except WorkerError as error:
            if not found:
                raise
            self._error = error
            return found

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`.  Idle workers end when their input closes; `at_once` kills them."""
        self._closed = True
        for worker in self._workers:
            if at_once:
                worker.kill()
            self._close_input(worker)
        for worker in self._workers:
            worker.end(patience_s=10)
            if worker.reader is not None:
                worker.reader.join(timeout=_GRACE_S)
            worker.log.close()
        self._workers.clear()

    def _spawn(self) -> _Worker:
        log = tempfile.TemporaryFile(prefix="tuner-worker-")  # noqa: SIM115 – lives as long as the worker
        fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)  # see `cut_log`
        try:
            with _without_interrupts():
                process = subprocess.Popen(
                    self._command or [sys.executable, "-P", "-m", "tuner.worker.loop"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment(self._workplace, self._threads),
                    cwd=self._workplace.project,
                    start_new_session=True,
                )
        except OSError as error:
            log.close()
            raise WorkerError(f"A worker process could not be started: {error}.") from error
        worker = _Worker(process, log)
        worker.reader = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.reader.start()
        worker.send({"do": "prepare", "workplace": self._workplace.to_json()})
        return worker

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        try:
            with worker.process.stdout as output:
                for message in messages.receive(output):
                    self._inbox.put((worker, message))
        except messages.MessageError as error:
            self._inbox.put((worker, error))
        finally:
            self._inbox.put((worker, None))

    def _look_for_dead(self) -> None:
        """Note the end of workers whose pipe does not end, because a process that they started keeps it open."""
        for worker in self._workers:
            if worker.killed or worker.process.poll() is None or worker.reader is None:
                continue
            worker.kill()  # with what holds it the pipe ends, and the reader tells, after the last messages
            worker.reader.join(timeout=_GRACE_S)
            if worker.reader.is_alive():  # what holds it has gone to another session
                self._inbox.put((worker, None))

    def _handle(self, worker: _Worker, said: _Said) -> list[Event]:
        if self._closed or worker not in self._workers:
            return []
        if said is None:
            return self._replace(worker)
        try:
            return self._understand(worker, said)
        except messages.MessageError as error:
            return self._distrust(worker, error)

    def _understand(self, worker: _Worker, said: dict[str, Any] | messages.MessageError) -> list[Event]:
        if isinstance(said, messages.MessageError):
            raise said
        match said.get("is"):
            case "ready" if not worker.ready:
                worker.ready, self._unready_deaths = True, 0
                worker.began = time.monotonic()
                return []
            case "broken" if not worker.ready:
                worker.broken = said
                return []
        if worker.parser is None:
            raise messages.MessageError("something between two trials")
        event = worker.parser.parse(said)
        if isinstance(event, JobFailed) and event.memory:
            return [self._end_trial(worker, f"out of memory: {event.error}", memory=True)]
        if isinstance(event, JobFinished | JobFailed):
            worker.job, worker.parser, worker.began, worker.trials = None, None, None, worker.trials + 1
            if worker.spent or self._keeps_much(worker):
                self._discard(worker)  # what it keeps of earlier trials must not change or end the next one
        elif isinstance(event, GlobalStateChanged):
            worker.spent = bool(event.lasting)
        return [event]

    def _distrust(self, worker: _Worker, error: messages.MessageError) -> list[Event]:
        """Replace a worker whose messages cannot be understood; its trial has failed."""
        job, log = worker.job, worker.log_end()
        if not worker.ready:
            self._count_unready(str(error), log)
        new = self._discard(worker)
        if job is None:
            return []
        if not worker.ready:  # it had not begun: this says nothing about the job
            new.take(job)
            return []
        return [JobFailed(job.number, format_error(error), log or str(error))]

    def _count_unready(self, end: str, log: str) -> None:
        """Count a worker that came to nothing before it was ready.

        Raises:
            WorkerError: It is one too many.
        """
        self._unready_deaths += 1
        if self._unready_deaths >= STARTS_WITHOUT_READY:
            raise WorkerError(
                f"{self._unready_deaths} worker processes in a row ended before they were ready ({end}). The last one "
                f"said:\n{log or '(nothing)'}"
            )

    def _keeps_much(self, worker: _Worker) -> bool:
        """Whether a worker between two trials comes near its cap; without one, whether it grows and grows."""
        pid, cap = worker.process.pid, self._limits.memory_bytes
        if cap is not None:
            return memory_above(pid, RECYCLE_AT_CAP_SHARE * cap) is not None
        now = resident_memory(pid)
        worker.held = now if worker.held is None else worker.held
        return worker.trials >= MIN_TRIALS_BEFORE_RECYCLE and now > worker.held + RECYCLE_GROWTH_BYTES

    def _look_at_limits(self) -> list[Event]:
        """End trials that use more than they may."""
        found: list[Event] = []
        for worker in self._workers:
            worker.cut_log()
        now, cap = time.monotonic(), self._limits.memory_bytes
        look = now - self._looked >= (HEADROOM_POLL_S if cap is None else MEMORY_POLL_S)
        if look:
            self._looked = now
        for worker, job in [(worker, worker.job) for worker in self._workers if worker.job is not None]:
            if deadline_passed(worker.began, self._limits.trial_time_s, job.spent_s):
                found.append(self._end_trial(worker, f"timeout: took longer than {self._limits.trial_time_s:g} s"))
            elif look and cap is not None and (held := memory_above(worker.process.pid, cap)) is not None:
                reason = f"out of memory: its worker held {format_bytes(held)}, and may hold {format_bytes(cap)}"
                found.append(self._end_trial(worker, reason, memory=True))
        return found + (self._look_at_room() if look and cap is None else [])

    def _look_at_room(self) -> list[Event]:
        """Where memory is nearly used up, end the trial that takes more than its share, before the system ends any."""
        machine = available_memory()
        busy = [worker for worker in self._workers if worker.job is not None]
        if machine is None or not busy or machine.left >= LOW_MEMORY_SHARE * machine.total:
            return []
        held, worker = max(
            ((proportional_memory(worker.process.pid), worker) for worker in busy), key=lambda pair: pair[0]
        )
        share = machine.total / self.count
        if held <= share:  # others have taken it
            return []
        reason = (
            f"out of memory: its worker held {format_bytes(held)} of {format_bytes(machine.total)}, "
            f"more than its share, and {format_bytes(max(0, machine.left))} were left"
        )
        return [self._end_trial(worker, reason, memory=True)]

    def _end_trial(self, worker: _Worker, reason: str, *, memory: bool = False) -> Event:
        """Kill the worker of a trial; a trial that may not be guilty of its memory runs once more, in a new worker."""
        assert worker.job is not None
        number, log = worker.job.number, worker.log_end()
        guilty = not memory or self._suspects.should_fail(number, worker.trials)
        self._discard(worker)
        return LimitExceeded(number, reason) if guilty else WorkerDied(number, reason, log)

    def _discard(self, worker: _Worker) -> _Worker:
        """Kill a worker, and put another one in its place, which is given."""
        worker.end(patience_s=0)
        self._close_input(worker)
        worker.log.close()
        new = self._workers[self._workers.index(worker)] = self._spawn()
        return new

    def _replace(self, worker: _Worker) -> list[Event]:
        code = worker.end(_GRACE_S)
        job, log = worker.job, worker.log_end()
        self._close_input(worker)
        worker.log.close()
        if worker.broken is not None:
            raise WorkerError(f"A worker could not prepare its work: {plain(str(worker.broken.get('error')))}")
        if not worker.ready:
            self._count_unready(_death(code), log)
        new = self._workers[self._workers.index(worker)] = self._spawn()
        if job is None:
            return []
        if not worker.ready:  # it had not begun: this death says nothing about the job
            new.take(job)
            return []
        if _for_want_of_memory(code, worker.oom_kills) and self._suspects.should_fail(job.number, worker.trials):
            return [LimitExceeded(job.number, "out of memory: the system had none left, and has ended its worker")]
        return [WorkerDied(job.number, f"its worker process {_death(code)}", log)]

    @staticmethod
    def _close_input(worker: _Worker) -> None:
        assert worker.process.stdin is not None
        with contextlib.suppress(OSError):
            worker.process.stdin.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, from their first instruction on.

    A terminal does not, as each has a session of its own, but a service manager sends it to every process, and a worker
    that still imports what it needs would die of it.  A new process inherits the blocked signal; for us it is pending
    meanwhile, not lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _for_want_of_memory(code: int, kills_before: int | None) -> bool:
    """Whether the system has killed a process that ended with this code: it counts whom it has killed so."""
    kills = oom_kills() if code == -signal.SIGKILL else None
    return kills is not None and kills_before is not None and kills > kills_before


def _death(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (killed by a person, or by the system for want of memory)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
