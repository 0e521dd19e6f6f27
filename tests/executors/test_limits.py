"""Trials that take too long or too much memory, in worker processes that train nothing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from mock_study import spec_of, with_workers

from tuner.executors.memory_guard import proportional_memory, resident_memory
from tuner.executors.system_memory import MemoryInfo, available_memory, oom_kills
from tuner.protocol import Limits, out_of_memory
from tuner.results import read_study_results, summary
from tuner.runner.progress import Progress
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database


@pytest.mark.parametrize(
    ("limits", "arguments", "reason"),
    [
        (Limits(trial_time_s=1.0), (0.0, 0.3), "timeout: took longer than 1 s"),
        (Limits(memory_bytes=300_000_000), (0.0, 99.0, 0.3), "out of memory: its worker used"),
    ],
    ids=["time", "memory"],
)
def test_such_trials_are_ended_and_teach_the_sampler(
    tmp_path: Path, limits: Limits, arguments: tuple[float, ...], reason: str
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    points = [{"learning_rate": 0.01}, {"learning_rate": 0.5}]
    spec = spec_of(tmp_path, budget={"trials": 8, "epochs": 3}, sampler={"initial_points": points})
    assert StudyRunner(spec, database, with_workers(spec, 2, *arguments, limits=limits)).run() == "trials"
    content = summary(read_study_results(database, "mock"))
    rows = content["trials"]
    assert content["counts"]["complete"] + content["counts"]["diverged"] == 8 == len(rows)
    assert content["counts"]["diverged"] >= 1
    for row in rows:
        assert (row["state"] == "diverged") == (row["params"]["learning_rate"] > 0.3)
        assert row["reason"] is None or row["reason"].startswith(reason)


def test_without_a_cap_the_machine_is_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that takes memory without end is ended when little is left, if it is the one that has taken it."""
    small = MemoryInfo(total=600_000_000, left=0)  # 300 MB for each of two workers
    monkeypatch.setattr("tuner.executors.memory_guard.available_memory", lambda: small)
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    spec = spec_of(tmp_path, search={"learning_rate": [0.001, 9.0, 0.01]}, sampler={"name": "grid"})
    assert StudyRunner(spec, database, with_workers(spec, 2, 0.0, 99.0, 0.3)).run() == "exhausted"
    rows = summary(read_study_results(database, "mock"))["trials"]
    assert {row["params"]["learning_rate"]: row["state"] for row in rows} == {
        0.001: "complete", 9.0: "diverged", 0.01: "complete",
    }  # fmt: skip
    (reason,) = [row["reason"] for row in rows if row["reason"] is not None]
    assert "of 0.60 GB, more than its share, and only 0.00 GB was left" in reason


def test_a_worker_that_grows_is_replaced_between_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it holds counts as grown here: after each third trial there is another one, and nothing is lost."""
    monkeypatch.setattr("tuner.executors.memory_guard.RECYCLE_GROWTH_BYTES", -(2**40))
    monkeypatch.setattr("tuner.executors.memory_guard.MIN_TRIALS_BEFORE_RECYCLE", 3)
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    spec = spec_of(tmp_path, budget={"trials": 8, "epochs": 2})
    executor, seen = with_workers(spec, 1, 0.0), []

    def show(standing: Progress) -> None:
        seen.extend(pid for pid in executor.pids() if pid not in seen)

    assert StudyRunner(spec, database, executor, show).run() == "trials"
    assert summary(read_study_results(database, "mock"))["counts"]["complete"] == 8
    assert len(seen) == 3


def test_errors_that_say_that_memory_could_not_be_had() -> None:
    import tensorflow as tf

    def none_left() -> None:
        raise MemoryError

    for take in (none_left, lambda: np.ones(10**15), lambda: tf.ones((10**7, 10**7))):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the question
            take()
        assert out_of_memory(caught.value)
    assert not out_of_memory(ValueError("out of memory"))


FILES_1 = {
    "proc/self/cgroup": "4:memory:/job/7\n3:cpu:/job/7\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "7000",
    "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2000",
    "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1900",
    "sys/fs/cgroup/memory/job/memory.stat": "inactive_file 7\ntotal_inactive_file 200\ntotal_active_file 100\n",
    "sys/fs/cgroup/memory/job/7/memory.limit_in_bytes": "1500",
    "sys/fs/cgroup/memory/job/7/memory.usage_in_bytes": "100",
    "sys/fs/cgroup/memory/job/7/memory.oom_control": "oom_kill_disable 0\noom_kill 3\n",
}
FILES_2 = {
    "proc/self/cgroup": "0::/job/7\n",  # as a container sees it whose own group is the topmost one
    "sys/fs/cgroup/memory.max": "1000",
    "sys/fs/cgroup/memory.current": "900",
    "sys/fs/cgroup/memory.stat": "anon 650\nactive_file 150\ninactive_file 100\n",
    "sys/fs/cgroup/memory.events": "oom 9\noom_kill 4\n",
}
NO_LIMIT = {"sys/fs/cgroup/job/7/memory.max": "max", "sys/fs/cgroup/job/7/memory.current": "5"}


@pytest.mark.parametrize(
    ("files", "expected", "kills"),
    [
        ({}, MemoryInfo(10 * 1024, 6 * 1024), 8),
        (FILES_1, MemoryInfo(2000, 400 + 1024), 3),
        (FILES_2, MemoryInfo(1000, 350 + 1024), 4),
        ({**FILES_2, **NO_LIMIT}, MemoryInfo(1000, 350 + 1024), 4),
    ],
    ids=["machine", "cgroup 1", "container", "cgroup 2"],
)
def test_room_is_where_the_least_is_left(
    tmp_path: Path, files: dict[str, str], expected: MemoryInfo, kills: int
) -> None:
    meminfo = "MemTotal: 10 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\nSwapFree: 1 kB\n"
    for name, text in {"proc/meminfo": meminfo, "proc/vmstat": "nr_free 1\noom_kill 8\n", **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_memory(tmp_path) == expected
    assert oom_kills(tmp_path) == kills


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert available_memory(tmp_path) is None
    assert oom_kills(tmp_path) is None


def test_memory_of_a_process() -> None:
    held = proportional_memory(os.getpid())
    assert 10_000_000 < held <= resident_memory(os.getpid()) * 1.1
    assert proportional_memory(2**22 + 12345) == 0
