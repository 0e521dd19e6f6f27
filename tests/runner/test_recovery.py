"""A coordinator killed at any moment loses nothing, and the same command goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import mock_study
import pytest

from tuner.results import read_study_results, summary
from tuner.storage import open_database

TRIALS = 30


def start(url: str) -> subprocess.Popen[bytes]:
    script = Path(mock_study.__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, str(script), url, str(TRIALS), "0.02"], env=environment)


def finished(url: str) -> dict[int, tuple[str, float]]:
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        return {}
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "select number, state, value from trials join trial_values using (trial_id) where state = 'COMPLETE'"
        ).fetchall()
    except sqlite3.OperationalError:  # killed before Optuna had made its tables
        return {}
    finally:
        connection.close()
    return {number: (state, value) for number, state, value in rows}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    url, draw = f"sqlite:///{tmp_path}/t.db", random.Random(0)
    before: dict[int, tuple[str, float]] = {}
    interrupted = 0
    for _ in range(20):
        process = start(url)
        time.sleep(draw.uniform(1.0, 3.5))
        interrupted += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = finished(url)
        assert {number: now[number] for number in before} == before, "a finished trial has changed or is gone"
        before = now
    assert start(url).wait() == 0
    content = summary(read_study_results(open_database(url, create=False), "mock"))
    assert interrupted >= 3, "the kills came too late to prove anything"
    assert content["counts"] == {
        "complete": TRIALS, "pruned": 0, "diverged": 0, "failed": 0, "running": 0, "waiting": 0,
    }  # fmt: skip
    assert [row["number"] for row in content["trials"]] == list(range(TRIALS))
    assert all(row["epochs"] == 5 for row in content["trials"])
    values = {row["number"]: ("COMPLETE", row["value"]) for row in content["trials"]}
    assert {number: values[number] for number in before} == before
