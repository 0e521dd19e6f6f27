"""Worker processes on this machine, fed over pipes.

Each leads a session of its own, so that what user code starts in it (data loaders, say) is killed with it: such a
process may keep the worker's pipe open and would else hide its death.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

from tuner.errors import WorkerError
from tuner.executors.forked_workers import (
    ForkedProcess,
    block_interrupts,
    can_fork,
    close_starting_servers,
    fork_worker,
)
from tuner.executors.memory_guard import MemoryGuard
from tuner.executors.pool import PoolWorker, Received, WorkerExit
from tuner.executors.system_memory import oom_kills
from tuner.executors.worker_env import environment, onednn_pays
from tuner.protocol import WorkerConfig, wire_format
from tuner.text import STORED_CHARS, plain

_LOG_LINES = 40
_LOG_END_BYTES = 4 * STORED_CHARS
_MAX_LOG_BYTES = 2**26
"""A longer log is truncated to its last `_KEPT_LOG_BYTES`."""
_KEPT_LOG_BYTES = 2**20
_GRACE_S = 2.0
"""Longest time between the end of a worker and the end of its pipe."""
_EXIT_S = 10.0
"""Longest time that an idle worker may take to end when its input closes."""


class _StartedProcess(subprocess.Popen[bytes]):
    """A worker that is started by a command of its own."""

    def kill_session(self) -> None:
        """Kill the worker and every process of its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            os.killpg(self.pid, signal.SIGKILL)


@dataclass(eq=False, kw_only=True)
class WorkerProcess(PoolWorker):
    """A worker process and its log.

    Attributes:
        log: What it prints.
        oom_kills: OOM kills of the system when a message was last sent.
        killed: True once it was killed: its process id may be another process's since.
    """

    process: ForkedProcess | _StartedProcess
    log: IO[bytes]
    reader: threading.Thread | None = field(default=None, repr=False)
    oom_kills: int | None = None
    killed: bool = False

    def kill(self) -> None:
        """Kill the worker and every process of its session."""
        if not self.killed:
            self.killed = True
            self.process.kill_session()

    def wait(self, timeout_s: float) -> int:
        """Return the exit code; after `timeout_s` the worker is killed, what it started in any case."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=timeout_s)
        self.kill()
        return self.process.wait()

    def close_input(self) -> None:
        """Close the pipe to the worker, which ends it if it is idle."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def log_end(self) -> str:
        """Return the last lines that it has printed."""
        text = plain(self._read_log(_LOG_END_BYTES).decode(errors="replace"))
        return "\n".join(text.splitlines()[-_LOG_LINES:])[-STORED_CHARS:]

    def truncate_log(self) -> None:
        """Keep the log from filling the disk."""
        if os.fstat(self.log.fileno()).st_size > _MAX_LOG_BYTES:
            end = self._read_log(_KEPT_LOG_BYTES)
            os.ftruncate(self.log.fileno(), 0)
            os.write(self.log.fileno(), b"[cut]\n" + end)

    def _read_log(self, max_bytes: int) -> bytes:
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), max_bytes, max(0, size - max_bytes))  # does not move the worker's position


_Line: TypeAlias = dict[str, Any] | wire_format.MessageError | None
"""A message from a worker's pipe, or None at its end."""


class PipeTransport:
    """Starts worker processes on this machine (a `Transport`).

    Args:
        config: What every trial shares.
        workers: Number of processes.
        threads: Threads of each.
        command: What starts a worker; None for `tuner.worker.loop`, forked where that is possible.
    """

    queues_jobs = True

    def __init__(self, config: WorkerConfig, workers: int, threads: int, command: Sequence[str] | None = None) -> None:
        self._config, self._count, self._threads, self._command = config, workers, threads, command
        self._guard = MemoryGuard(config.limits.memory_bytes, workers)
        self._inbox: queue.SimpleQueue[tuple[WorkerProcess, _Line]] = queue.SimpleQueue()
        self._running: list[WorkerProcess] = []

    def start(self) -> None:
        """See `Transport`: nothing to connect to."""

    def capacity(self) -> int:
        """See `Transport`."""
        return self._count

    def spawn(self, attempt: int) -> WorkerProcess:
        """See `Transport`."""
        log = tempfile.TemporaryFile(prefix="tuner-worker-")  # noqa: SIM115 – open as long as the worker lives
        fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)  # see `truncate_log`
        try:
            with block_interrupts():
                process = self._launch(log)
        except OSError as error:
            log.close()
            raise WorkerError(f"A worker process could not be started: {error}.") from error
        worker = WorkerProcess(process=process, log=log, attempt=attempt)
        self._running.append(worker)
        worker.reader = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.reader.start()
        self.send(worker, {"do": "prepare", "config": self._config.to_json()})
        return worker

    def send(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        """See `Transport`."""
        assert worker.process.stdin is not None
        worker.oom_kills = oom_kills()
        with contextlib.suppress(OSError, ValueError):  # it died, or its input is closed
            worker.process.stdin.write(wire_format.encode(message))
            worker.process.stdin.flush()

    def receive(self, timeout_s: float) -> Iterator[tuple[WorkerProcess, Received]]:
        """See `Transport`."""
        with contextlib.suppress(queue.Empty):
            worker, line = self._inbox.get(timeout=timeout_s)
            while True:
                if worker in self._running:
                    yield worker, _exit(worker) if line is None else line
                worker, line = self._inbox.get_nowait()
        self._reap_dead_workers()
        for worker in self._running:
            worker.truncate_log()

    def log(self, worker: WorkerProcess) -> str:
        """See `Transport`."""
        return worker.log_end()

    def over_memory(self, workers: Sequence[WorkerProcess]) -> list[tuple[WorkerProcess, str]]:
        """See `Transport`."""
        reasons = self._guard.over_limit([worker.process.pid for worker in workers])
        return [(worker, reasons[worker.process.pid]) for worker in workers if worker.process.pid in reasons]

    def should_recycle(self, worker: WorkerProcess) -> bool:
        """See `Transport`."""
        return self._guard.should_recycle(worker.process.pid, worker.trials)

    def stop(self, worker: WorkerProcess) -> None:
        """See `Transport`."""
        self._end(worker, 0.0)

    def close(self, workers: Sequence[WorkerProcess], *, at_once: bool) -> None:
        """See `Transport`.  Idle workers end when their input closes; `at_once` kills them."""
        for worker in workers:
            if at_once or not worker.ready:
                worker.kill()
            worker.close_input()
        close_starting_servers()
        for worker in workers:
            self._end(worker, _EXIT_S)
            if worker.reader is not None:
                worker.reader.join(timeout=_GRACE_S)

    def _launch(self, log: IO[bytes]) -> ForkedProcess | _StartedProcess:
        variables = environment(onednn_pays(self._config.input_shape), self._threads)
        folder = str(self._config.project)
        if self._command is None and can_fork():
            return fork_worker(variables, folder, log)
        return _StartedProcess(
            self._command or [sys.executable, "-P", "-m", "tuner.worker.loop"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=variables,
            cwd=folder,
            start_new_session=True,
        )

    def _end(self, worker: WorkerProcess, timeout_s: float) -> None:
        worker.wait(timeout_s)
        worker.close_input()
        worker.log.close()
        self._running.remove(worker)
        self._guard.forget(worker.process.pid)

    def _listen(self, worker: WorkerProcess) -> None:
        assert worker.process.stdout is not None
        try:
            with worker.process.stdout as output:
                for message in wire_format.receive(output):
                    self._inbox.put((worker, message))
        except wire_format.MessageError as error:
            self._inbox.put((worker, error))
        finally:
            self._inbox.put((worker, None))

    def _reap_dead_workers(self) -> None:
        """Note the death of workers whose pipe a process that they started keeps open."""
        for worker in self._running:
            if worker.killed or worker.process.poll() is None or worker.reader is None:
                continue
            worker.kill()  # closes the pipe, and the reader reports, after the last messages
            worker.reader.join(timeout=_GRACE_S)
            if worker.reader.is_alive():  # what holds the pipe has moved to another session
                self._inbox.put((worker, None))


def _exit(worker: WorkerProcess) -> WorkerExit:
    """Describe the end of a worker whose pipe has ended."""
    code = worker.wait(_GRACE_S)
    reason = f"its worker process {_describe_exit(code)}"
    oom = "out of memory: the system had none left, and killed its worker"
    return WorkerExit(reason, worker.log_end(), oom if _was_oom_killed(code, worker.oom_kills) else None)


def _was_oom_killed(code: int, kills_before: int | None) -> bool:
    """Return True if a process was killed and the system's count of OOM kills has risen."""
    kills = oom_kills() if code == -signal.SIGKILL else None
    return kills is not None and kills_before is not None and kills > kills_before


def _describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (killed by the user, or by the system for lack of memory)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
