"""For any table: the same rows however it is saved, typed and ordered, and no row on two sides of a split."""

from __future__ import annotations

import csv
import io
import tempfile
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data import DataOptions, PreparedData, encode_rows, held_out, prepare
from tuner.errors import DataWarning

ROWS = 24
WORDS = [
    "None",
    "NA",
    "null",
    "nan",
    "\u00e9",
    "e\u0301",
    "True",
    "7",
    "007",
    "a,b",
    'say "x"',
    "a;b",
    "=1+1",
    "-",
    "ok",
]
NAMES = st.text("ab ,;'\"é\u0301=:-0", min_size=1, max_size=6).filter(
    lambda name: name.strip(" ") and not name.startswith("Unnamed")
)
WHOLE = st.lists(st.integers(-3, 3) | st.none(), min_size=ROWS, max_size=ROWS)
FRACTIONS = st.lists(st.floats(-1e6, 1e6, width=32) | st.none(), min_size=ROWS, max_size=ROWS)
TEXTS = st.lists(st.sampled_from(WORDS) | st.none(), min_size=ROWS, max_size=ROWS)


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    """Columns of whole numbers, fractions and texts with holes, a number of each row, and a target of three words."""
    columns: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, max_size=4)):
        name = unicodedata.normalize("NFC", name).strip()
        if name in columns or name in ("row", "y"):
            continue
        values = draw(st.one_of(WHOLE, FRACTIONS, TEXTS))
        texts = any(isinstance(value, str) for value in values)
        if texts:
            values[:2] = ["ok", "no"]  # so that it is no column of numbers
        else:
            values[:2] = [0, 1]
        columns[name] = pd.Series(values, dtype="str" if texts else float)
    target = draw(st.permutations(["None", "NA", "yes"] * (ROWS // 3)))
    return pd.DataFrame(
        {**columns, "row": [number + 0.5 for number in range(ROWS)], "y": pd.Series(target, dtype="str")}
    )


def written(table: pd.DataFrame, delimiter: str, end: str, quoting: Any, blanks: str, missing: str) -> str:
    """The table as CSV, in one of the ways of writing it."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow([blanks + name + blanks for name in table])
    numbers = [kind.kind == "f" for kind in table.dtypes]

    def cell(value: Any, number: bool) -> str:
        if pd.isna(value):
            return missing if number else ""
        return repr(value) if number else f"{blanks}{value}{blanks}"

    for row in table.itertuples(index=False):
        writer.writerow([cell(value, number) for value, number in zip(row, numbers, strict=True)])
    return file.getvalue()


def read(name: str, folder: Path, **options: Any) -> PreparedData:
    return prepare(DataOptions(source=name, target="y", text="one_hot", missing="mean", **options), folder, 0)


def arrays(prepared: PreparedData) -> dict[str, np.ndarray]:
    """The columns of both parts by name."""
    split = prepared.splits[0]
    x = np.concatenate([split.train.x, split.validation.x])
    return {name: x[:, place] for place, name in enumerate(prepared.facts.features)}


@settings(max_examples=30, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    blanks=st.sampled_from(["", " "]),
    missing=st.sampled_from(["", "NA", "NaN", "null"]),
    mark=st.sampled_from(["", "\ufeff"]),
    random=st.randoms(use_true_random=False),
)
def test_a_table_is_the_same_however_it_is_written(
    table: pd.DataFrame, delimiter: str, end: str, quoting: Any, blanks: str, missing: str, mark: str, random: Any
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_parquet(folder / "a.parquet")
        text = written(table, delimiter, end, quoting, blanks, missing)
        (folder / "b.csv").write_bytes((mark + text).encode())
        mixed = table[random.sample(list(table.columns), table.shape[1])]
        mixed.astype({name: "category" for name in table if table[name].dtype.kind not in "f"}).to_parquet(
            folder / "c.parquet"
        )
        one, two, three = (read(file, folder) for file in ("a.parquet", "b.csv", "c.parquet"))
        assert one.facts.classes == two.facts.classes == three.facts.classes == ("NA", "None", "yes")
        assert one.facts.sha256 == two.facts.sha256
        assert one.facts.features == two.facts.features
        assert set(one.facts.features) == set(three.facts.features)
        wanted = arrays(one)
        for other in (two, three):
            for column, values in arrays(other).items():
                np.testing.assert_array_equal(values, wanted[column])

        preprocessing, shape = one.splits[0].preprocessing, one.facts.input_shape
        assert preprocessing is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # a cell without a text beside a category "None"
            rows = [preprocessing.apply(encode_rows(each, preprocessing, shape)) for each in (mixed, table)]
        np.testing.assert_array_equal(*rows)


@settings(max_examples=30, deadline=None)
@given(table=tables(), data=st.data())
def test_the_hash_is_another_if_a_cell_is_another(table: pd.DataFrame, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_parquet(folder / "a.parquet")
        column = data.draw(st.sampled_from(list(table)))
        row = data.draw(st.integers(2, ROWS - 1))
        before = table.loc[row, column]
        if column == "y":
            table.loc[row, column] = "NA" if before == "yes" else "yes"
        elif table[column].dtype.kind == "f":
            table.loc[row, column] = 0.25 if pd.isna(before) else -before - 1
        else:
            table.loc[row, column] = None if before == "ok" else "ok"
        table.to_parquet(folder / "b.parquet")
        assert read("a.parquet", folder).facts.sha256 != read("b.parquet", folder).facts.sha256


@settings(max_examples=30, deadline=None)
@given(
    table=tables(),
    validation=st.sampled_from([0.1, 0.25, {"folds": 2}, {"folds": 4}]),
    test=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 3),
)
def test_no_row_stands_on_two_sides(table: pd.DataFrame, validation: Any, test: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_csv(folder / "a.csv", index=False)
        options = DataOptions(
            source="a.csv", target="y", text="ordinal", missing="mean", scale="none", validation=validation, test=test
        )
        prepared = prepare(options, folder, seed)
        place = prepared.facts.features.index("row")
        apart = held_out(options, folder, seed, prepared.facts.sha256).validation.x[:, place].tolist()
        for split in prepared.splits:
            rows = [*split.train.x[:, place].tolist(), *split.validation.x[:, place].tolist(), *apart]
            assert sorted(rows) == [number + 0.5 for number in range(ROWS)]
