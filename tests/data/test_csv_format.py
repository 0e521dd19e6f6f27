"""How tables of text are written: quotes, blanks between the cells, no line of names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from tuner.data import DataOptions, PreparedData, encode_rows, held_out, open_table
from tuner.data.sources.csv_format import guess_format
from tuner.errors import DataError

ROWS = 30


@pytest.mark.parametrize(
    ("text", "separator", "quote", "names"),
    [
        ("a,b\n1,2\n", ",", '"', ("a", "b")),
        ("'a'\t'b, c'\n1\t2\n", "\t", "'", ("a", "b, c")),
        ("'a' 'b c'\n1 2.5\n", r"\s+", "'", ("a", "b c")),
        ("a   b\n 1   2\n", r"\s+", '"', ("a", "b")),
        ('"a b" c\n1 2\n', r"\s+", '"', ("a b", "c")),
        ("it's,b\n1,2\n", ",", '"', ("it's", "b")),
        ("first name\nNew York\n", ",", '"', ("first name",)),
        ("a b;c\n1;2\n", ";", '"', ("a b", "c")),
    ],
)
def test_separator_and_quotes(text: str, separator: str, quote: str, names: tuple[str, ...]) -> None:
    found = guess_format(text.encode(), "a.csv")
    assert (found.separator, found.quote, found.names) == (separator, quote, names)


@pytest.mark.parametrize(
    ("head", "between"), [("'a'\t'b'\t'y'", "\t"), ("'a' 'b' 'y'", " "), ("a b   y", "   "), ("'a','b','y'", ",")]
)
def test_the_rows_are_those_of_a_plain_table(
    head: str, between: str, write_text: Callable[..., Path], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    rows = [[str(n), str(n * n % 7), f"{n}.5"] for n in range(ROWS)]
    write_text("a.csv", "\n".join(["a,b,y", *map(",".join, rows)]) + "\n")
    write_text("b.csv", "\n".join([head, *map(between.join, rows)]) + "\n")
    one, two = (prepared(name, target="y") for name in ("a.csv", "b.csv"))
    assert one.facts.features == two.facts.features == ("a", "b")
    np.testing.assert_array_equal(one.splits[0].train.x, two.splits[0].train.x)
    parts = open_table("b.csv", tmp_path).parts(["a", "b"], [], [])
    assert next(parts)["b"].tolist() == [n * n % 7 for n in range(ROWS)]


def test_a_table_without_names(
    write_text: Callable[..., Path], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    write_text("a.csv", "".join(f"{n},{'xy'[n % 2]},{n}.5\n" for n in range(ROWS)))
    write_text("n.csv", "".join(f"{n},{n % 2},{n}.5\n" for n in range(ROWS)))
    with pytest.raises(DataError, match="set header = false in .data.: the columns are then called 1 to 3"):
        prepared("n.csv", target="y")
    options = DataOptions(source="a.csv", header=False, target="3", text="one_hot", test=0.0)
    held = held_out(options, tmp_path, 0)
    assert len(held.train) == ROWS
    given = held.preprocessing
    assert given is not None
    assert given.features == ("1", "2=x", "2=y")
    shape = held.sample.shape[1:]
    np.testing.assert_array_equal(encode_rows(tmp_path / "a.csv", given, shape), held.sample)
    frame = pandas.DataFrame({"1": range(ROWS), "2": ["x", "y"] * (ROWS // 2)})
    np.testing.assert_array_equal(encode_rows(frame, given, shape), held.sample)
    assert open_table("a.csv", tmp_path, header=False).names == ("1", "2", "3")
