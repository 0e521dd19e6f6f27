"""The process that imports TensorFlow once and forks the workers of a machine.

A worker that is forked takes 2 s of CPU less than one that imports TensorFlow itself, and shares the memory of what was
imported.  The fork is safe, as no thread runs here: TensorFlow starts its own when the first tensor is made, which only
workers do, and OpenBLAS ends its own before a fork.

Its standard input is the socket to the coordinator (see `fork_requests`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from tuner.protocol import fork_requests
from tuner.worker import loop

IDLE_S = 600.0
"""It ends if it has had no worker for so long."""


@dataclass(frozen=True)
class _Child:
    """A worker.

    Attributes:
        request: The coordinator's name of it.
        pid: Its process id.
        pidfd: A file descriptor that is readable when it has ended.
    """

    request: int
    pid: int
    pidfd: int


class ForkServer:
    """Forks a worker for each request, and tells when it ends; ends itself when the connection does.

    Args:
        connection: The socket to the coordinator.
        idle_s: It ends if it has had no worker for so long.
    """

    def __init__(self, connection: socket.socket, idle_s: float = IDLE_S) -> None:
        self._connection, self._idle_s = connection, idle_s
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._children: dict[int, _Child] = {}

    def serve(self) -> None:
        """Serve until the coordinator has gone."""
        while events := self._selector.select(None if self._children else self._idle_s):
            for key, _ in events:
                if key.data is not None:
                    self._reap(key.data)
                elif not self._accept():
                    return

    def _accept(self) -> bool:
        """Serve a request; returns False at the end of the connection."""
        packet, streams, _, _ = socket.recv_fds(self._connection, fork_requests.PACKET_BYTES, fork_requests.STREAMS)
        if not packet:
            return False
        request = json.loads(packet)
        try:
            if "kill" in request:
                self._kill(request["kill"])
            else:
                self._fork(request["id"], request["folder"], streams)
        finally:
            for stream in streams:
                os.close(stream)
        return True

    def _fork(self, request: int, folder: str, streams: list[int]) -> None:
        """Fork a worker; that there is no room for one says its exit code, and its log why."""
        try:
            pid = os.fork()
            if pid == 0:
                try:
                    self._close_in_worker()
                finally:
                    _work(folder, streams)
            child = _Child(request, pid, _open_pidfd(pid))
        except OSError as error:
            os.write(streams[2], f"A worker could not be forked: {error}\n".encode())
            self._send({"id": request, "exit_code": 1})
            return
        self._selector.register(child.pidfd, selectors.EVENT_READ, child)
        self._children[request] = child
        self._send({"id": request, "pid": pid})

    def _close_in_worker(self) -> None:
        for child in self._children.values():
            os.close(child.pidfd)
        self._connection.close()
        self._selector.close()

    def _kill(self, request: int) -> None:
        """Kill a worker if it runs."""
        child = self._children.get(request)
        if child is not None:
            signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def _reap(self, child: _Child) -> None:
        """Kill what a worker that has ended leaves in its session, as long as its process id is its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        del self._children[child.request]
        self._send({"id": child.request, "exit_code": os.waitstatus_to_exitcode(status)})

    def _send(self, message: dict[str, int]) -> None:
        with contextlib.suppress(OSError):  # the coordinator has gone, and `serve` ends
            self._connection.send(json.dumps(message).encode())


def _open_pidfd(pid: int) -> int:
    """Open a file descriptor of a child; without one, the child is killed."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _work(folder: str, streams: list[int]) -> NoReturn:
    """Be a worker: lead a session of its own, and never return."""
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _reseed()
        loop.main()
        code = 0
    except SystemExit as end:
        if isinstance(end.code, int | None):
            code = end.code or 0
        else:
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        for file in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                file.flush()
        os._exit(code)


def _reseed() -> None:
    """Seed NumPy's global generator: else workers would draw the same numbers.  Python's own does so at a fork."""
    import numpy as np

    np.random.seed()


def preload() -> None:
    """Import what a worker needs; what cannot be imported is left to the worker, which tells why."""
    with loop.gc_frozen(), contextlib.suppress(Exception):
        loop.import_engines()


@contextlib.contextmanager
def _end_with(connection: socket.socket) -> Iterator[None]:
    """End this process if the coordinator ends meanwhile.  The thread that looks is gone before the first fork."""
    stopped, stop = os.pipe()

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.register(stopped, select.POLLIN)
        if stopped not in dict(poll.poll()):
            os._exit(0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        os.write(stop, b".")
        thread.join()
        os.close(stop)
        os.close(stopped)


def main() -> None:
    """Run `python -m tuner.worker.fork_server`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the coordinator
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it has nobody to wait for
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    with _end_with(connection):
        preload()
    ForkServer(connection).serve()


if __name__ == "__main__":
    main()
