"""Trials that take too long or too much memory, in worker processes that train nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mock_study import spec_of, with_workers

from tuner.executors import Limits
from tuner.executors.limits import memory_of, resident_of
from tuner.results import read_study_results, summary
from tuner.runner import StudyRun
from tuner.storage import open_database


@pytest.mark.parametrize(
    ("limits", "arguments", "reason"),
    [
        (Limits(trial_time_s=1.0), (0.0, 0.3), "timeout: took longer than 1 s"),
        (Limits(memory_bytes=300_000_000), (0.0, 99.0, 0.3), "out of memory: its worker held"),
    ],
    ids=["time", "memory"],
)
def test_such_trials_are_ended_and_teach_the_sampler(
    tmp_path: Path, limits: Limits, arguments: tuple[float, ...], reason: str
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    spec = spec_of(tmp_path, budget={"trials": 14, "epochs": 3})
    assert StudyRun(spec, database, with_workers(spec, 2, *arguments, limits=limits)).run() == "trials"
    content = summary(read_study_results(database, "mock"))
    rows = content["trials"]
    assert content["counts"]["complete"] + content["counts"]["diverged"] == 14 == len(rows)
    assert content["counts"]["diverged"] >= 1
    for row in rows:
        assert (row["state"] == "diverged") == (row["params"]["learning_rate"] > 0.3)
        assert row["reason"] is None or row["reason"].startswith(reason)


def test_memory_of_a_process() -> None:
    held = memory_of(os.getpid())
    assert 10_000_000 < held <= resident_of(os.getpid()) * 1.1
    assert memory_of(2**22 + 12345) == 0
