"""Functions of the project that give the data: the same rows each time, and tables whose rows belong together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tuner.data import DataOptions, check_repeatable, held_out, prepare, unscaled_splits
from tuner.errors import DataError, StudyFileError
from tuner.study import read_study_dict

Write = Callable[..., Path]

SEEDED_FOR_THE_FILE = """
import numpy as np
RNG = np.random.default_rng(7)

def load():
    rows = RNG.permutation(60)
    return rows[:, None] * [1.0, 2.0], rows % 2
"""
SEEDED_IN_THE_CALL = """
import numpy as np

def load():
    rows = np.random.default_rng(7).permutation(60)
    return rows[:, None] * [1.0, 2.0], rows % 2
"""
UNSEEDED = SEEDED_IN_THE_CALL.replace("default_rng(7)", "default_rng()")
TABLES = """
import numpy as np
import pandas as pd

def load():
    x = pd.DataFrame({{"a": np.arange(60.0) % 7, "b": np.arange(60.0) % 5, "day": pd.Timestamp(2026, 1, 1)}})
    y = pd.Series(np.arange(60) % 2, name="y")
    {change}
    return x, y
"""


@pytest.mark.parametrize("code", [SEEDED_FOR_THE_FILE, UNSEEDED])
def test_each_reading_must_give_the_rows_of_the_study(code: str, write_text: Write, tmp_path: Path) -> None:
    write_text("rows.py", code + "# each reading\n")
    options = DataOptions(source="rows.py:load")
    sha256 = prepare(options, tmp_path, 0).facts.sha256
    for read in (prepare, unscaled_splits, held_out, partial(held_out, keep_validation=True)):
        with pytest.raises(DataError, match=r"their hash is now .* must give the same rows each time"):
            read(options, tmp_path, 0, sha256)  # type: ignore[operator]


def test_a_function_that_seeds_in_its_call_gives_the_same_rows(write_text: Write, tmp_path: Path) -> None:
    write_text("rows.py", SEEDED_IN_THE_CALL)
    options = DataOptions(source="rows.py:load", scale="none")
    prepared = prepare(options, tmp_path, 0)
    check_repeatable(options, tmp_path, prepared.facts.sha256)
    ((train, validation),) = unscaled_splits(options, tmp_path, 0, prepared.facts.sha256)
    test = held_out(options, tmp_path, 0, prepared.facts.sha256).validation
    sides = [set(part.x[:, 0].astype(int).tolist()) for part in (train, validation, test)]
    assert [len(side) for side in sides] == [36, 12, 12]
    assert set.union(*sides) == set(range(60))


@pytest.mark.parametrize("code", [SEEDED_FOR_THE_FILE, UNSEEDED])
def test_a_study_of_rows_that_change_is_refused_when_it_is_read(code: str, write_text: Write, tmp_path: Path) -> None:
    write_text("rows.py", code + "# a study\n")
    with pytest.raises(StudyFileError, match=r"(?s)gave others the second time\s.*Seed it") as caught:
        read_study_dict({"name": "s", "model": "models/mlp.py", "data": {"source": "rows.py:load"}}, tmp_path)
    assert [problem.key for problem in caught.value.problems] == ["data.source"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("x = x.drop(columns='day').sample(frac=1, random_state=0)", r"but row 1 is .* in x and '?0'? in y"),
        ("x = x.drop(columns='day').set_axis(range(1, 61))", r"but row 1 is 1 in x and 0 in y .*reset_index"),
    ],
)
def test_tables_with_other_indices_are_refused(
    change: str, words: str, write_text: Write, prepared: Callable[..., Any]
) -> None:
    write_text("rows.py", TABLES.format(change=change))
    with pytest.raises(DataError, match=words):
        prepared("rows.py:load")


def test_columns_of_a_table_can_be_dropped(write_text: Write, prepared: Callable[..., Any]) -> None:
    write_text("rows.py", TABLES.format(change="pass"))
    with pytest.raises(DataError, match="'day' holds datetime64.*or `drop` it"):
        prepared("rows.py:load")
    assert prepared("rows.py:load", drop=["day"]).facts.features == ("a", "b")
    with pytest.raises(DataError, match="dropped column .* no 'dey'. Did you mean 'day'"):
        prepared("rows.py:load", drop=["dey"])


def test_drop_is_neither_taken_nor_offered_for_arrays(write_text: Write, prepared: Callable[..., Any]) -> None:
    write_text("rows.py", SEEDED_IN_THE_CALL.replace("[1.0, 2.0]", "[1.0, np.nan]"))
    with pytest.raises(DataError, match="`drop` needs columns with names, but x of rows.py:load is ndarray"):
        prepared("rows.py:load", drop=["a"])
    with pytest.raises(DataError, match="missing in column 1") as caught:
        prepared("rows.py:load")
    assert "`drop`" not in str(caught.value)
    with pytest.raises(DataError, match="column 1 has none") as caught:
        prepared("rows.py:load", missing="mean")
    assert "`drop`" not in str(caught.value)
    write_text("rows.py", SEEDED_IN_THE_CALL)
    with pytest.raises(DataError, match="write another one that holds 2") as caught:
        prepared("rows.py:load", shape=[3])
    assert "`drop` columns" not in str(caught.value)


NOISY_TENSORFLOW = """
import os
from types import SimpleNamespace

os.write(2, b"I0000 cudart_stub.cc:31] Could not find cuda drivers on your machine\\n")
config = SimpleNamespace(list_physical_devices=lambda kind: [])
"""


@pytest.mark.parametrize(("top", "inside"), [("import tensorflow", ""), ("", "import tensorflow"), ("", "")])
def test_what_tensorflow_prints_when_a_file_imports_it_is_not_shown(
    write_text: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    top: str,
    inside: str,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", sys)  # what is there now comes back afterwards, or nothing
    del sys.modules["tensorflow"]
    monkeypatch.syspath_prepend(tmp_path / "installed")
    (tmp_path / "installed").mkdir()
    write_text("installed/tensorflow.py", NOISY_TENSORFLOW)
    first = f"def load():\n    {inside}\n    os.write(2, b'mine')\n"
    write_text("rows.py", f"import os\n{top}\n" + SEEDED_IN_THE_CALL.replace("def load():\n", first))
    found = list(sys.meta_path)
    prepare(DataOptions(source="rows.py:load"), tmp_path, 0)
    assert capfd.readouterr().err == "mine"
    assert sys.meta_path == found
    assert ("tensorflow" in sys.modules) == ("import" in top + inside)


def test_a_file_that_imports_tensorflow_is_said(write_text: Write, tmp_path: Path) -> None:
    write_text("rows.py", "import sys\nsys.modules['tensorflow'] = sys\n" + SEEDED_IN_THE_CALL)
    before = sys.modules.pop("tensorflow", None)
    try:
        notes = prepare(DataOptions(source="rows.py:load"), tmp_path, 0).facts.notes
    finally:
        del sys.modules["tensorflow"]
        sys.modules.update({"tensorflow": before} if before is not None else {})
    assert any("rows.py:load imports TensorFlow" in note for note in notes)
