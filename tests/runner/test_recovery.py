"""Coordinators and workers that are killed at any moment lose nothing, on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mock_study
import pytest
from real_study import children, eventually

from tuner.errors import StorageError, StudyNotFoundError
from tuner.results import read_study_results, summary
from tuner.storage import open_database

TRIALS = 40
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def start(url: str, trials: int = TRIALS, *arguments: str) -> subprocess.Popen[bytes]:
    """A coordinator with two worker processes, or with other arguments of `mock_study`."""
    script = Path(mock_study.__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(script), url, str(trials), *(arguments or ("0.03", "2"))]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def content_of(url: str) -> dict[str, Any]:
    database = open_database(url, create=False)
    try:
        return summary(read_study_results(database, "mock"))
    finally:
        database.close()


def finished(url: str) -> dict[int, float]:
    """Value of each finished trial by number; none while there is no study."""
    try:
        rows = content_of(url)["trials"]
    except (StorageError, StudyNotFoundError):
        return {}
    return {row["number"]: row["value"] for row in rows if row["state"] == "complete"}


def kill_something(coordinators: list[subprocess.Popen[bytes]], draw: random.Random) -> bool:
    """Send a signal to a coordinator, or to one of its workers; whether it was there to be hit."""
    victim = draw.choice(coordinators)
    hit = victim.poll() is None
    pid = victim.pid
    if draw.random() < 0.5:
        workers = children(victim.pid)
        pid = draw.choice(workers) if workers else pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, draw.choice(SIGNALS))
    return hit


def study_with_kills(url: str, kills: int, seed: int, coordinators: int = 2, trials: int = TRIALS) -> dict[str, int]:
    """Run a study in several coordinators, each started again when it ends, and kill now and then; what came of it."""
    draw, hit, changed = random.Random(seed), 0, 0
    first: dict[int, float] = {}
    running = [start(url, trials) for _ in range(coordinators)]
    try:
        for _ in range(kills):
            time.sleep(draw.uniform(0.1, 1.5))
            hit += kill_something(running, draw)
            running = [p if p.poll() is None else start(url, trials) for p in running]
            now = finished(url)
            changed += sum(now.get(number) != value for number, value in first.items())
            first = {**now, **first}
        assert start(url, trials).wait(timeout=300) == 0
        for process in running:
            process.wait(timeout=300)
    finally:
        for process in running:
            process.kill()
            process.wait()
    content = content_of(url)
    numbers = [row["number"] for row in content["trials"]]
    now = finished(url)
    return {
        "hit": hit,
        "complete": content["counts"]["complete"],
        "failed": content["counts"]["failed"],
        "running": content["counts"]["running"],
        "waiting": content["counts"]["waiting"],
        "twice": len(numbers) - len(set(numbers)),
        "missing": len(set(range(len(numbers))) - set(numbers)),
        "changed": changed + sum(now.get(number) != value for number, value in first.items()),
        "short": sum(row["epochs"] != 5 for row in content["trials"] if row["state"] == "complete"),
    }


def put_to_sleep(coordinator: subprocess.Popen[bytes], file: Path) -> int:
    """Let a coordinator stand still, with a last sign of life long ago; how many had one.

    0 where it stood still in the middle of a transaction, which nobody could get past: it goes on.
    """
    coordinator.send_signal(signal.SIGSTOP)
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=0.5)) as connection, connection:
            return connection.execute("UPDATE tuner_owners SET heartbeat_at = heartbeat_at - 100000").rowcount
    except sqlite3.OperationalError:
        coordinator.send_signal(signal.SIGCONT)
        return 0


def test_a_machine_that_sleeps_keeps_its_trials(tmp_path: Path) -> None:
    """A coordinator stands still for longer than any sign of life may be old; another one runs the rest."""
    url, trials = f"sqlite:///{tmp_path}/t.db", 6
    database = open_database(url, create=True)

    def states() -> dict[int, tuple[str, str]]:
        """State of each trial, and when it was begun."""
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT number, state, datetime_start FROM trials").all()
        return {number: (state, begun) for number, state, begun in rows}

    spec = mock_study.spec_of(tmp_path, budget={"trials": trials, "epochs": 5})
    with start(url, trials, "0.3") as sleeper, ThreadPoolExecutor(1) as pool:
        try:
            eventually(lambda: [state for state, _ in states().values()] == ["RUNNING"] * 2)
            aged = eventually(lambda: put_to_sleep(sleeper, tmp_path / "t.db"))
            before = states()
            other = pool.submit(mock_study.run, spec, open_database(url, create=True))
            eventually(lambda: sum(state == "COMPLETE" for state, _ in states().values()) == trials - 2)
            time.sleep(1.5)  # it asks again every second
            assert aged == 1
            assert not other.done(), "it waits for what the other one runs"
            assert {number: states()[number] for number in before} == before
            sleeper.send_signal(signal.SIGCONT)
            assert sleeper.wait(60) == 0
            assert other.result(60)[0] == "trials"
        finally:
            sleeper.kill()  # a sleeper would be waited for without end
    rows = content_of(url)["trials"]
    assert [(row["state"], row["epochs"]) for row in rows] == [("complete", 5)] * trials
    assert {number: begun for number, (_, begun) in states().items() if number in before} == {
        number: begun for number, (_, begun) in before.items()
    }


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_kills_lose_nothing(database_url: str) -> None:
    found = study_with_kills(database_url, kills=6, seed=1)
    assert found.pop("hit") >= 3, "the kills came too late to prove anything"
    # Only a trial whose worker was killed twice has failed; it is replaced.
    assert found.pop("failed") <= 3
    assert found == {"complete": TRIALS, "running": 0, "waiting": 0, "twice": 0, "missing": 0, "changed": 0, "short": 0}
