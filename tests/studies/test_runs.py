"""Every study runs: two trials of one epoch each, through the runner and a worker process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tuner
from tuner import user_code
from tuner.user_code import Reference

PROJECT = Path(__file__).parents[2]
FILES = user_code.list_files(PROJECT, "studies")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All studies, and the model that `digits_body.toml` makes, untrained; in one folder, for one fork server."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "studies", folder / "studies")
    build = user_code.load(PROJECT, Reference("models/cnn.py", "build"))
    build((8, 8, 1), 5, activation="relu", initializer="he_normal").save(folder / "digits_body.keras")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_two_trials_of_one_epoch_end_without_an_error(file, project):
    handle = tuner.run(
        project / "studies" / file.name, storage=f"sqlite:///{project}/{file.stem}.db", trials=2, epochs=1, workers=1
    )
    found = handle.summary()
    assert found["study"] == file.stem
    assert [trial["reason"] for trial in found["trials"] if trial["state"] == "failed"] == []
    counts = found["counts"]
    assert counts["complete"] + counts["pruned"] + counts["diverged"] == 2
