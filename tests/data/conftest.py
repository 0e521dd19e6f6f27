"""Small data sets written to disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.data import DataOptions, PreparedData, prepare

Write = Callable[..., Path]


@pytest.fixture
def write_npz(tmp_path: Path) -> Write:
    """Write arrays as `data.npz` in the project."""

    def write(name: str = "data.npz", **arrays: Any) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


@pytest.fixture
def write_text(tmp_path: Path) -> Write:
    """Write a text file in the project."""

    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., PreparedData]:
    """Prepare a source of the project, seed 0 unless told."""

    def run(source: str, seed: int = 0, **options: Any) -> PreparedData:
        return prepare(DataOptions(source=source, **options), tmp_path, seed)

    return run
