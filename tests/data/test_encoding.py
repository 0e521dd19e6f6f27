"""Text columns and missing values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.data import DataOptions, PreparedData, Split, Subset, check_repeatable, held_out, prepare
from tuner.errors import DataError


@pytest.fixture
def coloured(write_text: Callable[..., object]) -> None:
    """60 rows: a number, a colour (missing in row 6), a target."""
    colours = ["red", "green", "blue"]
    lines = [f"{n},{colours[n % 3] if n != 5 else ''},{n}.5" for n in range(60)]
    write_text("a.csv", "n,colour,y\n" + "\n".join(lines))


def rows_of(split: Split, part: Subset) -> np.ndarray:
    return (split.unscale(part.y)[:, 0] - 0.5).round().astype(int)


def test_one_hot(coloured: None, prepared: Callable[..., PreparedData]) -> None:
    result = prepared("a.csv", target="y", text="one_hot", missing="mean", test=0)
    assert result.facts.features == ("n", "colour=blue", "colour=green", "colour=red")
    assert result.facts.input_shape == (4,)
    split = result.splits[0]
    for part in (split.train, split.validation):
        rows = rows_of(split, part)
        expected = (2 - rows % 3)[:, None] == np.arange(3)
        expected[rows == 5] = False  # the row without a colour
        np.testing.assert_array_equal(part.x[:, 1:], expected)
    assert any("'colour' was encoded as one_hot of 3 categories" in note for note in result.facts.notes)


def test_ordinal(coloured: None, prepared: Callable[..., PreparedData]) -> None:
    result = prepared("a.csv", target="y", text="ordinal", missing="drop", scale="none")
    split = result.splits[0]
    rows = rows_of(split, split.train)
    assert result.facts.features == ("n", "colour")
    assert split.train.x[:, 1].tolist() == (2 - rows % 3).tolist()
    assert sum(result.facts.rows.values()) == 59
    assert any("1 row of 60 without a value in" in note for note in result.facts.notes)


def write_sizes(project: Path, *sizes: str, rows: int = 60) -> None:
    """Write texts by turns, beside a number and a target; those of the rows 40 and later are for the test."""
    parts = ["test" if row >= 40 else "validation" if row % 4 == 0 else "train" for row in range(rows)]
    columns = {"n": np.arange(rows), "size": [sizes[row % len(sizes)] for row in range(rows)], "part": parts}
    pd.DataFrame({**columns, "y": np.arange(rows) + 0.5}).to_parquet(project / "a.parquet")


def test_text_and_columns_mean_one_order(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    write_sizes(tmp_path, "9", "10", "100")
    of_column = {"size": "ordinal"}
    for options in ({"text": "ordinal"}, {"columns": of_column}, {"text": "one_hot", "columns": of_column}):
        split = prepared("a.parquet", target="y", drop=("part",), scale="none", **options).splits[0]
        assert split.train.x[:, 1].tolist() == (split.train.x[:, 0] % 3).tolist()
    assert prepared("a.parquet", target="y", drop=("part",), text="one_hot").facts.features[1:] == (
        *("size=9", "size=10", "size=100"),
    )


@pytest.mark.parametrize("text", ["ordinal", "one_hot"])
def test_a_study_whose_numbers_were_in_the_order_of_the_alphabet_does_not_go_on(text: str, tmp_path: Path) -> None:
    write_sizes(tmp_path, "9", "10", "100")
    (tmp_path / "rows.py").write_text(
        f"import pandas\n\ndef load():\n    rows = pandas.read_parquet({str(tmp_path / 'a.parquet')!r})\n"
        "    return rows[['n', 'size']], rows['y']\n"
    )
    plain = DataOptions(source="a.parquet", target="y", drop=("part",), columns={"size": "ordinal"})
    before = prepare(plain, tmp_path, 0).facts.sha256
    for source, names in (("a.parquet", {"target": "y", "drop": ("part",)}), ("rows.py:load", {})):
        options = DataOptions(source=source, text=text, **names)
        for read in (prepare, held_out):
            with pytest.raises(DataError, match=r"must stay as they were .* in another order\. Put the data"):
                read(options, tmp_path, 0, before)  # type: ignore[operator]
        now = prepare(options, tmp_path, 0).facts.sha256
        prepare(options, tmp_path, 0, now)
        check_repeatable(options, tmp_path, now)


@pytest.mark.parametrize("sizes", [("small", "large"), ("1", "2", "3"), ("9", "10", "> 80")])
def test_the_hash_of_other_texts_is_that_of_before(sizes: tuple[str, ...], tmp_path: Path) -> None:
    write_sizes(tmp_path, *sizes)
    plain = DataOptions(source="a.parquet", target="y", split="part", columns={"size": "ordinal"})
    before = prepare(plain, tmp_path, 0).facts.sha256
    options = DataOptions(source="a.parquet", target="y", split="part", text="ordinal")
    assert prepare(options, tmp_path, 0, before).facts.sha256 == before


def test_a_text_in_test_rows_alone_does_not_make_the_numbers_words(tmp_path: Path) -> None:
    write_sizes(tmp_path, *["9", "10"] * 25, "?")
    given = {"source": "a.parquet", "target": "y", "split": "part"}
    before = prepare(DataOptions(**given, columns={"size": "ordinal"}), tmp_path, 0).facts.sha256
    with pytest.raises(DataError, match="must stay as they were"):
        prepare(DataOptions(**given, text="ordinal"), tmp_path, 0, before)


def test_missing_texts_count_as_missing(coloured: None, prepared: Callable[..., PreparedData]) -> None:
    with pytest.raises(DataError, match=r"missing in colour \(1\)"):
        prepared("a.csv", target="y", text="one_hot")


def test_rare_categories_are_no_outliers(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    kinds = {0: "zebra", 1: "mule"}
    lines = [f"{n % 10},{kinds.get(n % 20, 'horse')},{n % 7}.5" for n in range(100)]
    write_text("a.csv", "n,kind,y\n" + "\n".join(lines))
    for text in ("one_hot", "ordinal"):
        result = prepared("a.csv", target="y", text=text, outliers="drop_zscore", outlier_limit=2.0)
        assert result.facts.rows["train"] == 60


def test_a_category_of_the_test_part_alone_is_no_column(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    rows = "".join(f"{'ab'[n % 2]},{n}.5\n" for n in range(20))
    write_text("a.csv", "kind,y\n" + rows)
    write_text("b.csv", "kind,y\nnew,1.5\na,2.5\n")
    options = DataOptions(source="a.csv", target="y", text="one_hot", test="b.csv")
    facts = prepared("a.csv", target="y", text="one_hot", test="b.csv").facts
    assert facts.features == ("kind=a", "kind=b")
    assert "1 text of 'kind' is in test rows only, and counted as belonging to no category." in facts.notes
    assert held_out(options, tmp_path, 0).validation.x.tolist() == [[0, 0], [1, 0]]


def test_a_missing_text_of_the_test_part_alone_is_said(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_text("a.csv", "kind,y\n" + "".join(f"{'ab'[n % 2]},{n}.5\n" for n in range(20)))
    write_text("b.csv", "kind,y\n,1.5\na,2.5\n")
    facts = prepared("a.csv", target="y", text="one_hot", missing="mean", test="b.csv").facts
    assert "Only 1 test row lacks a value in 'kind', and counts as belonging to no category." in facts.notes


def test_too_many_categories_for_columns(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_text("a.csv", "id,y\n" + "".join(f"row{n},{n}.5\n" for n in range(1300)))
    with pytest.raises(DataError, match=r"at most 1000 categories, but 'id' has 1040.*ordinal"):
        prepared("a.csv", target="y", text="one_hot")


def test_missing_everywhere_is_refused(write_npz: Callable[..., object], prepared: Callable[..., PreparedData]) -> None:
    x = np.arange(40.0).reshape(20, 2)
    x[:, 1] = np.nan
    write_npz(x=x, y=np.arange(20) + 0.5)
    with pytest.raises(DataError, match=r"missing in column 1 \(20\)"):
        prepared("data.npz")
    with pytest.raises(DataError, match="column 1 has none"):
        prepared("data.npz", missing="mean")
    with pytest.raises(DataError, match="each row of data.npz lacks a value"):
        prepared("data.npz", missing="drop")
