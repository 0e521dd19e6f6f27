"""Rows of a Python session as a file that a study can name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuner.data import DataOptions, PreparedData, array_file, prepare
from tuner.errors import DataError

ROWS = 60
X = np.random.default_rng(0).normal(size=(ROWS, 3))
Y = np.arange(ROWS) % 2
TEXTS = np.where(Y, "yes", "no")


def read(given: Any, folder: Path, **options: Any) -> PreparedData:
    """Write the rows, and read them as a study does."""
    file = array_file(given, "data", [value for value in options.values() if isinstance(value, str)])
    file.write(folder / f"rows{file.suffix}")
    return prepare(DataOptions(**{"source": f"rows{file.suffix}", "test": 0.0, **file.options, **options}), folder, 0)


@pytest.mark.parametrize(
    ("given", "task", "shape"),
    [
        ((X, Y), "binary", (3,)),
        ((X.tolist(), Y.tolist()), "binary", (3,)),
        ((X.astype("float32"), X[:, 0]), "regression", (3,)),
        ((X.reshape(ROWS, 3, 1), TEXTS), "binary", (3, 1)),
        ((X, TEXTS.astype(object)), "binary", (3,)),
        ((X, Y > 0), "binary", (3,)),
        ((X, pd.Series(TEXTS, dtype="category")), "binary", (3,)),
        ((X, np.eye(3)[np.arange(ROWS) % 3]), "multiclass", (3,)),
        ((X, pd.DataFrame({"a": Y, "b": 1 - Y, "c": Y})), "multilabel", (3,)),
        ({"x": X, "y": Y}, "binary", (3,)),
        ((pd.DataFrame(X), Y), "binary", (3,)),
        ((pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(TEXTS, name="answer")), "binary", (3,)),
        ((pd.Series(X[:, 0], name="a"), TEXTS.tolist()), "binary", (1,)),
        ((pd.DataFrame(X), np.stack([Y, 1 - Y, Y], axis=1)), "multilabel", (3,)),
        ((np.ma.masked_array(X, mask=X > 100), Y), "binary", (3,)),
    ],
)
def test_rows_are_read_as_they_were_given(given: Any, task: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    facts = read(given, tmp_path).facts
    assert (facts.task, facts.input_shape) == (task, shape)


def test_an_array_and_a_table_of_it_are_the_same_rows(tmp_path: Path) -> None:
    arrays, table = read((X, Y), tmp_path).facts, read((pd.DataFrame(X), Y), tmp_path).facts
    assert arrays.sha256 == table.sha256


def test_weights_and_groups_go_along(tmp_path: Path) -> None:
    weight, patient = np.arange(ROWS) + 1.0, [f"p{row // 3}" for row in range(ROWS)]
    for x in (X, pd.DataFrame(X)):
        prepared = read({"x": x, "y": Y, "weight": weight, "patient": patient}, tmp_path, group="patient")
        (split,) = prepared.splits
        assert split.train.weight is not None
        rows = [set((part.weight.astype(int) - 1) // 3) for part in (split.train, split.validation)]
        assert not rows[0] & rows[1]


def test_a_table_alone_names_its_target(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": X[:, 0], "kind": TEXTS, "price": X[:, 1]}, index=range(7, 7 + ROWS))
    facts = read(table, tmp_path, target="price", text="one_hot").facts
    assert (facts.task, facts.input_shape) == ("regression", (3,))


SHUFFLED = pd.Series(Y, index=range(ROWS - 1, -1, -1), name="y")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([X, Y], "Rows must be .* but data is a list of 2"),
        ((X,), "data is a tuple of 1"),
        ({"x": X, "z": Y}, r"data is a dict with \['x', 'z'\]"),
        ((X, Y[:-1]), "x has 60 rows, y has 59 rows"),
        ((pd.DataFrame(X), Y[:-1]), "x has 60 rows, y has 59 rows"),
        (({"a": X, "b": X}, Y), r"one input, but x of data is a dict of \['a', 'b'\]"),
        ((X, [{}] * ROWS), "y must hold numbers"),
        (([["a"], [1.0]] * 30, Y), "x must hold numbers"),
        (([[1.0], [1.0, 2.0]] * 30, Y), "x must hold numbers"),
        ((X.astype(complex), Y), "x must hold numbers"),
        ((pd.DataFrame(X), SHUFFLED), "x and y must have the same index, but row 1 is 0 in x and 59 in y"),
        (
            (pd.DataFrame({"a": X[:, 0], "y": Y}), pd.Series(Y, name="y")),
            r"A column of y must not be a feature as well, but 'y' .*x.drop\(columns='y'\)",
        ),
        ((pd.DataFrame(X, columns=["a", "a", "b"]), Y), r"but 'a' occurs more than once in data\. Rename"),
        ((pd.DataFrame(X[:, [0, 0, 1, 1]], columns=[*"abba"]), Y), "but 'a', 'b' occur more than once in data"),
        ((pd.DataFrame(X), np.zeros((ROWS, 2, 2))), r"\(rows, targets\), but got \(60, 2, 2\)"),
        (X, "data is a ndarray"),
        ({"x": X, "y": Y, "weights": Y}, "the array 'weights' is used by nothing; did you mean weight[?]"),
        ({"x": X, "y": Y, "sample_weight": Y}, "the array 'sample_weight' is used by nothing; did you mean weight[?]"),
        ({"x": X, "y": Y, "weight": Y, "weights": Y}, r"'weights' is used by nothing\. Leave it out"),
        ({"x": X, "y": Y, "x_val": X}, r"{'source': \(x, y\), 'validation': \(validation_x, validation_y\)}"),
        ({"x": X, "y": Y, "test": X}, r"{'source': \(x, y\), 'test': \(test_x, test_y\)}"),
        ({"x": X, "y": Y, "X": X}, r"the array 'X' is used by nothing\. Leave it out"),
        ({"x": X, "y": Y, "who": Y}, r"'who' is used by nothing.* as group.*'y': ..., 'who': ...}, 'group': 'who'}"),
        ({"x": pd.DataFrame(X), "y": Y, "who": Y}, "the array 'who' is used by nothing"),
        ({"x": None, "y": Y}, "Rows must have x and y, but x of data is None"),
        ((pd.DataFrame(X), None), "but y of data is None"),
    ],
)
def test_what_no_study_can_read_is_refused(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        array_file(given, "data")


def test_a_column_that_parquet_cannot_hold_is_named(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": X[:, 0], "odd": [1, "one"] * (ROWS // 2)})
    with pytest.raises(DataError, match="'odd' mixes kinds"):
        array_file((table, Y), "data").write(tmp_path / "rows.parquet")


class Dataset:
    """What is asked of a `tf.data.Dataset`, without TensorFlow."""

    def __init__(self, elements: list[Any], spec: tuple[Any, ...], cardinality: int = 0) -> None:
        self.elements, self.cardinality = elements, lambda: cardinality
        self.element_spec = tuple(SimpleNamespace(shape=shape) for shape in spec)

    def as_numpy_iterator(self) -> Iterator[Any]:
        return iter([element() if callable(element) else element for element in self.elements])


Dataset.__module__ = "tensorflow.data"


@pytest.mark.parametrize(
    ("elements", "spec"),
    [
        ([(X[:40], Y[:40]), (X[40:], Y[40:])], ((None, 3), (None,))),
        ([*zip(X, Y, strict=True)], ((3,), ())),
        ([*zip(X, np.eye(2)[Y], strict=True)], ((3,), (2,))),
    ],
)
def test_batches_and_rows_of_a_data_set_are_the_arrays(elements: list[Any], spec: Any, tmp_path: Path) -> None:
    assert read(Dataset(elements, spec), tmp_path).facts.rows == read((X, Y), tmp_path).facts.rows
    np.testing.assert_array_equal(array_file(Dataset(elements, spec), "data").rows["x"], X)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (Dataset([], ((None, 3), (None,)), -1), r"repeats forever. Leave out repeat\(\)"),
        (Dataset([], ((None, 3), (None,))), "must have rows"),
        (Dataset([], ((None, 3),)), r"must give \(x, y\)"),
        (Dataset([], ((3,), (3,))), r"both have the shape \(3,\). Add batch"),
        (Dataset([lambda: (np.random.default_rng().normal(size=(9, 3)), Y[:9])], ((None, 3), (None,))), "second time"),
        (Dataset([(X[0], 1), (X[0, :2], 0)], ((None,), ())), "must have one shape"),
    ],
)
def test_data_sets_that_are_no_fixed_rows_are_refused(dataset: Dataset, words: str) -> None:
    with pytest.raises(DataError, match=words):
        array_file(dataset, "data")


@pytest.mark.slow
def test_a_data_set_of_tensorflow(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    for each in (dataset, dataset.batch(16), dataset.batch(20, drop_remainder=True).cache()):
        np.testing.assert_array_equal(array_file(each, "data").rows["x"], X)
    with pytest.raises(DataError, match="shuffle"):
        array_file(dataset.shuffle(ROWS), "data")


@pytest.mark.parametrize(
    ("key", "value"), [("text", "one_hot"), ("drop", ["a"]), ("group", "a"), ("columns", {"a": "date"})]
)
def test_a_key_of_the_section_beside_the_rows_is_named(key: str, value: Any) -> None:
    """It was taken for one more column, and y was said to have the shape ()."""
    rows = {"x": pd.DataFrame({"a": ["p", "q"]}), "y": pd.Series([0, 1])}
    with pytest.raises(DataError) as caught:
        array_file({**rows, key: value}, "`data`")
    assert f"but {key!r} of `data` is" in str(caught.value)
    assert f"give the rows as its source: {{'source': {{'x': ..., 'y': ...}}, {key!r}: " in str(caught.value)
