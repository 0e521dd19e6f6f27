"""Rows without a target: an error, or left out with their number, apart from cells that are missing in features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tuner.data import PreparedData
from tuner.errors import DataError

ROWS = 40
FUNCTION = """
import numpy as np
import pandas as pd

def load():
    x = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 3})
    x.loc[5, "b"] = np.nan
    y = pd.Series(np.arange(40) % 2, name="kind", dtype=object)
    y[[3, 4]] = None
    return {"x": x, "y": y, "weight": np.arange(40.0) + 1, "who": [str(n) for n in range(40)]}
"""


def write(folder: Path, source: str) -> None:
    if source == "rows.py:load":
        (folder / "rows.py").write_text(FUNCTION)
        return
    x, y = np.stack([np.arange(ROWS), np.arange(ROWS) % 3.0], axis=1), np.arange(ROWS) % 2 + 0.5
    x[5, 1] = y[3] = y[4] = np.nan
    np.savez(folder / "a.npz", x=x, y=y, weight=np.arange(40.0) + 1, who=np.arange(40).astype(str))
    rows = enumerate(np.column_stack([x, y]).tolist())
    lines = [f"{a},{b},{target},{n},{n + 1}\n" for n, (a, b, target) in rows]
    (folder / "a.csv").write_text("a,b,y,who,w\n" + "".join(lines).replace("nan", ""))


@pytest.mark.parametrize("source", ["a.csv", "a.npz", "rows.py:load"])
def test_they_are_left_out_alone(source: str, prepared: Callable[..., PreparedData], tmp_path: Path) -> None:
    write(tmp_path, source)
    more = {"target": "y", "weight": "w"} if source == "a.csv" else {}
    with pytest.raises(DataError, match='lacks 2, the first in row 4 .* missing_target = "drop"'):
        prepared(source, group="who", missing="mean", **more)
    found = prepared(source, group="who", missing="mean", missing_target="drop", **more)
    assert sum(found.facts.rows.values()) == ROWS - 2
    assert any("2 rows of 40 without a value in" in note for note in found.facts.notes)
    weights = np.concatenate([part.weight for split in found.splits for part in (split.train, split.validation)])
    assert not {4.0, 5.0} & set(weights.tolist())


@pytest.mark.parametrize("source", ["a.csv", "a.npz"])
def test_dropping_rows_with_missing_cells_drops_them_too(
    source: str, prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    write(tmp_path, source)
    more = {"target": "y", "drop": ("who", "w")} if source == "a.csv" else {}
    assert sum(prepared(source, missing="drop", **more).facts.rows.values()) == ROWS - 3


def test_some_row_has_one(prepared: Callable[..., PreparedData], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 2)), y=np.full(9, np.nan))
    with pytest.raises(DataError, match="must have a value in some rows"):
        prepared("a.npz", missing_target="drop")


@pytest.mark.parametrize("part", ["validation", "test"])
def test_each_part_keeps_rows(part: str, prepared: Callable[..., PreparedData], tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    (tmp_path / "empty.csv").write_text("a,b,y,who,w\n" + "1,,0.5,x,1\n" * 9)
    with pytest.raises(DataError, match=rf"of each part, but all rows for {part} \(9\) lack a value \(b\)"):
        prepared("a.csv", target="y", drop=("who", "w"), missing="drop", **{part: "empty.csv"})
