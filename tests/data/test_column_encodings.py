"""`[data.columns]`: an encoding for a single column, in the study and for new rows."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tuner.data import DataOptions, PreparedData, Preprocessing, encode_rows, held_out, open_table, prepare
from tuner.data.row_encoder import RowEncoder
from tuner.errors import DataError, StudyFileError
from tuner.study import read_study_dict

ROWS = 60
SIZES = ["small", "medium", "large"]


@pytest.fixture
def table(write_text: Callable[..., Path]) -> Path:
    """Numbers that are codes, sizes, dates in the form of Germany, and a column to leave out."""
    lines = ["code,size,sold,id,area,y"]
    day = datetime.date(2024, 12, 20)
    for row in range(ROWS):
        sold = (day + datetime.timedelta(days=row)).strftime("%d.%m.%Y")
        lines.append(f"{(2, 10, 7)[row % 3]},{SIZES[row % 3]},{sold},n{row},{row},{row}.5")
    return write_text("a.csv", "\n".join(lines))


def columns(prepared: Callable[..., PreparedData], encodings: dict[str, Any], **options: Any) -> PreparedData:
    return prepared("a.csv", target="y", scale="none", columns=encodings, **options)


ALL = {"code": "one_hot", "size": {"ordinal": SIZES}, "sold": "date", "id": "drop"}


def test_each_column_has_its_encoding(table: Path, prepared: Callable[..., PreparedData]) -> None:
    found = columns(prepared, ALL)
    cycles = [f"sold:{cycle}_{part}" for cycle in ("year", "weekday") for part in ("sin", "cos")]
    assert found.facts.features == (
        *("area", "code=2", "code=7", "code=10"),
        *("size", "sold:days", *cycles),
    )
    split = found.splits[0]
    rows = (split.unscale(split.train.y)[:, 0] - 0.5).round().astype(int)
    expected = np.array([2, 10, 7])[rows % 3][:, None] == [2, 7, 10]
    np.testing.assert_array_equal(split.train.x[:, 1:4], expected)
    np.testing.assert_array_equal(split.train.x[:, 4], rows % 3)
    development = min(rows.min(), (split.unscale(split.validation.y).min() - 0.5).round())
    np.testing.assert_array_equal(split.train.x[:, 5], rows - development)


def test_positions_in_the_year_the_week_and_the_day(write_text: Callable[..., Path], tmp_path: Path) -> None:
    times = ["2023-01-01 00:00", "2024-07-02 00:00", "2024-07-08T12:00", "2024-07-09 06:00+02:00"]
    lines = "".join(f"{times[row % 4]},{row}.5\n" for row in range(40))
    write_text("a.csv", "at,y\n" + lines)
    options = DataOptions(source="a.csv", target="y", test=0.0, columns={"at": "date"})
    held = held_out(options, tmp_path, 0)
    assert held.preprocessing is not None
    found = held.sample[:4]
    days = np.array([0, 183, 189.5, 190 + 4 / 24])
    angles = 2 * np.pi * np.array([days / 366, [6 / 7, 1 / 7, 0, 1 / 7], [0, 0, 0.5, 4 / 24]]).T
    expected = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(4, 6)
    np.testing.assert_allclose(found[:, 1:], expected, atol=1e-12)
    np.testing.assert_allclose(found[:, 0], [0, 548, 554.5, 555 + 4 / 24])


@pytest.mark.parametrize("missing", ["median", "error"])
def test_new_rows_are_encoded_as_those_of_the_study(missing: str, table: Path, tmp_path: Path) -> None:
    options = DataOptions(source="a.csv", target="y", test=0.0, missing=missing, columns=ALL)
    held = held_out(options, tmp_path, 0)
    given = Preprocessing.from_json(json.loads(json.dumps(held.preprocessing.to_json())))  # type: ignore[union-attr]
    shape = held.sample.shape[1:]

    def same(rows: Any) -> None:
        np.testing.assert_array_equal(encode_rows(rows, given, shape)[: len(held.sample)], held.sample)

    same(tmp_path / "a.csv")
    frame = pandas.read_csv(tmp_path / "a.csv")
    same(frame)
    same(frame.astype({"code": float, "size": "category"}))
    same(frame.assign(sold=pandas.to_datetime(frame["sold"], format="%d.%m.%Y")))
    same(frame.assign(sold=[each.date() for each in pandas.to_datetime(frame["sold"], format="%d.%m.%Y")]))
    stream = open_table(str(tmp_path / "a.csv"), tmp_path)
    part = next(stream.parts(["area", "code", "size", "sold"], given.encoders, ()))
    np.testing.assert_array_equal(RowEncoder(given, shape, from_file=True).encode(part), held.sample)


def test_the_parts_are_what_the_preprocessing_gives(table: Path, tmp_path: Path) -> None:
    held = held_out(DataOptions(source="a.csv", target="y", test=0.25, columns=ALL), tmp_path, 3)
    given, frame = held.preprocessing, pandas.read_csv(tmp_path / "a.csv")
    assert given is not None
    for part in (held.train, held.validation):
        rows = (held.unscale(part.y)[:, 0] - 0.5).round().astype(int)
        found = given.apply(encode_rows(frame.iloc[rows], given, held.sample.shape[1:]))
        np.testing.assert_array_equal(part.x, found)


def test_missing_dates_have_no_number(write_text: Callable[..., Path], tmp_path: Path) -> None:
    dates = ["" if row == 3 else f"2024-01-{row + 1:02d}" for row in range(30)]
    write_text("a.csv", "at,y\n" + "".join(f"{date},{row}.5\n" for row, date in enumerate(dates)))
    options = DataOptions(source="a.csv", target="y", test=0.0, missing="median", columns={"at": "date"})
    held = held_out(options, tmp_path, 0)
    assert np.isnan(held.sample[3]).all()
    assert np.isfinite(held.train.x).all()
    notes = prepare(options, tmp_path, 0).facts.notes
    assert "1 missing cell is replaced by the median of the training part (at)." in notes


def test_numbers_in_texts_are_numbers(write_text: Callable[..., Path], prepared: Callable[..., PreparedData]) -> None:
    write_text("a.csv", "n,y\n" + "".join(f"{'?' if row == 4 else row},{row}.5\n" for row in range(30)))
    with pytest.raises(DataError, match=r'1 cell does not, the first \'\?\' in row 5 .*missing_values = \["\?"\]'):
        columns(prepared, {"n": "number"}, text="one_hot")
    found = columns(prepared, {"n": "number"}, text="one_hot", missing_values=("?",), missing="drop")
    assert found.facts.features == ("n",)


def test_leaving_out_is_the_same_in_both_ways(table: Path, prepared: Callable[..., PreparedData]) -> None:
    one = prepared("a.csv", target="y", text="ordinal", drop=("id", "sold"))
    two = prepared("a.csv", target="y", text="ordinal", columns={"id": "drop"}, drop=("sold", "id"))
    assert one.facts.sha256 == two.facts.sha256
    assert one.facts.features == two.facts.features


@pytest.mark.parametrize(
    ("encodings", "rule"),
    [
        ({"sice": "ordinal"}, "encoded column must be in the table, but a.csv has no 'sice'. Did you mean 'size'"),
        (
            {"size": {"ordinal": ["small", "medum", "large"]}},
            r"16 rows hold others, such as 'medium'.*misspelling of 'medum'",
        ),
        ({"size": "date"}, "`columns.size` must hold dates as 2026-11-28, but 'size' holds"),
        ({"sold": {"date": "%d/%m/%Y"}}, "must hold dates of the format %d/%m/%Y, but 48 cells do not"),
        ({"size": "number"}, "`columns.size` must hold numbers, but 60 cells do not, the first 'small' in row 1"),
    ],
)
def test_what_does_not_suit_a_column(
    encodings: dict[str, Any], rule: str, table: Path, prepared: Callable[..., PreparedData]
) -> None:
    with pytest.raises(DataError, match=rule):
        columns(prepared, {"size": "ordinal", "sold": "drop", "id": "drop"} | encodings)


def test_a_row_without_a_date_is_one_error(table: Path, tmp_path: Path) -> None:
    held = held_out(DataOptions(source="a.csv", target="y", test=0.0, columns=ALL), tmp_path, 0)
    frame = pandas.read_csv(tmp_path / "a.csv")[:3].astype({"sold": object})
    frame.loc[2, "sold"] = "soon"
    with pytest.raises(DataError, match="'sold' must hold what the study could encode as date, but row 3 holds 'soon'"):
        encode_rows(frame, held.preprocessing, held.sample.shape[1:])  # type: ignore[arg-type]


def test_older_files_have_one_encoding_for_all_texts() -> None:
    content = {"fill": None, "center": [0.0, 0.0], "scale": [1.0, 1.0], "shape": [2], "features": ["c=a", "c=b"]}
    found = Preprocessing.from_json({**content, "vocabulary": {"c": ["a", "b"]}, "text": "one_hot"})
    assert found.encoders["c"].words == ("a", "b")
    assert found.numbers == ()


def test_each_wrong_encoding_is_named_by_its_column(write_text: Callable[..., Path], tmp_path: Path) -> None:
    given = {"a": "onehot", "b": {"ordinal": ["x", "x"]}, "c": {"date": "soon"}, "y": "drop", "d": "drop"}
    content = {"model": "models/mlp.py", "data": {"source": "a.csv", "target": "y", "columns": given}}
    with pytest.raises(StudyFileError) as caught:
        read_study_dict(content, tmp_path)
    found = {problem.key: problem for problem in caught.value.problems}
    assert {"data.columns.a", "data.columns.b", "data.columns.c"} <= set(found)
    assert found["data.columns.a"].nearest == "one_hot"
    roles = {"target": "the target", "weight": "the weight column", "group": "the column of `group`"}
    for key, what in roles.items():
        content["data"] = {"source": "a.csv", "target": "t", key: "y", "columns": {"y": "drop"}}
        with pytest.raises(StudyFileError, match=f"`columns` must name features only, not {what}, but got 'y'"):
            read_study_dict(content, tmp_path)


def test_of_many_columns_some_are_described(
    write_text: Callable[..., Path], prepared: Callable[..., PreparedData]
) -> None:
    row = ",".join(["{0}"] * 50)
    write_text(
        "b.csv",
        ",".join([f"c{n}" for n in range(50)] + ["y"])
        + "\n"
        + "".join(f"{row.format('pqr'[n % 3])},{n}.5\n" for n in range(ROWS)),
    )
    notes = prepared("b.csv", target="y", text="one_hot").facts.notes
    assert sum("was encoded as one_hot" in note for note in notes) == 20
    assert "30 further columns of texts or dates became 90 columns of numbers." in notes
