"""A cell is a text, a number or missing, by one rule for every source."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuner.data import DataOptions, Preprocessing, encode_rows, prepare
from tuner.data.cells import cell_text, cell_texts, cell_values, check_whole, without_values
from tuner.errors import DataError

Write = Callable[..., Path]
Prepare = Callable[..., Any]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        ("\u00a0a\t", "a"),
        ("e\u0301", "\u00e9"),
        ("", None),
        ("  ", None),
        ("None", "None"),
        (None, None),
        (np.nan, None),
        (pd.NA, None),
        (pd.NaT, None),
        (True, "True"),
        (np.False_, "False"),
        (101, "101"),
        (np.int64(-3), "-3"),
        (101.0, "101"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (1e300, "1e+300"),
        (np.inf, "inf"),
        (Decimal("1.50"), "1.50"),
        ("007", "007"),
    ],
)
def test_the_text_of_a_cell(value: Any, text: str | None) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "NA", "2.5"], [1.0, np.nan, 2.5]),
        (["1", None, "null", "-1e3"], [1.0, np.nan, np.nan, -1000.0]),
        ([".5", "5.", "+5", "1E2", "inf"], [0.5, 5.0, 5.0, 100.0, np.inf]),
        (["True", "False"], [True, False]),
        (["true", "NA"], [1.0, np.nan]),
        (["None", "NA"], ["None", "NA"]),
        (["1", "True"], ["1", "True"]),
        (["1", "K1A"], ["1", "K1A"]),
        (["1_000", "1"], ["1_000", "1"]),
        (["12345678901234567890123", "1"], [1.2345678901234568e22, 1.0]),
        (
            ["12345678901234567890123", "12345678901234567890124"],
            ["12345678901234567890123", "12345678901234567890124"],
        ),
        (["0x10", "1"], ["0x10", "1"]),
        (["١", "1"], ["١", "1"]),  # noqa: RUF001  # a digit, but not one that CSV readers take for a number
        ([None, None], [None, None]),
    ],
)
def test_texts_are_numbers_if_all_are(texts: list[str | None], values: list[Any]) -> None:
    typed = cell_values(cell_texts(np.array(texts, dtype=object)))
    if isinstance(values[0], bool):
        assert typed.dtype == bool
    np.testing.assert_array_equal(typed, np.array(values, dtype=typed.dtype))


def test_numbers_that_count_as_missing() -> None:
    x = np.array([[-999, 1], [2, 3]], np.int16)
    np.testing.assert_array_equal(without_values(x, ("-999", "?")), [[np.nan, 1], [2, 3]])
    assert without_values(x, ("?",)) is x
    single = np.array([0.1, 0.2], np.float32)
    np.testing.assert_array_equal(without_values(single, ("0.1",)), np.array([np.nan, 0.2], np.float32))


def test_whole_numbers_that_float64_does_not_tell_apart() -> None:
    large = np.array([2**53, 2**53 + 1])
    with pytest.raises(DataError, match=r"below 2\^53 .* a.npz holds 9007199254740993"):
        check_whole(large, large.astype(float), "a.npz")
    check_whole(large[:1], large[:1].astype(float), "a.npz")


def table(column: str, values: list[str], target: list[str]) -> str:
    return f"{column},b,y\n" + "".join(
        f"{value},{row * 7 % 5},{answer}\n" for row, (value, answer) in enumerate(zip(values, target, strict=True))
    )


def test_words_for_missing_are_classes(write_text: Write, prepared: Prepare) -> None:
    words = ["None", "NA", "null"]
    write_text("a.csv", table("x", [str(row % 11) for row in range(60)], [words[row % 3] for row in range(60)]))
    facts = prepared("a.csv", target="y").facts
    assert facts.classes == ("NA", "None", "null")
    assert any("'None' in 'y' (20 rows of a.csv) is treated as a value" in note for note in facts.notes)
    with pytest.raises(DataError, match="'y' lacks 20, the first in row 1"):
        prepared("a.csv", target="y", missing_values=["None"])


def test_words_for_missing_are_categories(write_text: Write, prepared: Prepare) -> None:
    codes = ["NA", "DE", "None", "FR"]
    write_text("a.csv", table("code", [codes[row % 4] for row in range(60)], [f"{row % 2}" for row in range(60)]))
    facts = prepared("a.csv", target="y", text="one_hot").facts
    assert facts.features == ("b", "code=DE", "code=FR", "code=NA", "code=None")
    assert not any("replaced" in note for note in facts.notes)
    note = next(note for note in facts.notes if "'NA' in 'code' (15 rows of a.csv) is treated as a value" in note)
    assert 'missing_values = ["NA"]' in note
    facts = prepared("a.csv", target="y", text="one_hot", missing="mean", missing_values=["NA", "None"]).facts
    assert facts.features == ("b", "code=DE", "code=FR")
    assert any("30 missing texts belong to no category" in note for note in facts.notes)
    assert not any("mean" in note for note in facts.notes)


def test_words_for_missing_are_missing_numbers(write_text: Write, prepared: Prepare) -> None:
    values = ["NA" if row % 7 == 0 else f" {row % 5}.5 " if row % 7 == 1 else str(row % 5) for row in range(60)]
    write_text("a.csv", table("x", values, [f"{row % 2}" for row in range(60)]))
    with pytest.raises(DataError, match=r"missing in x \(9\)"):
        prepared("a.csv", target="y")
    facts = prepared("a.csv", target="y", missing="median").facts
    assert any("9 missing numbers are replaced by the median of the training part (x)" in note for note in facts.notes)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_missing_values_of_the_study(name: str, tmp_path: Path, prepared: Prepare) -> None:
    frame = pd.DataFrame(
        {
            "n": [-999 if row % 10 == 0 else row % 7 for row in range(60)],
            "t": [" ? " if row % 12 == 0 else "ab"[row % 2] for row in range(60)],
            "y": [row % 5 / 4 + row for row in range(60)],
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    result = prepared(name, target="y", text="one_hot", missing="mean", missing_values=["?", -999])
    assert result.facts.features == ("n", "t=a", "t=b")
    preprocessing = result.splits[0].preprocessing
    assert Preprocessing.from_json(preprocessing.to_json()).missing_values == ("?", "-999")
    rows = encode_rows(frame.drop(columns="y"), preprocessing, (3,))
    np.testing.assert_array_equal(np.isnan(rows[:, 0]), frame["n"] == -999)
    np.testing.assert_array_equal(rows[:, 1:].sum(axis=1) == 0, frame["t"] == " ? ")


def test_blanks_around_cells_make_no_other_class(write_text: Write, prepared: Prepare) -> None:
    words = ["a", " a", "b ", '" b "']
    write_text("a.csv", table("x", [words[row // 2 % 4] for row in range(60)], [words[row % 4] for row in range(60)]))
    facts = prepared("a.csv", target="y", text="one_hot").facts
    assert (facts.classes, facts.features) == (("a", "b"), ("b", "x=a", "x=b"))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('"a;b;c",b,y', ("a;b;c", "b")),
        ('"a\nb",b,y', ("a\nb", "b")),
        ('"say ""a,b""",b,y', ('say "a,b"', "b")),
        (' a , "b" , y', ("a", "b")),
        ("\ufeffcafe\u0301,b,y", ("caf\u00e9", "b")),
    ],
)
def test_names_of_columns(header: str, names: tuple[str, ...], write_text: Write, prepared: Prepare) -> None:
    write_text("a.csv", f"{header}\n" + "".join(f"{row % 7},{row % 5},{row / 3}\n" for row in range(30)))
    assert prepared("a.csv", target="y").facts.features == names


def test_names_that_differ_by_blanks_alone_are_refused(tmp_path: Path, prepared: Prepare) -> None:
    pd.DataFrame({"a": range(30), " a": range(30), "y": range(30)}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"own name, but 'a' occurs"):
        prepared("a.parquet", target="y")


def test_the_index_of_a_table_is_no_feature(tmp_path: Path, prepared: Prepare) -> None:
    frame = pd.DataFrame({"a": np.arange(60) * 7 % 11, "y": np.arange(60) // 30}).sample(frac=1, random_state=0)
    frame.to_csv(tmp_path / "a.csv")
    facts = prepared("a.csv", target="y").facts
    assert facts.features == ("a",)
    assert any("'Unnamed: 0'" in note and "left out as the index" in note for note in facts.notes)
    dropped = prepared("a.csv", target="y", drop=["Unnamed: 0"]).facts
    assert (dropped.features, dropped.sha256) == (("a",), facts.sha256)
    assert not any("Unnamed" in note for note in dropped.notes)


def test_a_column_that_counts_the_rows_is_named(tmp_path: Path, prepared: Prepare) -> None:
    frame = pd.DataFrame({"id": np.random.default_rng(0).permutation(60) + 1, "a": np.arange(60) % 7})
    frame.assign(y=np.arange(60) // 30).to_csv(tmp_path / "a.csv", index=False)
    facts = prepared("a.csv", target="y").facts
    assert facts.features == ("id", "a")
    assert any("numbers the rows from 1 to 60" in note and 'drop = ["id"]' in note for note in facts.notes)


@pytest.mark.parametrize("words", [["True", "False"], ["TRUE", "FALSE"], ["true ", " false"]])
def test_bools_are_one_target_however_they_are_written(words: list[str], write_text: Write, prepared: Prepare) -> None:
    write_text("a.csv", table("x", [str(row % 7) for row in range(40)], [words[row % 2] for row in range(40)]))
    assert prepared("a.csv", target="y").facts.classes == ("False", "True")


@pytest.mark.parametrize(
    "y",
    [
        np.arange(60) % 12,
        (np.arange(60) % 12).astype(float),
        [str(row % 12) for row in range(60)],
        pd.Categorical([str(row % 12) for row in range(60)]),
    ],
)
def test_classes_are_the_same_as_numbers_and_as_texts(y: Any, tmp_path: Path) -> None:
    pd.DataFrame({"x": np.arange(60) % 7, "y": y}).to_parquet(tmp_path / "a.parquet")
    facts = prepare(DataOptions(source="a.parquet", target="y"), tmp_path, 0).facts
    assert facts.classes == tuple(str(number) for number in range(12))
    np.savez(tmp_path / "b.npz", x=np.arange(60) % 7, y=np.arange(60) % 12)
    assert facts.sha256 == prepare(DataOptions(source="b.npz"), tmp_path, 0).facts.sha256


def test_digits_of_a_second_file_are_texts_as_in_the_first(write_text: Write, prepared: Prepare) -> None:
    codes, classes = ["007", "102", "K1A"], ["1", "2", "x"]
    rows = [(codes[row % 3], classes[row % 3]) for row in range(60)]
    write_text("a.csv", "zone,y\n" + "".join(f"{zone},{kind}\n" for zone, kind in rows))
    write_text("b.csv", "zone,y\n" + "007,1\n102,2\n" * 6)
    result = prepared("a.csv", target="y", text="one_hot", validation="b.csv")
    assert (result.facts.classes, result.facts.features) == (("1", "2", "x"), ("zone=007", "zone=102", "zone=K1A"))
    part = result.splits[0].validation
    np.testing.assert_array_equal(part.x, part.y)
    np.testing.assert_array_equal(part.x.sum(axis=0), [6, 6, 0])
