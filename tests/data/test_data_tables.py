"""CSV and Parquet."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuner.catalog import Task
from tuner.data import DataOptions, PreparedData, prepare
from tuner.errors import DataError


def frame(rows: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "length": random.normal(3, 1, rows).astype(np.float32),
            "count": random.integers(0, 50, rows),
            "weight": random.uniform(1, 2, rows).astype(np.float32),
            "kind": np.where(np.arange(rows) % 2 == 0, "even", "odd"),
        }
    )


def write(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.parquet"])
def test_every_format_gives_the_same(name: str, tmp_path: Path) -> None:
    write(frame(), tmp_path / name)
    write(frame(), tmp_path / "oracle.csv")
    options: dict[str, Any] = {"target": "kind", "weight": "weight"}
    given = prepare(DataOptions(source=name, **options), tmp_path, 0)
    oracle = prepare(DataOptions(source="oracle.csv", **options), tmp_path, 0)
    assert given.facts == oracle.facts
    assert given.facts.task is Task.BINARY
    assert given.facts.features == ("length", "count")
    assert given.facts.rows == {"train": 24, "validation": 8, "test": 8}
    train = given.splits[0].train
    assert (train.x.dtype, train.y.dtype, train.weight.dtype) == (np.float32,) * 3  # type: ignore[union-attr]
    # A decimal text holds a float32 to its last digit only: scaled values may differ by a rounding.
    np.testing.assert_allclose(train.x, oracle.splits[0].train.x, rtol=1e-5)
    np.testing.assert_array_equal(train.weight, oracle.splits[0].train.weight)


def test_a_table_and_an_archive_of_the_same_values_have_one_hash(
    tmp_path: Path, write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    table = frame()
    write(table, tmp_path / "a.csv")
    numbers = table[["length", "count"]].to_numpy()
    write_npz(x=numbers, y=table["kind"].to_numpy(dtype=str), weight=table["weight"].to_numpy())
    one = prepared("a.csv", target="kind", weight="weight").facts.sha256
    assert prepared("data.npz").facts.sha256 == one
    numbers[7, 0] += 1e-3
    write_npz(x=numbers, y=table["kind"].to_numpy(dtype=str), weight=table["weight"].to_numpy())
    assert prepared("data.npz").facts.sha256 != one
    assert prepared("a.csv", target="kind").facts.sha256 != one


def test_semicolons_and_byte_order_marks_are_read(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_text("a.csv", "\ufeffx;y\n" + "".join(f"{n};{n / 2 + 0.25}\n" for n in range(20)))
    facts = prepared("a.csv", target="y").facts
    assert (facts.features, facts.task) == (("x",), Task.REGRESSION)


def test_several_targets_bools_and_dropped_columns(
    write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    lines = "".join(f"{n},{n % 3 == 0},{int(n % 2 == 0)},{int(n % 5 < 3)},id{n}\n" for n in range(30))
    write_text("a.csv", "n,third,even,low,name\n" + lines)
    result = prepared("a.csv", target=["even", "low"], drop=["name"], scale="none")
    assert (result.facts.task, result.facts.classes) == (Task.MULTILABEL, ("even", "low"))
    assert result.facts.features == ("n", "third")
    train = result.splits[0].train
    assert train.x[:, 1].tolist() == (train.x[:, 0] % 3 == 0).tolist()
    assert result.facts.class_counts == tuple(train.y.sum(axis=0).astype(int))
    third = prepared("a.csv", target="third", drop=["name"], scale="none")
    assert third.facts.classes == ("False", "True")
    train = third.splits[0].train
    assert train.y[:, 0].tolist() == (train.x[:, 0] % 3 == 0).tolist()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "the file is empty"),
        ("x,y\n", {}, "has none below the header row"),
        ("x,y\n1,2\n", {"target": None}, "needs `target`.* x, y"),
        ("x,price\n1,2\n", {"target": "prise"}, "no 'prise'. Did you mean 'price'.* x, price"),
        ("x,y\n1,2\n", {"drop": ["z"]}, "dropped column .* no 'z'"),
        ("x,y\n1,2\n", {"weight": "w"}, "weight column .* no 'w'"),
        ("1.5,2\n1,2\n", {}, "must name the columns, but .* holds numbers"),
        ("x,x,y\n1,1,2\n", {}, r"own name, but 'x' occurs"),
        ("x,y\n1,2,3\n4,5\n", {}, "cannot be read"),
        ('x,y\n1,"2\n', {}, "cannot be read"),
        ("x,y\nred,1\nblue,2\n", {}, "'x' holds text such as 'red'.*`text` to one_hot"),
        ("x,y\n1,1\n?,2\n3,4\n", {}, r"'x' holds 1 cell that is not, the first '\?' in row 2"),
        ("x,y\n1,1\n,2\n,4\n", {}, r"missing in x \(2\).*`missing` to mean"),
        ("x,y\n1,1\n2,\n3,4\n", {}, "'y' lacks 1, the first in row 2"),
        ("x,y\n1,a\n2,\n3,b\n", {}, "'y' lacks 1, the first in row 2"),
        ("x,y\n1,1\ninf,2\n3,4\n", {}, "1 value is not, most of them in column 'x'"),
        ("x,y\n1,1\n2,inf\n3,4\n", {}, "must be finite numbers in each row, but 1 value is not, the first in row 2"),
        ("x,y,w\n1,1,1\n2,2,-1\n3,4,1\n", {"weight": "w"}, "0 or more in each row, but 1 value is not"),
        ("x,y,w\n1,1,1\n2,2,\n3,4,1\n", {"weight": "w"}, "weight .* row 2"),
        ("x,y,w\n1,1,0\n2,2,0\n3,4,0\n", {"weight": "w"}, "weight must be above 0, but all are 0"),
        ("x,y,w\n1,1,a\n2,2,b\n", {"weight": "w"}, "weight must hold numbers"),
        ("y\n1\n2\n3\n", {}, "at least one feature"),
        ("x,y\n1,5.5\n2,5.5\n3,5.5\n", {}, "must vary, but 'y' is 5.5 in all 3 rows"),
    ],
)
def test_tables_that_cannot_be_used(
    text: str,
    options: dict[str, Any],
    words: str,
    write_text: Callable[..., object],
    prepared: Callable[..., PreparedData],
) -> None:
    write_text("bad.csv", text)
    with pytest.raises(DataError, match=words) as caught:
        prepared("bad.csv", **{"target": "y", **options})
    assert "bad.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["bad.csv", "bad.csv.gz", "bad.parquet", "bad.npz"])
@pytest.mark.parametrize("content", [b"\x00\x01\xff\xfe" * 50, b"\xff\xfe\x41,b\n1,2\n", b"PK\x03\x04 not a zip", b""])
def test_garbage_is_an_error_of_ours(
    name: str, content: bytes, tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        prepared(name, **({} if name.endswith("npz") else {"target": "y"}))


def test_a_cut_gzip_file_is_an_error_of_ours(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    lines = "".join(f"{n},{n * n % 97}\n" for n in range(5000))
    packed = gzip.compress(f"x,y\n{lines}".encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut.csv.gz"):
        prepared("cut.csv.gz", target="y")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.date_range("2024-01-01", periods=20), "'x' holds datetime64"),
        ([[1, 2]] * 20, "'x' mixes kinds or holds others, such as array"),
    ],
)
def test_columns_of_other_kinds_are_refused(
    column: Any, words: str, tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    pd.DataFrame({"x": column, "y": range(20)}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=words):
        prepared("a.parquet", target="y")


def test_pandas_own_dtypes_are_numbers(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    from decimal import Decimal

    table = pd.DataFrame(
        {
            "whole": pd.array([*range(18), None, None], "Int64"),
            "yes": pd.array([True, False] * 10, "boolean"),
            "exact": [Decimal(n) / 4 for n in range(20)],
            "y": pd.Categorical(["a", "b"] * 10),
        }
    )
    table.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"missing in whole \(2\)"):
        prepared("a.parquet", target="y")
    result = prepared("a.parquet", target="y", missing="mean", scale="none")
    assert result.facts.features == ("whole", "yes", "exact")
    assert result.facts.classes == ("a", "b")
    assert any("2 missing numbers are replaced by the mean" in note for note in result.facts.notes)
    assert np.isfinite(result.splits[0].train.x).all()


def test_missing_file_names_the_nearest(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "data").mkdir()
    write(frame(), tmp_path / "data" / "train.csv")
    with pytest.raises(DataError, match=r"no 'data/trian.csv' .* Did you mean 'data/train.csv'"):
        prepared("data/trian.csv", target="kind")
    absolute = str(tmp_path / "data" / "train.csv")
    assert prepare(DataOptions(source=absolute, target="kind"), Path("/"), 0).facts.outputs == 1
