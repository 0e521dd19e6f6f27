"""New rows become what the study had, in whatever order, types and files a table comes again."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data import (
    DataOptions,
    HeldOut,
    Preprocessing,
    RowEncoder,
    UnknownText,
    encode_rows,
    held_out,
    open_table,
    table_stream,
)
from tuner.data.cells import MISSING_WORDS, column_name
from tuner.errors import DataError, DataWarning

TABLE = "size,colour,shape,price\n" + "\n".join(
    f"{row},{('red', 'green', '')[row % 3]},{('round', 'square')[row % 2]},{row * 1.5}" for row in range(40)
)

WORDS = [
    "Rome",
    "Oslo",
    "101",
    "102",
    "007",
    "7",
    "1e3",
    "True",
    "NA",
    "None",
    "x,y",
    "a;b",
    'say "hi"',
    "\u00e9",
    "e\u0301",
]
WORDS += [" blank ", "\u65e5\u672c", "=1+1", "-5", "line\nbreak"]
NAMES = [
    "a",
    " b ",
    "city",
    "city=Rome",
    "city=Oslo",
    'quo"ted',
    "x,y",
    "se;mi",
    "\u00fcber",
    "1",
    "2.5",
    "tab\tbed",
    "NA",
    "None",
]


def study(folder: Path, source: str, **options: Any) -> HeldOut:
    """All rows, with what was fitted on them."""
    return held_out(DataOptions(source=source, target="y", test=0.0, **options), folder, 0)


def encoded(rows: Any, held: HeldOut) -> np.ndarray:
    assert held.preprocessing is not None
    return encode_rows(rows, held.preprocessing, held.sample.shape[1:])


def encoded_in_parts(file: Path, held: HeldOut, rows: int = 3) -> np.ndarray:
    """The rows of a file that is read in parts of so many rows."""
    assert held.preprocessing is not None
    given, table = held.preprocessing, open_table(str(file), file.parent)
    needed = [*given.numbers, *given.encoders]
    encoder = RowEncoder(given, held.sample.shape[1:], from_file=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_stream, "MAX_ROWS", rows)
        parts = table.parts(needed, given.encoders, given.missing_values)
        return np.concatenate([encoder.encode(part) for part in parts])


def write(folder: Path, text: str, name: str = "t.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


@st.composite
def tables(draw: st.DrawFn) -> pandas.DataFrame:
    """Number, truth and text columns with holes; the first row has none."""
    rows = draw(st.integers(6, 14))
    columns: dict[str, list[Any]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique_by=column_name)):
        cell = draw(
            st.sampled_from(
                [
                    st.integers(-99, 99),
                    st.integers(-9999, 9999).map(lambda number: number / 100),
                    st.booleans(),
                    st.sampled_from(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))),
                ]
            )
        )
        holes = draw(st.booleans())
        cells = [draw(cell)] + [None if holes and draw(st.booleans()) else draw(cell) for _ in range(rows - 1)]
        columns[name] = cells
    return pandas.DataFrame({name: pandas.Series(cells, dtype=object) for name, cells in columns.items()}).assign(
        y=[("no", "yes")[row % 2] for row in range(rows)]
    )


def saved(frame: pandas.DataFrame, folder: Path, name: str, separator: str = ",", index: bool = False) -> Path:
    frame.to_csv(folder / name, sep=separator, index=index, quoting=csv.QUOTE_ALL)
    return folder / name


@given(table=tables(), text=st.sampled_from(["one_hot", "ordinal"]), index=st.booleans(), data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_same_table_gives_the_same_rows(
    table: pandas.DataFrame, text: str, index: bool, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = saved(table, folder, "t.csv", index=index)
        held = study(folder, "t.csv", text=text, missing="mean")
        expected = held.sample

        def same(rows: Any, chosen: Any = slice(None)) -> None:
            with warnings.catch_warnings():
                if isinstance(rows, pandas.DataFrame):
                    warnings.filterwarnings("ignore", ".* is a category of it, which pandas", DataWarning)
                np.testing.assert_allclose(encoded(rows, held), expected[chosen], rtol=1e-14, atol=0)

        def same_in_parts(rows: Path) -> None:
            np.testing.assert_allclose(encoded_in_parts(rows, held), expected, rtol=1e-14, atol=0)

        same(file)
        same_in_parts(file)
        same(str(file))
        frame = pandas.read_csv(file, keep_default_na=False, na_values=[""])
        order = data.draw(st.permutations(list(frame.columns)))
        same(frame)
        same(frame[order].assign(more="text", of=[object()] * len(frame)))
        same(frame.set_axis([f" {name} " for name in frame.columns], axis="columns"))
        same(frame.astype(object))
        same(frame.convert_dtypes())
        same(frame.convert_dtypes(dtype_backend="pyarrow"))
        same(frame.astype(dict.fromkeys(frame.columns, "category")))
        same(frame.astype(object).map(lambda cell: cell if pandas.isna(cell) else str(cell)))
        same(saved(frame, folder, "again.tsv", "\t"))
        frame.set_axis([str(name) for name in frame.columns], axis="columns").to_parquet(folder / "t.parquet")
        same(folder / "t.parquet")
        same_in_parts(folder / "t.parquet")
        rows = data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=1, max_size=4))
        same(frame.iloc[rows], rows)
        same(saved(frame.iloc[rows], folder, "some.csv"), rows)
        said = {str(cell).strip().lower() for cells in table.to_numpy() for cell in cells if isinstance(cell, str)}
        if not said & MISSING_WORDS and not said >= {"7", "007"}:
            same(pandas.read_csv(folder / "some.csv"), rows)  # each column typed by these rows alone


@given(table=tables(), text=st.sampled_from(["one_hot", "ordinal"]), by_code=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_table_with_types_gives_the_same_rows_without_them(table: pandas.DataFrame, text: str, by_code: bool) -> None:
    """A text "101" of a Parquet file or a data function is a text; in a CSV file it looks like a number."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_parquet(folder / "t.parquet")
        if by_code:
            (folder / "own.py").write_text(
                "import pandas\ndef load():\n"
                f"    table = pandas.read_parquet({str(folder / 't.parquet')!r})\n"
                "    return table.drop(columns='y'), table['y']\n",
                encoding="utf-8",
            )
            held = held_out(DataOptions(source="own.py:load", test=0.0, text=text, missing="mean"), folder, 0)
        else:
            held = study(folder, "t.parquet", text=text, missing="mean")
        frame, file = pandas.read_parquet(folder / "t.parquet"), saved(table, folder, "t.csv")
        variants = [folder / "t.parquet", file, frame, frame[frame.columns[::-1]], table, frame.astype(object)]
        twice = any({"7", "007"} <= set(table[name]) for name in table)
        if not twice:
            variants.append(pandas.read_csv(file, keep_default_na=False, na_values=[""]))
        for rows in variants:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".* is a category of it, which pandas", DataWarning)
                np.testing.assert_allclose(encoded(rows, held), held.sample, rtol=1e-14, atol=0)


@pytest.mark.parametrize("text", ["one_hot", "ordinal"])
def test_what_the_study_did_not_have_is_said(text: str, tmp_path: Path) -> None:
    write(tmp_path, TABLE.replace("price", "y"))
    held = study(tmp_path, "t.csv", text=text, missing="mean")
    frame = pandas.read_csv(tmp_path / "t.csv")
    with pytest.warns(
        DataWarning, match=r"40 rows \(the first is row 1\) have a text in 'colour' .* 'mauve': they count"
    ):
        unknown = encoded(frame.assign(colour="mauve"), held)
    assert held.preprocessing is not None
    names = held.preprocessing.features
    columns = [index for index, name in enumerate(names) if name.startswith("colour")]
    assert (unknown[:, columns] == (0.0 if text == "one_hot" else -1.0)).all()
    nothing = encoded(frame.assign(colour=None), held)
    assert np.array_equal(nothing, unknown)


@pytest.mark.parametrize("text", ["one_hot", "ordinal"])
def test_a_missing_text_is_known_only_if_the_study_had_one(text: str, tmp_path: Path) -> None:
    """Whichever column lacks a value: the rule of the study is for all of them."""
    lines = "a,kind,y\n" + "".join(f"{n},{'uv'[n % 2]},{n}.5\n" for n in range(24))
    row = pandas.DataFrame({"a": [1.0], "kind": [None]})
    for holes, known in (("", False), (",u,1.5\n", False), ("7,,1.5\n", True)):
        write(tmp_path, lines + holes)
        held = study(tmp_path, "t.csv", text=text, missing="median")
        assert held.preprocessing is not None
        again = Preprocessing.from_json(json.loads(json.dumps(held.preprocessing.to_json())))
        assert again.encoders["kind"].had_missing is known
        found: list[UnknownText] = []
        RowEncoder(again, held.sample.shape[1:], on_unknown=found.append).encode(row)
        assert found == ([] if known else [UnknownText("kind", None, 1, 1, ("u", "v"))])
        del (content := held.preprocessing.to_json())["encoders"]["kind"]["had_missing"]  # of an older version
        RowEncoder(Preprocessing.from_json(content), held.sample.shape[1:], on_unknown=found.append).encode(row)
        assert found[-1].may_be_known
        content["encoders"]["kind"]["had_missing"] = "no"
        with pytest.raises(ValueError, match="must be true or false"):
            Preprocessing.from_json(content)


def test_a_missing_date_is_filled(tmp_path: Path) -> None:
    write(tmp_path, "a,day,y\n" + "".join(f"{n},2026-01-{n + 1:02},{n}.5\n" for n in range(24)))
    held = study(tmp_path, "t.csv", columns={"day": "date"}, missing="median")
    assert np.isnan(encoded(pandas.DataFrame({"a": [1.0], "day": [None]}), held)[0, 1:]).all()


def test_texts_that_look_like_numbers(tmp_path: Path) -> None:
    write(
        tmp_path,
        "zone,b,y\n" + "".join(f"{('101', '102', '103', 'K1A')[n % 4]},{n},{'ny'[n % 2]}\n" for n in range(24)),
    )
    held = study(tmp_path, "t.csv", text="one_hot")
    digits = pandas.read_csv(io.StringIO("zone,b\n101,0.1\n102,0.1\n103,0.1\n101,0.5\n"))
    assert digits["zone"].dtype == np.int64
    expected = encoded(digits.astype({"zone": str}), held)
    assert np.array_equal(expected[:, 1:], np.eye(4)[[0, 1, 2, 0]])
    for kind in (float, "Int64", "category", object, "string"):
        assert np.array_equal(encoded(digits.astype({"zone": kind}), held), expected)
    with pytest.warns(DataWarning, match="Row 1 has a text in 'zone' that the study did not have, '999'"):
        assert not encoded(pandas.DataFrame({"zone": [999], "b": [0.0]}), held)[:, 1:].any()


def test_a_number_that_may_be_two_categories_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "code,y\n" + "".join(f"{('7', '007', '0012', 'x')[n % 4]},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv", text="ordinal")
    assert encoded(pandas.DataFrame({"code": [12, 12.0]}), held).ravel().tolist() == [0.0, 0.0]
    with pytest.raises(DataError, match=r"'code' must hold texts, as it did in the study, but holds 7, which may be"):
        encoded(pandas.DataFrame({"code": [7]}), held)
    write(tmp_path, "code\n007\n7\n", "new.csv")
    assert encoded(tmp_path / "new.csv", held).ravel().tolist() == [1.0, 2.0], "a file says which"


def test_columns_whose_encoded_names_clash(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a=b,city,city=Rome,a,y\n"
        + "".join(
            f"{'cd'[n % 2]},{('Rome', 'Oslo')[n % 2]},{n},{('b=c', 'x')[n % 2]},{'ny'[n % 3 > 0]}\n" for n in range(24)
        ),
    )
    held = study(tmp_path, "t.csv", text="one_hot")
    assert held.preprocessing is not None
    assert len(set(held.preprocessing.features)) < len(held.preprocessing.features)
    frame = pandas.read_csv(tmp_path / "t.csv")
    assert np.array_equal(encoded(frame[frame.columns[::-1]], held), held.sample)


@pytest.mark.parametrize("missing", ["error", "drop", "mean"])
def test_a_cell_that_is_missing_or_infinite_has_no_answer(missing: str, tmp_path: Path) -> None:
    write(tmp_path, "a,kind,y\n" + "".join(f"{n},{'uv'[n % 2]},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv", text="one_hot", missing=missing)
    frame = pandas.DataFrame({"a": [1.0, np.nan, np.nan], "kind": ["u", "v", None]})
    if missing == "mean":
        with pytest.warns(DataWarning, match="Row 3 has no value in 'kind', and the study had no such rows: they"):
            filled = encoded(frame, held)
        assert np.isnan(filled[1:, 0]).all(), "to be filled by the preprocessing"
    else:
        with pytest.raises(DataError, match=r"but row 3 has none in 'kind'\. Fill it in, or train with such rows and"):
            encoded(frame, held)
        with pytest.raises(DataError, match=r"but 2 rows \(the first is row 2\) have none in 'a'"):
            encoded(frame.assign(kind="u"), held)
    for value, words in ((np.inf, "'a' in row 2 does not"), (-1e39, "'a' in row 2 does not"), (1e38, None)):
        rows = pandas.DataFrame({"a": [0.0, value], "kind": "u"})
        if words is None:
            assert encoded(rows, held).shape == (2, 3)
            continue
        with pytest.raises(DataError, match=words):
            encoded(rows, held)
        with pytest.raises(DataError, match=words):
            encoded(encoded(rows.assign(a=0.0), held) * [[1], [1]] + [[0, 0, 0], [value, 0, 0]], held)


def test_a_row_too_far_from_those_of_the_study(tmp_path: Path) -> None:
    write(tmp_path, "a,y\n" + "".join(f"{n * 1e-9},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv")
    with pytest.raises(DataError, match="Scaled features must fit float32, but row 2 is too far"):
        encoded(pandas.DataFrame({"a": [0.0, 1e35]}), held)


def test_a_category_that_pandas_takes_as_missing(tmp_path: Path) -> None:
    lines = "country,y\n" + "".join(f"{('NA', 'DE', 'None')[n % 3]},{'ny'[n % 2]}\n" for n in range(24))
    write(tmp_path, lines)
    frame = pandas.read_csv(tmp_path / "t.csv")
    held = study(tmp_path, "t.csv", text="ordinal")
    with pytest.raises(
        DataError, match="'NA' is a category of it, which pandas.read_csv takes as missing: give the path"
    ):
        encoded(frame, held)
    assert np.array_equal(encoded(tmp_path / "t.csv", held), held.sample)
    write(tmp_path, lines + ",y\n" * 2, "holes.csv")
    held = study(tmp_path, "holes.csv", text="ordinal", missing="mean")
    with pytest.warns(DataWarning, match="'NA' is a category of it"):
        encoded(frame, held)


def test_what_counts_as_missing_in_the_study_does_so_again(tmp_path: Path) -> None:
    write(tmp_path, "a,kind,y\n" + "".join(f"{(-999, n)[n % 2]},{'u?v'[n % 3]},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv", text="one_hot", missing="mean", missing_values=["?", -999])
    assert np.isnan(held.sample[:, 0]).any()
    for rows in (
        tmp_path / "t.csv",
        pandas.read_csv(tmp_path / "t.csv"),
        pandas.read_csv(tmp_path / "t.csv", dtype=str),
    ):
        np.testing.assert_array_equal(encoded(rows, held), held.sample)


def test_columns_without_texts_as_names(tmp_path: Path) -> None:
    """The columns of a table that a function makes of an array are 0, 1, 2."""
    (tmp_path / "own.py").write_text(
        "import numpy as np, pandas as pd\n"
        "def load():\n"
        "    x = np.random.default_rng(0).normal(size=(20, 3))\n"
        "    return pd.DataFrame(x), np.arange(20) % 2\n",
        encoding="utf-8",
    )
    held = held_out(DataOptions(source="own.py:load", test=0.0), tmp_path, 0)
    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(20, 3)))
    assert np.array_equal(encoded(frame, held), held.sample)
    assert np.array_equal(encoded(frame[[2, 0, 1]], held), held.sample)
    assert np.array_equal(encoded(frame.set_axis(["0", " 1", 2.0], axis=1).rename(columns={2.0: 2}), held), held.sample)
    with pytest.raises(DataError, match="has no '1'"):
        encoded(frame[[0, 2]], held)


def test_the_file_that_trained_is_taken_with_blanks_in_its_names(tmp_path: Path) -> None:
    write(tmp_path, " a , b ,y\n" + "".join(f"{n},{n * n},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv")
    assert np.array_equal(encoded(pandas.read_csv(tmp_path / "t.csv"), held), held.sample)


def test_rows_of_a_source_without_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.arange(80.0).reshape(20, 4), y=np.arange(20) % 2)
    held = held_out(DataOptions(source="t.npz", test=0.0), tmp_path, 0)
    for rows in (
        held.sample,
        held.sample.tolist(),
        pandas.DataFrame(held.sample),
        pandas.DataFrame(held.sample.astype(str)),
    ):
        assert np.array_equal(encoded(rows, held), held.sample)


def test_what_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    held = held_out(DataOptions(source="iris", test=0.0), tmp_path, 0)
    assert held.preprocessing is not None
    frame = pandas.DataFrame(held.sample, columns=list(held.preprocessing.features))
    for rows in (frame.iloc[0], frame["petal_width"], dict(frame), 5, None, iter([1])):
        with pytest.raises(DataError, match="must be a pandas DataFrame, the path of a table or an array of numbers"):
            encoded(rows, held)
    for rows in (frame.iloc[:0], held.sample[:0], [], frame.iloc[:0, :0]):
        assert encoded(rows, held).shape == (0, 4)
    with pytest.raises(DataError, match=r"Each column must have its own name, but the table has 'petal_width' 2 times"):
        encoded(pandas.concat([frame, frame["petal_width"]], axis=1), held)
    doubled = frame.assign(more=1, other=1).rename(columns={"other": "more"})
    assert np.array_equal(encoded(doubled, held), held.sample), "a name twice that is not needed"
    assert encoded([[1, 2, 3, 4]], held).dtype == np.float64
    for rows, words in (
        (np.zeros((2, 3)), r"Rows must have the shape \(n, 4\), but got \(n, 3\)"),
        ([1, 2, 3, 4], r"Rows must have the shape \(n, 4\), but got \(4,\)"),
        ([["a", 1, 2, 3]], "Rows must hold numbers in an array of regular shape"),
        ([[1], [1, 2]], "Rows must hold numbers in an array of regular shape"),
        ([{"a": 1}], "Rows must hold numbers in an array of regular shape"),
        (frame.drop(columns="petal_width"), "has no 'petal_width'"),
        (
            frame.assign(petal_width="wide"),
            "'petal_width' must hold numbers, as it did in the study, but row 1 holds 'wide'",
        ),
        (
            frame.assign(petal_width=pandas.Timestamp(0)),
            "'petal_width' must hold numbers, as it did in the study, but row 1",
        ),
        (
            frame.assign(petal_width=[[1]] * len(frame)),
            "'petal_width' must hold numbers, as it did in the study, but row 1",
        ),
        (frame.assign(petal_width=1j), "'petal_width' must hold numbers, as it did in the study, but row 1"),
        ("none.csv", "there is no 'none.csv'"),
        ("rows.txt", "A table must end in one of"),
    ):
        with pytest.raises(DataError, match=words):
            encoded(rows, held)


def test_a_warning_points_at_the_caller_of_predict(tmp_path: Path) -> None:
    from tuner.serving import SavedModel

    write(tmp_path, "kind,y\n" + "".join(f"{'uvw'[n % 3]},{'ny'[n % 2]}\n" for n in range(24)))
    held = study(tmp_path, "t.csv", text="one_hot")

    class Model:
        input_shape, output_shape = (None, 3), (None, 1)

        def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
            return x[:, :1] / x[:, :1].max()

    class About:
        preprocessing, classes = held.preprocessing, ("n", "y")
        recipe = type("Recipe", (), {"task": "binary"})

    model = SavedModel(Model(), About())  # type: ignore[arg-type]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert model.predict(pandas.DataFrame({"kind": ["u", "x"]})).tolist() == ["y", "n"]
    assert [warning.filename for warning in caught] == [__file__]
    assert model.predict(pandas.DataFrame({"kind": []})).shape == (0,)
    assert model.scores(pandas.DataFrame({"kind": []})).shape == (0, 1)
    with (
        pytest.raises(DataError, match=r"A prediction needs finite scores, but the model gives \[nan\] for row 1"),
        np.errstate(all="ignore"),
    ):
        model.predict(pandas.DataFrame({"kind": ["v"]}))
