"""Worker processes that are forked from one that has imported TensorFlow (`tuner.worker.fork_server`).

A fork server is kept for the next run of this process, such as a second cell of a notebook; there is one at most.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from tuner.protocol import fork_requests

_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""CUDA on Linux and on Windows, ROCm: their libraries may not survive a fork."""
_LOG_END_BYTES = 2**16
_STATUS = Path("/proc/self/status")
_SET_BY_IMPORTS = (
    "ENABLE_RUNTIME_UPTIME_TELEMETRY",
    "HDF5_PLUGIN_PATH",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "TF2_BEHAVIOR",
    "TPU_ML_PLATFORM",
    "TPU_ML_PLATFORM_VERSION",
)
"""Set by scikit-learn, Keras and TensorFlow when a data function imports them, and so in each worker that does."""


def can_fork() -> bool:
    """Return True if workers may be forked here: on Linux from 5.3 on, where the sandbox allows it, without a GPU."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return _STATUS.is_file() and not any(Path(device).exists() for device in _GPU_DEVICES)


@contextlib.contextmanager
def block_interrupts() -> Iterator[None]:
    """Start processes that ignore SIGINT from their first instruction on.

    A terminal does not reach them, as each has a session of its own, but a service manager signals every process, and
    a process that still imports modules would die.  The child inherits the blocked signal; here it stays pending.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class ForkedProcess:
    """A forked worker, with the part of the interface of `subprocess.Popen` that workers need.

    Attributes:
        stdin: Its standard input.
        stdout: Its standard output.
        log: Its standard error.

    Raises:
        OSError: There are no more file descriptors.
    """

    def __init__(self, log: IO[bytes], send_kill: Callable[[], None]) -> None:
        read_in, write_in = os.pipe()
        try:
            read_out, write_out = os.pipe()
        except OSError:
            os.close(read_in)
            os.close(write_in)
            raise
        self.stdin: IO[bytes] = os.fdopen(write_in, "wb")
        self.stdout: IO[bytes] = os.fdopen(read_out, "rb")
        self.log, self._theirs, self._send_kill = log, (read_in, write_out), send_kill
        self._forked, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._pid = 0
        self._exit_code: int | None = None

    @property
    def pid(self) -> int:
        """Process id; waits until it is forked, which takes as long as the import of TensorFlow."""
        self._forked.wait()
        return self._pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None if it runs."""
        return self._exit_code

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code.

        Raises:
            subprocess.TimeoutExpired: It has not ended in `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        assert self._exit_code is not None
        return self._exit_code

    def kill_session(self) -> None:
        """Have the server kill the worker, and every process of its session when it has ended.

        One that is not forked yet counts as ended: it is killed as soon as it is.
        """
        with self._lock:
            if self._ended.is_set():
                return
            self._send_kill()
            if not self._pid:
                self._end(-signal.SIGKILL)

    def streams(self) -> tuple[int, int, int]:
        """Return the file descriptors of its standard streams."""
        return *self._theirs, self.log.fileno()

    def sent(self) -> None:
        """Close what is the worker's, now that the server has it."""
        for end in self._theirs:
            os.close(end)

    def forked(self, pid: int) -> None:
        """Note the process id."""
        with self._lock:
            self._pid = pid
            self._forked.set()

    def ended(self, exit_code: int) -> None:
        """Note the end."""
        with self._lock:
            self._end(exit_code)

    def lost(self, exit_code: int, log: bytes) -> None:
        """Note the end of the server: a worker lives no longer."""
        with self._lock:
            if self._ended.is_set():
                return
            if self._pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._pid, signal.SIGKILL)
            with contextlib.suppress(OSError, ValueError):
                os.write(self.log.fileno(), log)
            self._end(exit_code)

    def _end(self, exit_code: int) -> None:
        if not self._ended.is_set():
            self._exit_code = exit_code
            self._forked.set()
            self._ended.set()


class ForkServerConnection:
    """Start a fork server, and hold the connection to it.

    Args:
        environment: Environment of its workers.
        folder: Their working directory.
    """

    def __init__(self, environment: Mapping[str, str], folder: str) -> None:
        self._folder, self._key = folder, _key(environment, folder)
        self._lock = threading.Lock()
        self._children: dict[int, ForkedProcess] = {}
        self._requests = 0
        self._has_forked = self._retired = self._closed = False
        self._owner = os.getpid()
        with contextlib.ExitStack() as opened:
            self._log = opened.enter_context(tempfile.TemporaryFile(prefix="tuner-workers-"))
            self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.enter_context(self._connection)
            with theirs, block_interrupts():
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "tuner.worker.fork_server"],
                    stdin=theirs.fileno(),
                    stdout=self._log,
                    stderr=self._log,
                    env=dict(environment),
                    cwd=folder,
                    start_new_session=True,
                )
            try:
                threading.Thread(target=self._listen, daemon=True).start()
            except RuntimeError as error:  # this process may start no more
                self.close()
                raise OSError(str(error)) from error
            opened.pop_all()  # `_listen` closes them

    def serves(self, environment: Mapping[str, str], folder: str) -> bool:
        """Return True if it can fork a worker with this environment and working directory."""
        return not self._closed and self._owner == os.getpid() and self._key == _key(environment, folder)

    def fork(self, log: IO[bytes]) -> ForkedProcess:
        """Ask for a worker whose standard error is `log`.

        Raises:
            OSError: There are no more file descriptors, or the server has gone.
        """
        with self._lock:
            self._requests += 1
            number = self._requests
            process = self._children[number] = ForkedProcess(log, functools.partial(self._kill, number))
        request = json.dumps({"id": number, "folder": self._folder}).encode()
        try:
            socket.send_fds(self._connection, [request], process.streams())
        except OSError:
            with self._lock:
                self._children.pop(number, None)
            process.stdin.close()
            process.stdout.close()
            raise
        finally:
            process.sent()
        return process

    def _kill(self, number: int) -> None:
        with contextlib.suppress(OSError):  # the server has ended, and `_listen` ends its workers
            self._connection.send(json.dumps({"kill": number}).encode())

    def close_if_starting(self) -> None:
        """End the server if it has forked no worker yet and nobody waits for one."""
        if not self._has_forked and not self._in_use():
            self.close()

    def retire(self) -> None:
        """End the server as soon as it has no worker."""
        self._retired = True
        if not self._in_use():
            self.close()

    def close(self) -> None:
        """Kill the server, and with it its workers; the CPU time of all is then that of children of this process."""
        self._closed = True
        self._process.kill()
        self._process.wait()

    def close_copy(self) -> None:
        """Close the connection in a fork of this process: the server shall see the process itself end."""
        self._closed = True
        self._connection.close()

    def _in_use(self) -> bool:
        with self._lock:
            return any(child.poll() is None for child in self._children.values())

    def _listen(self) -> None:
        while packet := self._receive():
            message = json.loads(packet)
            self._has_forked = True
            with self._lock:
                child = self._children[message["id"]]
                if "exit_code" in message:
                    del self._children[message["id"]]
            if "pid" in message:
                child.forked(message["pid"])
            else:
                child.ended(message["exit_code"])
                if self._retired:
                    self.retire()
        self._closed = True
        code = self._process.wait()
        with self._lock:
            left = list(self._children.values())
            self._children.clear()
            size = os.fstat(self._log.fileno()).st_size
            log = os.pread(self._log.fileno(), _LOG_END_BYTES, max(0, size - _LOG_END_BYTES))
        for child in left:
            child.lost(code, log)
        self._connection.close()
        self._log.close()

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(fork_requests.PACKET_BYTES)
        except OSError:
            return b""


def _key(environment: Mapping[str, str], folder: str) -> tuple[object, ...]:
    """Return what a worker has from the process that starts it."""
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    umask = [line for line in _STATUS.read_text().splitlines() if line.startswith("Umask")]
    variables = {name: value for name, value in environment.items() if name not in _SET_BY_IMPORTS}
    return variables, folder, os.sched_getaffinity(0), os.nice(0), limits, umask


_kept: list[ForkServerConnection] = []
_kept_lock = threading.Lock()


def fork_worker(environment: Mapping[str, str], folder: str, log: IO[bytes]) -> ForkedProcess:
    """Fork a worker from the server that is kept, or from a new one.

    Args:
        environment: Its environment.
        folder: Its working directory.
        log: Its standard error.

    Raises:
        OSError: It could not be started.
    """
    with _kept_lock:
        return _kept_server(environment, folder).fork(log)


def start_fork_server(environment: Mapping[str, str], folder: str) -> None:
    """Have TensorFlow imported for workers that will be asked for; if another server is needed then, this one ends.

    Args:
        environment: Their environment.
        folder: Their working directory.

    Raises:
        OSError: It could not be started.
    """
    with _kept_lock:
        _kept_server(environment, folder)


def close_starting_servers() -> None:
    """End servers that have forked no worker yet and that nobody waits for."""
    with _kept_lock:
        for server in _kept:
            server.close_if_starting()


def _kept_server(environment: Mapping[str, str], folder: str) -> ForkServerConnection:
    """Return the server that is kept, or a new one in its place; the caller holds the lock."""
    server = next((server for server in _kept if server.serves(environment, folder)), None)
    if server is None:
        while _kept:
            _kept.pop().retire()
        server = ForkServerConnection(environment, folder)
        _kept.append(server)
    return server


@atexit.register
def _close_kept() -> None:
    for server in _kept:
        server.close()


def _close_copies() -> None:
    for server in _kept:
        server.close_copy()
    _kept.clear()


os.register_at_fork(after_in_child=_close_copies)
