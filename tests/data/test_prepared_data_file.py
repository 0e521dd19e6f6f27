"""Prepared rows in a file are the rows that were written, whole, and of nobody else."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tuner.data import (
    DataOptions,
    PreparedData,
    Subset,
    held_out,
    load_held_out,
    load_prepared,
    prepare,
    save_held_out,
    save_prepared,
)

NAMES = ("dtype", "shape", "offset")
"""Columns that are called like the keys of an array in the file."""


def table(folder: Path) -> str:
    draw = np.random.default_rng(0)
    rows = [
        f"{draw.normal()},{'rgb'[k % 3]},{'xy'[k % 2]},{'é☃'[k % 2]},{k % 2 or ''},{1 + k % 3},{draw.normal() * 9}"
        for k in range(60)
    ]
    (folder / "table.csv").write_text("\n".join([f"a,{','.join(NAMES)},b,w,y", *rows]), encoding="utf-8")
    return "table.csv"


def assert_same(one: Any, other: Any) -> None:
    """Compare field by field, so that a new one that is not written is noticed."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
        assert not (isinstance(other, Subset) and other.x.flags.writeable)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple) and one and is_dataclass(one[0]):
        for each in zip(one, other, strict=True):
            assert_same(*each)
    else:
        assert one == other


OPTIONS: list[dict[str, Any]] = [
    {"text": "one_hot", "weight": "w", "task": "regression"},
    {"text": "ordinal", "validation": {"folds": 3}, "test": 0.0},
    {"drop": NAMES, "outliers": "winsorize", "shape": (1, 3)},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_what_is_read_is_what_was_written(tmp_path: Path, options: dict[str, Any]) -> None:
    data = DataOptions(source=table(tmp_path), target="y", missing="mean", **options)
    prepared, held = prepare(data, tmp_path, 0), held_out(data, tmp_path, 0)
    file = save_prepared(prepared, tmp_path)
    assert_same(prepared, load_prepared(file))
    assert_same(held, load_held_out(save_held_out(held, tmp_path)))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert save_prepared(prepared, tmp_path) == file


def test_images_and_a_split_made_by_hand(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    digits = prepared("digits", shape=(8, 8, 1))
    found = load_prepared(save_prepared(digits, tmp_path))
    assert_same(digits, found)
    by_hand = SimpleNamespace(
        facts=digits.facts, splits=[type(digits.splits[0])(*list(vars(digits.splits[0]).values())[:4])]
    )
    found = load_prepared(save_prepared(by_hand, tmp_path))  # type: ignore[arg-type]
    assert found is not None
    assert found.splits[0].preprocessing is None


def test_a_file_that_is_gone_or_changed_is_not_read(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    file = save_prepared(prepared("iris"), tmp_path)
    good = file.read_bytes()
    for content in (good[:-1], good[:3], b"", bytes([good[0] ^ 1]) + good[1:], good[:-100] + b"\x7f" + good[-99:]):
        file.write_bytes(content)
        assert load_prepared(file) is None
    file.unlink()
    assert load_prepared(file) is None
    assert load_held_out(file) is None


def test_without_room_nothing_is_left(
    tmp_path: Path, prepared: Callable[..., PreparedData], monkeypatch: pytest.MonkeyPatch
) -> None:
    iris = prepared("iris")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="No space left"):
        save_prepared(iris, tmp_path)
    assert not list(tmp_path.iterdir())
