"""Every study runs: two trials of one epoch each, through the runner and a worker process."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuner
from tuner import user_code

PROJECT = Path(__file__).parents[2]
FILES = user_code.files(PROJECT, "studies")


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_two_trials_of_one_epoch_end_without_an_error(file, tmp_path):
    handle = tuner.run(file, storage=f"sqlite:///{tmp_path}/t.db", trials=2, epochs=1, workers=1)
    found = handle.summary()
    assert found["study"] == file.stem
    assert [trial["reason"] for trial in found["trials"] if trial["state"] == "failed"] == []
    counts = found["counts"]
    assert counts["complete"] + counts["pruned"] + counts["diverged"] == 2
