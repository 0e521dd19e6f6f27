"""What TensorFlow finds in the environment of a worker."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.executors.worker_env import environment, onednn_pays


def test_threads_and_onednn_follow_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert environment(onednn_pays([64]), 1)["TF_ENABLE_ONEDNN_OPTS"] == "0"
    images = environment(onednn_pays([28, 28, 1]), 3)
    assert images["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert images["OMP_NUM_THREADS"] == images["TF_NUM_INTRAOP_THREADS"] == "3"


def test_what_a_person_has_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    monkeypatch.setenv("PYTHONPATH", "/of/mine")
    found = environment(onednn=False, threads=1)
    assert found["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert found["PYTHONPATH"].split(":")[-1] == "/of/mine"
    assert (Path(found["PYTHONPATH"].split(":")[0]) / "tuner").is_dir()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="says it to glibc")
def test_memory_that_a_step_frees_stays_for_the_next_one() -> None:
    steps = (
        "import resource, numpy as np\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "step = lambda: [np.ones(2**20, np.float32) for _ in range(8)]\n"
        "step(), step()\n"
        "before = faults()\n"
        "for _ in range(20): step()\n"
        "print((faults() - before) / 20)"
    )
    command, found = [sys.executable, "-c", steps], environment(onednn=False, threads=1)
    done = subprocess.run(command, env=found, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1000  # pages of 4 KiB a step; all eight arrays have 8,192
