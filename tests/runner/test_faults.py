"""What the machine does to a running study: each ends in continued work, or in one clear error with nothing lost."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mock_study
import pytest
from mock_study import spec_of
from postgres import PostgresServer
from sqlalchemy import event

from tuner.errors import DiskFullError, StorageError
from tuner.executors import InlineExecutor
from tuner.protocol import WorkerDied
from tuner.results import read_study_results, summary
from tuner.runner import Progress
from tuner.runner.study_runner import StudyRunner
from tuner.storage import Database, RetryPolicy, open_database, open_patiently


class At(InlineExecutor):
    """Does something once, after so many epochs."""

    def __init__(self, epochs: int, action: Callable[[], Any]) -> None:
        super().__init__(lambda recipe: mock_study.trainer(recipe, 0.002), slots=2)
        self.left, self.action = epochs, action

    def poll(self, timeout_s: float) -> list[Any]:
        self.left -= 1
        if self.left == 0:
            self.action()
        return super().poll(timeout_s)


def counts(database: Database) -> dict[str, int]:
    return summary(read_study_results(database, "mock"))["counts"]


def run(database: Database, project: Path, action: Callable[[], Any], patience_s: float = 60.0) -> list[str]:
    """Run the study with a fault in the middle; what was said to the person."""
    notes: list[str] = []
    executor = At(30, action)
    study = StudyRunner(
        spec_of(project), database, executor, lambda s: notes.append(s.note) if s.note else None, patience_s
    )
    assert study.run() == "trials"
    return notes


def test_a_server_that_is_started_again(tmp_path: Path) -> None:
    reason = __import__("postgres").missing()
    if reason is not None:
        pytest.skip(reason)
    server = PostgresServer()
    try:
        database = open_database(server.new_database(), create=True)

        def restart() -> None:
            server.stop()
            threading.Timer(1.5, server.start).start()

        notes = run(database, tmp_path, restart)
        assert "cannot be used" in notes[0]
        assert "Retrying for" in notes[0]
        assert "nothing was lost" in notes[1]
        assert counts(database)["complete"] == 30
        assert counts(database)["running"] == 0
        database.close()
    finally:
        server.remove()


def test_a_file_that_is_locked_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than SQLite waits for it."""
    monkeypatch.setattr("tuner.storage.sqlite.BUSY_TIMEOUT_S", 0.2)
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)

    def lock() -> None:
        other = sqlite3.connect(tmp_path / "t.db", check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(2.0, other.close).start()

    notes = run(database, tmp_path, lock)
    assert "locked" in notes[0]
    assert "nothing was lost" in notes[1]
    assert counts(database)["complete"] == 30


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """Where room is made the run goes on; where it is not, it ends with what is finished kept."""
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    limit = [2**30]

    @event.listens_for(database.engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit[0]}")

    def fill(room_after_s: float | None) -> None:
        limit[0] = 1
        if room_after_s is not None:
            threading.Timer(room_after_s, lambda: limit.__setitem__(0, 2**30)).start()

    with pytest.raises(StorageError, match="Make room on the disk"):
        run(database, tmp_path, lambda: fill(None), patience_s=1.0)
    before = counts(database)["complete"]
    assert 1 <= before < 30
    limit[0] = 2**30
    notes = run(database, tmp_path, lambda: fill(1.5))
    assert "Make room on the disk" in notes[0]
    assert counts(database)["complete"] == 30


@pytest.mark.slow
def test_a_run_that_is_stopped_says_what_it_waits_for(tmp_path: Path) -> None:
    """SIGTERM on a full disk: that the disk is full was said while it ran."""
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    limit, notes = [2**30], []

    @event.listens_for(database.engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit[0]}")

    def show(progress: Progress) -> None:
        if not progress.note:
            return
        notes.append(progress.note)
        if "running trials continue" in progress.note:
            os.kill(os.getpid(), signal.SIGTERM)
        if "Ctrl-C" in progress.note:
            limit[0] = 2**30

    executor = At(30, lambda: limit.__setitem__(0, 1))
    assert StudyRunner(spec_of(tmp_path), database, executor, show).run() == "interrupted"
    assert len(notes) == 3, "each is said once"
    assert notes[1].endswith(
        "Retrying for 10 min; the run ends when all is stored. Ctrl-C or SIGTERM ends it now, and what is not stored "
        "runs again."
    )
    assert "nothing was lost" in notes[2]
    assert counts(database)["waiting"] == 2
    assert counts(database)["running"] == 0


def test_a_disk_that_is_full_when_the_study_is_begun(tmp_path: Path) -> None:
    """It is named, and waited for."""
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    limit = [1]

    @event.listens_for(database.engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit[0]}")

    notes: list[str] = []
    threading.Timer(1.0, lambda: limit.__setitem__(0, 2**30)).start()
    study = StudyRunner(
        spec_of(tmp_path), database, At(0, lambda: None), lambda s: notes.append(s.note) if s.note else None
    )
    assert study.run() == "trials"
    assert "is full" in notes[0]
    assert notes[0].endswith("Retrying for 10 min; the run begins when there is room.")
    assert "nothing was lost" in notes[1]
    assert counts(database)["complete"] == 30


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_full_when_the_database_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        filling, url, notes = tmp_path / "filling", f"sqlite:///{tmp_path}/runs/t.db", []
        with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(DiskFullError, match=r"The disk of the storage .* is full .*Make room on the disk"):
            open_patiently(url, notes.append, patience_s=0.3)
        assert len(notes) == 1, "it is said once"
        threading.Timer(1.0, filling.unlink).start()
        database = open_patiently(url, notes.append)
        assert "nothing was lost" in notes[-1]
        database.close()
        with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(DiskFullError, match="is full"):
            open_database(url, create=False)
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_a_limit_of_file_sizes_ends_the_run_at_once_and_is_named(tmp_path: Path, size: int) -> None:
    """Nobody can make room, as on a full disk: so it is not waited for."""
    notes: list[str] = []
    message = rf"cannot be written .*a file of this process may have at most {size // 1000} kB\. .*ulimit -f unlimited"
    with file_size_limit(size), pytest.raises(StorageError, match=message):
        open_patiently(f"sqlite:///{tmp_path}/new.db", notes.append)
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    with contextlib.ExitStack() as limited, pytest.raises(StorageError, match=message):
        run(database, tmp_path, lambda: limited.enter_context(file_size_limit(size)), patience_s=20.0)
    assert notes == []
    notes = run(database, tmp_path, lambda: None)
    assert notes == []
    assert counts(database)["complete"] == 30


def test_another_fault_at_the_start_is_said_at_once(tmp_path: Path) -> None:
    notes: list[str] = []
    with pytest.raises(StorageError, match="is a folder"):
        open_patiently(f"sqlite:///{tmp_path}", notes.append)
    assert notes == []


@pytest.mark.parametrize("fault", ["deleted", "replaced"])
def test_a_file_that_goes_away_while_it_is_used(tmp_path: Path, fault: str) -> None:
    file, kept = tmp_path / "t.db", tmp_path / "kept.db"
    database = open_database(f"sqlite:///{file}", create=True)

    def away() -> None:
        file.rename(kept)
        if fault == "replaced":
            file.write_bytes(kept.read_bytes())

    with pytest.raises(StorageError, match="was deleted, moved or replaced. Put it back"):
        run(database, tmp_path, away)
    kept.rename(file)
    run(open_database(f"sqlite:///{file}", create=True), tmp_path, lambda: None)
    assert counts(open_database(f"sqlite:///{file}", create=False))["complete"] == 30


def test_an_outage_ends_with_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.errors import StorageUnavailableError

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    outage, error = RetryPolicy(100.0), StorageUnavailableError("locked")
    assert outage.on_error(error)
    pauses = []
    for _ in range(5):
        pauses.append(outage.pause_s)
        now[0] += outage.pause_s
        assert not outage.on_error(error), "it is said once"
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert "nothing was lost" in (outage.on_success() or "")
    assert outage.on_success() is None
    outage.on_error(error)
    now[0] += 101
    with pytest.raises(StorageUnavailableError):
        outage.on_error(error)


class Unsteady(InlineExecutor):
    """Loses the worker of some trials, and presses Ctrl-C at some poll."""

    def __init__(self, chance: random.Random, interrupts: int = 0) -> None:
        super().__init__(mock_study.trainer, slots=chance.choice([1, 2, 3]))
        self.chance, self.interrupts, self.left = chance, interrupts, chance.randrange(1, 12)

    def poll(self, timeout_s: float) -> list[Any]:
        self.left -= 1
        if self.left in range(-self.interrupts, 0):
            signal.raise_signal(signal.SIGINT)
        events = super().poll(timeout_s)
        lost = {one.number for one in events if one.number in self._running and self.chance.random() < 0.05}
        for number in lost:
            self.cancel(number)
        return [WorkerDied(one.number, "killed", "") if one.number in lost else one for one in events]


@contextlib.contextmanager
def unsteady_commits(database: Database, chance: random.Random) -> Iterator[None]:
    """Let some commits fail, of which some are written nevertheless."""
    dialect = database.engine.dialect
    commit = dialect.do_commit

    def do_commit(connection: Any) -> None:
        if chance.random() < 0.1:
            raise sqlite3.OperationalError("database is locked")
        commit(connection)
        if chance.random() < 0.1:
            raise sqlite3.OperationalError("database is locked")

    dialect.do_commit = do_commit  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]


class UnsteadyRunner(StudyRunner):
    """Runs its trials while commits fail."""

    def _run_loop(self, loop: Any, shutdown: Any) -> None:
        with unsteady_commits(self._database, self._executor.chance):
            super()._run_loop(loop, shutdown)


@pytest.mark.parametrize("seed", range(3))
def test_a_study_has_exactly_its_trials(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of commits and workers, and however often the run is interrupted and resumed."""
    monkeypatch.setattr("tuner.storage.retry._FIRST_PAUSE_S", 0.0)
    for name in ("_FLUSH_S", "_ASK_AGAIN_S", "_POLL_S", "HEARTBEAT_INTERVAL_S"):
        monkeypatch.setattr(f"tuner.runner.study_runner.{name}", 0.0)
    chance = random.Random(seed)
    with contextlib.closing(open_database(f"sqlite:///{tmp_path}/t.db", create=True)) as database:
        for trials, interrupts in ((6, seed % 3), (6, 0), (9, 0)):
            spec = spec_of(tmp_path, budget={"trials": trials, "epochs": 2})
            runner = UnsteadyRunner(spec, database, Unsteady(chance, interrupts))
            ended = runner.run()
            assert ended == ("interrupted" if interrupts else "trials")
            stored = {state: many for state, many in counts(database).items() if many}
            if not interrupts:
                assert sum(stored.values()) - stored.get("failed", 0) == trials
                assert runner._loop is not None
                counted = runner._loop.study.budget.counts
                assert {str(state): many for state, many in counted.items() if many} == stored
