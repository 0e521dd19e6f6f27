"""Every study runs: two trials of one epoch each, through the runner and a worker process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tuner
from tuner import user_code
from tuner.user_code import Reference

PROJECT = Path(__file__).parents[2]
FILES = user_code.files(PROJECT, "studies")


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_two_trials_of_one_epoch_end_without_an_error(file, tmp_path):
    shutil.copytree(PROJECT / "studies", tmp_path / "studies")
    if "digits_body.keras" in file.read_text(encoding="utf-8").partition("\n\n")[2]:
        save_body(tmp_path / "digits_body.keras")
    handle = tuner.run(
        tmp_path / "studies" / file.name, storage=f"sqlite:///{tmp_path}/t.db", trials=2, epochs=1, workers=1
    )
    found = handle.summary()
    assert found["study"] == file.stem
    assert [trial["reason"] for trial in found["trials"] if trial["state"] == "failed"] == []
    counts = found["counts"]
    assert counts["complete"] + counts["pruned"] + counts["diverged"] == 2


def save_body(path: Path) -> None:
    """What `digits_body.toml` makes, untrained."""
    build = user_code.load(PROJECT, Reference("models/cnn.py", "build"))
    build((8, 8, 1), 5, activation="relu", initializer="he_normal").save(path)
