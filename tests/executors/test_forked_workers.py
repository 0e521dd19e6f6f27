"""Workers that are forked from a process which has imported TensorFlow."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from real_study import PATIENCE_S, children, eventually

import tuner
from tuner.executors import forked_workers
from tuner.executors.forked_workers import (
    ForkedProcess,
    ForkServerConnection,
    can_fork,
    close_starting_servers,
    fork_worker,
    start_fork_server,
)
from tuner.storage.lease import process_start

STUB = """
import os, sys, threading, time
import numpy as np

def gc_frozen():
    import contextlib
    return contextlib.nullcontext()

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)

def import_engines():
    {imports}

def main():
    print(os.getpid(), os.getppid(), os.getcwd(), np.random.rand(), flush=True)
    {work}
"""
"""In place of `tuner.worker.loop`: what is forked, and how, has nothing to do with TensorFlow."""


@pytest.fixture
def log() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


def environment_of(folder: Path, work: str = "sys.stdin.read()", imports: str = "pass") -> dict[str, str]:
    """Write the stub into a folder, and return the environment in which a fork server takes it."""
    (folder / "stub.py").write_text(STUB.format(work=work, imports=imports), encoding="utf-8")
    (folder / "sitecustomize.py").write_text(
        "import sys, stub, tuner.worker\nsys.modules['tuner.worker.loop'] = tuner.worker.loop = stub\n"
    )
    paths = [str(folder), str(Path(tuner.__file__).parents[1])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextlib.contextmanager
def server(folder: Path, work: str = "sys.stdin.read()", imports: str = "pass") -> Iterator[ForkServerConnection]:
    running = ForkServerConnection(environment_of(folder, work, imports), str(folder))
    fork, forked = running.fork, list[ForkedProcess]()

    def forks(log: IO[bytes]) -> ForkedProcess:
        forked.append(fork(log))
        return forked[-1]

    running.fork = forks  # type: ignore[method-assign]
    try:
        yield running
    finally:
        running.close()
        with closing_streams(*forked):
            pass


@contextlib.contextmanager
def closing_streams(*processes: ForkedProcess) -> Iterator[None]:
    """Close the pipes to workers in the end, as a transport does."""
    try:
        yield
    finally:
        for stream in (stream for process in processes for stream in (process.stdin, process.stdout)):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def read_log(log: IO[bytes]) -> str:
    return os.pread(log.fileno(), 2**16, 0).decode()


def said(process: ForkedProcess) -> list[str]:
    return process.stdout.readline().decode().split()


def test_a_worker_has_its_own_streams_session_and_numbers(tmp_path: Path, log: IO[bytes]) -> None:
    with server(tmp_path, "print('in the log', file=sys.stderr); sys.exit(len(sys.stdin.read()) or None)") as running:
        one, other = running.fork(log), running.fork(log)
        first, second = said(one), said(other)
        assert [first[0], second[0]] == [str(one.pid), str(other.pid)]
        assert first[1] == second[1] == str(running._process.pid)
        assert first[2] == str(tmp_path)
        assert first[3] != second[3], "NumPy's generators differ"
        assert os.getsid(one.pid) == one.pid
        assert one.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            one.wait(0.01)
        one.stdin.write(b"end")
        one.stdin.close()
        assert one.wait(PATIENCE_S) == one.poll() == 3
        other.stdin.close()
        assert other.wait(PATIENCE_S) == 0
        assert read_log(log) == "in the log\n" * 2


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("raise ValueError('its own')", 1),
        ("sys.exit('a text')", 1),
        ("os._exit(9)", 9),
        ("os.abort()", -signal.SIGABRT),
    ],
)
def test_the_exit_code_is_that_of_a_process(tmp_path: Path, log: IO[bytes], work: str, code: int) -> None:
    with server(tmp_path, work) as running:
        assert running.fork(log).wait(PATIENCE_S) == code
    assert ("ValueError: its own" in read_log(log)) == ("ValueError" in work)


def test_what_a_worker_has_started_ends_with_it(tmp_path: Path, log: IO[bytes]) -> None:
    work = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.readline()"
    with server(tmp_path, work) as running:
        killed, ended = running.fork(log), running.fork(log)
        children = [int(said(worker)[0]) for worker in (killed, ended) if said(worker)]
        killed.kill_session()
        ended.stdin.close()
        assert (killed.wait(PATIENCE_S), ended.wait(PATIENCE_S)) == (-signal.SIGKILL, 0)
        eventually(lambda: not any(map(process_start, children)))


def test_a_worker_that_is_killed_before_it_is_forked(tmp_path: Path, log: IO[bytes]) -> None:
    mark = tmp_path / "imported"
    with server(tmp_path, imports=f"wait_for({str(mark)!r})") as running:
        killed, other = running.fork(log), running.fork(log)
        killed.kill_session()
        assert killed.wait(0.0) == -signal.SIGKILL, "nobody waits for the import"
        running.close_if_starting()
        mark.touch()
        assert said(other), "another one does wait"
        running.close_if_starting()
        assert running.serves(environment_of(tmp_path), str(tmp_path)), "it has its worker"
        tasks = Path(f"/proc/{running._process.pid}/task/{running._process.pid}/children")
        eventually(lambda: tasks.read_text().split() == [str(other.pid)])


def test_a_server_that_nobody_waits_for_ends(tmp_path: Path, log: IO[bytes]) -> None:
    with server(tmp_path, imports="time.sleep(600)") as running:
        running.fork(log).kill_session()
        running.close_if_starting()
        assert running._process.poll() == -signal.SIGKILL


def test_workers_end_with_their_server(tmp_path: Path, log: IO[bytes]) -> None:
    with server(tmp_path) as running:
        worker = running.fork(log)
        said(worker)
        os.kill(running._process.pid, signal.SIGKILL)
        assert worker.wait(PATIENCE_S) == -signal.SIGKILL
        eventually(lambda: process_start(worker.pid) is None)
        assert not running.serves(environment_of(tmp_path), str(tmp_path))


def test_a_server_that_dies_while_it_imports_tells_each_worker_why(tmp_path: Path, log: IO[bytes]) -> None:
    mark = tmp_path / "asked"
    says = "print('no such library', file=sys.stderr, flush=True)"
    with server(tmp_path, imports=f"{says}; wait_for({str(mark)!r}); os._exit(7)") as running:
        workers = [running.fork(log) for _ in range(2)]
        mark.touch()
        assert [worker.wait(PATIENCE_S) for worker in workers] == [7, 7]
    assert read_log(log) == "no such library\n" * 2


def test_an_import_that_fails_is_left_to_the_worker(tmp_path: Path, log: IO[bytes]) -> None:
    with server(tmp_path, work="import_engines()", imports="import no_such_library") as running:
        assert running.fork(log).wait(PATIENCE_S) == 1
    assert "No module named 'no_such_library'" in read_log(log)


def server_and_worker(
    environment: dict[str, str], folder: str, log: IO[bytes]
) -> tuple[ForkServerConnection, ForkedProcess]:
    """Fork a worker; its server is the one that is kept."""
    process = fork_worker(environment, folder, log)
    return forked_workers._kept[-1], process


def test_one_server_is_kept_for_equal_workers(tmp_path: Path, log: IO[bytes]) -> None:
    """The one before ends with its last worker: another study may still train."""
    (tmp_path / "other").mkdir()
    environment = environment_of(tmp_path)
    first, one = server_and_worker(environment, str(tmp_path), log)
    same, two = server_and_worker(dict(environment), str(tmp_path), log)
    second, three = server_and_worker(environment, str(tmp_path / "other"), log)
    assert same is first
    assert second is not first
    with closing_streams(one, two, three):
        assert all(said(worker) for worker in (one, two, three))
        assert first._process.poll() is one.poll() is two.poll() is None
        for worker in (one, two):
            worker.stdin.close()
            assert worker.wait(PATIENCE_S) == 0
        eventually(lambda: first._process.poll() is not None)
        second.close()


def servers() -> set[int]:
    """Process ids of the fork servers of this process; one that has just been started may still lack its name."""
    return {pid for pid in children(os.getpid()) if b"tuner.worker.fork_server" in command_line(pid)}


def command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_workers_come_from_a_server_that_was_started_for_them(tmp_path: Path, log: IO[bytes]) -> None:
    environment = environment_of(tmp_path)
    start_fork_server(environment, str(tmp_path))
    eventually(servers)
    started = servers()
    server, one = server_and_worker(dict(environment), str(tmp_path), log)
    with closing_streams(one):
        assert said(one)[1] == str(server._process.pid)
        assert started == servers() == {server._process.pid}
        server.close()


def test_a_server_that_was_started_for_others_ends(tmp_path: Path, log: IO[bytes]) -> None:
    start_fork_server(environment_of(tmp_path, imports="time.sleep(600)"), str(tmp_path))
    eventually(servers)
    started = servers()
    server, one = server_and_worker({**environment_of(tmp_path), "OTHER": "1"}, str(tmp_path), log)
    with closing_streams(one):
        assert said(one)
        assert started
        assert servers() == {server._process.pid} != started
        server.close()


def test_only_what_nobody_waits_for_ends(tmp_path: Path, log: IO[bytes]) -> None:
    environment = environment_of(tmp_path, imports="time.sleep(600)")
    start_fork_server(environment, str(tmp_path))
    eventually(servers)
    close_starting_servers()
    assert not servers()
    server, waiting = server_and_worker(environment, str(tmp_path), log)
    close_starting_servers()
    assert server._process.poll() is None
    with closing_streams(waiting):
        server.close()


def test_what_imports_have_set_needs_no_other_server(tmp_path: Path, log: IO[bytes]) -> None:
    """scikit-learn and TensorFlow set variables where a data function imports them."""
    environment = environment_of(tmp_path)
    start_fork_server(environment, str(tmp_path))
    eventually(servers)
    started = servers()
    changed = {**environment, "KMP_INIT_AT_FORK": "FALSE", "TF2_BEHAVIOR": "1"}
    server, one = server_and_worker(changed, str(tmp_path), log)
    with closing_streams(one):
        assert started == {server._process.pid}
        server.close()


def test_a_fork_of_this_process_does_not_keep_a_server_alive(tmp_path: Path) -> None:
    start_fork_server(environment_of(tmp_path, imports="time.sleep(600)"), str(tmp_path))
    kept = forked_workers._kept[-1]
    pid = os.fork()
    if pid == 0:
        os._exit(kept._connection.fileno() != -1 or len(forked_workers._kept))
    assert os.waitpid(pid, 0)[1] == 0
    assert kept._process.poll() is None
    close_starting_servers()


def test_a_server_ends_if_this_process_may_start_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    before = servers()
    with pytest.raises(OSError, match="can't start new thread"):
        ForkServerConnection(environment_of(tmp_path), str(tmp_path))
    assert servers() <= before


def test_workers_are_not_forked_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(forked_workers, "_STATUS", tmp_path / "status")
    assert not can_fork()


def test_a_worker_has_the_limits_of_the_process_that_asks_for_it(tmp_path: Path, log: IO[bytes]) -> None:
    environment = environment_of(tmp_path)
    first, one = server_and_worker(environment, str(tmp_path), log)
    before = os.umask(0o027)
    try:
        second, two = server_and_worker(environment, str(tmp_path), log)
    finally:
        os.umask(before)
    with closing_streams(one, two):
        assert second is not first
        second.close()


def test_a_worker_that_cannot_be_forked_harms_no_other(tmp_path: Path, log: IO[bytes]) -> None:
    fails = "real, count = os.fork, iter(range(9)); os.fork = lambda: real() if next(count) != 1 else os.open('/no', 0)"
    with server(tmp_path, imports=fails) as running:
        one, failed, other = (running.fork(log) for _ in range(3))
        assert said(one)
        assert failed.wait(PATIENCE_S) == 1
        assert said(other)
        assert one.poll() is None
    assert "A worker could not be forked: [Errno 2]" in read_log(log)


def test_a_coordinator_that_ignores_the_end_of_its_children(tmp_path: Path, log: IO[bytes]) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with server(tmp_path, "sys.exit(5)") as running:
            assert [running.fork(log).wait(PATIENCE_S) for _ in range(2)] == [5, 5]
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_what_a_worker_has_printed_is_not_lost(tmp_path: Path, log: IO[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with server(tmp_path, "print('at the end'); sys.exit(3)") as running:
        worker = running.fork(log)
        assert worker.wait(PATIENCE_S) == 3
        assert worker.stdout.read().decode().endswith("at the end\n")


def test_nothing_is_forked_where_processes_cannot_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_fork() == (not any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")))

    def denied(pid: int) -> int:
        raise PermissionError(pid)

    monkeypatch.setattr(os, "pidfd_open", denied)
    assert not can_fork()


@pytest.mark.parametrize("device", ["/dev/nvidiactl", "/dev/kfd", None])
def test_nothing_is_forked_beside_a_gpu(monkeypatch: pytest.MonkeyPatch, device: str | None) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == device)
    assert can_fork() == (device is None)


def test_a_server_without_workers_ends_in_time() -> None:
    imports = "import socket; from tuner.worker.fork_server import ForkServer"
    code = f"{imports}; ForkServer(socket.socket(fileno=0), 0.1).serve()"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ended = subprocess.run([sys.executable, "-c", code], stdin=theirs, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0


@pytest.mark.parametrize("imports", ["pass", "time.sleep(600)"], ids=["serving", "importing"])
def test_a_server_ends_with_its_coordinator(tmp_path: Path, imports: str) -> None:
    needs = "import os, time; from tuner.executors.forked_workers import ForkServerConnection"
    starts = f"server = ForkServerConnection(dict(os.environ), {str(tmp_path)!r})"
    code = f"{needs}; {starts}; print(server._process.pid, flush=True); time.sleep(600)"
    environment = environment_of(tmp_path, imports=imports)
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as coordinator:
        assert coordinator.stdout is not None
        pid = int(coordinator.stdout.readline())
        coordinator.kill()
    eventually(lambda: process_start(pid) is None)
