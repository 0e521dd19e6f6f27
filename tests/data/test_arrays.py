"""NumPy archives and functions of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.data import PreparedData
from tuner.data.raw_data import from_arrays
from tuner.errors import ContentError, DataError


def test_an_archive_keeps_the_shape_of_its_rows(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (30, 4, 5, 3)).astype(np.uint8)
    write_npz(x=x, y=np.arange(30) % 3, weight=np.arange(30) + 1.0)
    result = prepared("data.npz", scale="none", test=0)
    train = result.splits[0].train
    assert result.facts.input_shape == (4, 5, 3)
    assert result.facts.class_counts == (8, 8, 8)
    assert train.weight is not None
    rows = train.weight.astype(int) - 1
    np.testing.assert_array_equal(train.x, x[rows])
    assert train.y.argmax(axis=1).tolist() == (rows % 3).tolist()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": [1]}, "arrays x and y, but data.npz holds a"),
        ({"x": np.array([{}], dtype=object), "y": [1]}, "without pickled objects"),
        ({"x": [[1.0]] * 3, "y": [1, 2]}, "x has 3 rows, y has 2 rows"),
        ({"x": [[1.0]] * 3, "y": [1, 2, 3], "weight": [1.0]}, "weight has 1 row "),
        ({"x": [[1.0]] * 3, "y": [1, 2, 3], "weight": [[1.0, 1.0]] * 3}, r"\(rows,\), but got \(3, 2\)"),
        ({"x": np.zeros((3, 1), complex), "y": [1, 2, 3]}, "x must hold numbers"),
        ({"x": [["a"]] * 3, "y": [1, 2, 3]}, "x must hold numbers"),
        ({"x": [[1.0]] * 3, "y": [1, np.nan, 3]}, "y lacks 1, the first in row 2"),
        ({"x": [[1.0], [np.inf], [2.0]], "y": [1, 2, 3]}, "1 value is not, most of them in column 0"),
        ({"x": [[1.0], [1e300], [2.0]], "y": [1, 2, 3]}, "fit float32"),
        ({"x": np.zeros((0, 2)), "y": []}, "must have rows"),
        ({"x": 1.0, "y": [1]}, r"got \(\) and \(1,\)"),
        ({"x": [[1.0]] * 2, "y": np.zeros((2, 2, 2))}, r"\(2, 2, 2\)"),
    ],
)
def test_archives_that_cannot_be_used(
    arrays: dict[str, Any], words: str, write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_npz(**arrays)
    with pytest.raises(DataError, match=words) as caught:
        prepared("data.npz")
    assert "data.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((4, 5, 3), r"has 60, in the shape \[4, 5, 3\]\. Leave it out or write another one that holds 60\.$"),
        ((64,), r"has 64\. Write shape = \[8, 8, 1\], leave it out or write another one that holds 64\.$"),
        ((75,), r"has 75\. Write shape = \[5, 5, 3\], leave it out or"),
        ((6,), r"has 6\. Leave it out or write another one that holds 6\.$"),
    ],
)
def test_a_shape_that_the_rows_do_not_fill(
    rows: tuple[int, ...], words: str, write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_npz(x=np.random.default_rng(0).normal(size=(30, *rows)), y=np.arange(30) % 3)
    with pytest.raises(DataError, match=rf"but \[16, 16\] holds 256 and a row of data\.npz {words}"):
        prepared("data.npz", shape=[16, 16])


def test_a_single_array_is_no_archive(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    with (tmp_path / "data.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"not a zip file.*numpy.savez"):
        prepared("data.npz")


def test_masked_values_are_missing_ones() -> None:
    raw = from_arrays("here", np.ma.masked_greater(np.arange(4.0), 2), [1, 2, 3, 4])
    assert np.isnan(raw.x[:, 0]).tolist() == [False, False, False, True]


def function(body: str) -> str:
    return "import numpy as np\nimport pandas as pd\n\n\ndef load():\n" + "".join(
        f"    {line}\n" for line in body.split("\n")
    )


def test_a_function_gives_arrays(write_text: Callable[..., object], prepared: Callable[..., PreparedData]) -> None:
    write_text("mine.py", function("return np.arange(40.0).reshape(20, 2), np.arange(20) % 2, np.arange(20) + 1.0"))
    result = prepared("mine.py", scale="none")
    assert result.facts.task is Task.BINARY
    train = result.splits[0].train
    assert train.weight is not None
    assert (train.x[:, 0] / 2 + 1).tolist() == train.weight.tolist()
    assert prepared("mine.py:load", scale="none").facts == result.facts


def test_a_function_gives_pandas(write_text: Callable[..., object], prepared: Callable[..., PreparedData]) -> None:
    body = (
        'x = pd.DataFrame({"n": range(20), "kind": ["a", "b"] * 10})\nreturn x, pd.Series(["u", "v"] * 10, name="out")'
    )
    write_text("mine.py", function(body))
    with pytest.raises(DataError, match="'kind' holds text such as 'a'"):
        prepared("mine.py")
    facts = prepared("mine.py", text="one_hot").facts
    assert (facts.features, facts.classes) == (("n", "kind=a", "kind=b"), ("u", "v"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1", "must return .* but returned a int"),
        ("return (1,)", "a tuple of 1"),
        ("raise KeyError('lost')", r"mine.py:load must return the data, but fails .line 6.: KeyError: 'lost'"),
        ("return [[1], [1, 2]], [1, 2]", "array of regular shape, but got list"),
        ("return np.zeros((3, 2)), [[1], [1, 2], [3]]", "y must hold numbers"),
        ('return pd.DataFrame({"a": [1, "x"]}), [1, 2]', "'a' mixes kinds"),
        ('return pd.DataFrame({"a": [1, 2]}), pd.Series([1, None])', "lacks 1, the first in row 2"),
    ],
)
def test_functions_that_give_something_else(
    body: str, words: str, write_text: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_text("mine.py", function(body))
    with pytest.raises(DataError, match=words):
        prepared("mine.py")


def test_a_function_must_be_in_the_project(prepared: Callable[..., PreparedData], tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="stay in the project"):
        prepared("../mine.py:load")
    with pytest.raises(ContentError, match="no file 'mine.py'"):
        prepared("mine.py")
