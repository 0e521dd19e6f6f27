"""How tables of text are written: quotes, blanks between the cells, no line of names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from tuner.data import DataOptions, PreparedData, encode_rows, held_out, open_table
from tuner.data.csv_options import CsvOptions
from tuner.data.sources.csv_format import HEAD_BYTES, find_format, guess_format
from tuner.data.sources.tabular import read_frame
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


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_parts_are_small_where_rows_become_many_numbers(suffix: str, tmp_path: Path) -> None:
    frame = pandas.DataFrame({"text": ["a b"] * 250})
    frame.to_csv(tmp_path / "a.csv", index=False) if suffix == "csv" else frame.to_parquet(tmp_path / "a.parquet")
    for encoded, most in ((20_000, 100), (0, 250)):
        sizes = [len(part) for part in open_table(f"a.{suffix}", tmp_path).parts([], ["text"], [], encoded)]
        assert (max(sizes), sum(sizes)) == (most, 250)


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
    assert open_table("a.csv", tmp_path, CsvOptions(header=False)).names == ("1", "2", "3")


def table(head: str, between: str = ",", named: bool = False) -> str:
    """A table whose rows may begin with their names."""
    names = [f'"{n + 1}"' if named else "" for n in range(ROWS)]
    rows = [[name, str(n), str(n * n % 7), "xy"[n % 2]] for n, name in enumerate(names)]
    return f"{head}\n" + "".join(between.join(filter(None, row)) + "\n" for row in rows)


@pytest.mark.parametrize(("head", "between"), [('"a","b","y"', ","), ('"a" "b" "y"', " ")])
def test_row_names_of_r_are_no_column(
    head: str, between: str, write_text: Callable[..., Path], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    write_text("r.csv", table(head, between, named=True))
    facts = prepared("r.csv", target="y").facts
    assert facts.features == ("a", "b")
    assert any("left out as the index of the table" in note for note in facts.notes)
    assert next(open_table("r.csv", tmp_path).parts(["b"], [], []))["b"].tolist() == [n * n % 7 for n in range(ROWS)]


def test_a_separator_at_the_end_of_rows_is_no_row_name(
    write_text: Callable[..., Path], prepared: Callable[..., PreparedData]
) -> None:
    write_text("a.csv", table("a,b,y").replace("\n", ",\n").replace("y,\n", "y\n", 1))
    assert prepared("a.csv", target="y").facts.features == ("a", "b")


def test_a_title_above_the_names_is_said(
    write_text: Callable[..., Path], prepared: Callable[..., PreparedData]
) -> None:
    write_text("a.csv", "My table\n" + table("a,b,y"))
    with pytest.raises(DataError, match=r"has 1 cell \('My table'\), and the next ones have 3"):
        prepared("a.csv", target="y")


@pytest.mark.parametrize("above", ["# made in 2026\n# cm, kg\n", "\ufeff# one, two, three, four\n", "# a,b,y\n"])
def test_comments_are_skipped_if_the_study_says_so(
    above: str, write_text: Callable[..., Path], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    content = table("a,b,y").replace("\n5,", "\n # half of it\n5,") + "# end\n"
    write_text("a.csv", above + content)
    with pytest.raises(DataError, match='write comment = "#"'):
        prepared("a.csv", target="y")
    options = DataOptions(source="a.csv", target="y", comment="#", test=0.0)
    held = held_out(options, tmp_path, 0)
    assert len(held.train) == ROWS
    given = held.preprocessing
    assert given is not None
    given = type(given).from_json(given.to_json())
    np.testing.assert_array_equal(encode_rows(tmp_path / "a.csv", given, held.sample.shape[1:]), held.sample)
    (part,) = open_table("a.csv", tmp_path, given.csv_options).parts(["a"], ["y"], [])
    assert part["a"].tolist() == list(range(ROWS))


def test_a_number_sign_in_a_name_or_between_quotes_is_no_comment(
    write_text: Callable[..., Path], prepared: Callable[..., PreparedData], tmp_path: Path
) -> None:
    write_text("a.csv", table("#a,b,y"))
    assert prepared("a.csv", target="y").facts.features == ("#a", "b")
    write_text("b.csv", '# note\na,y\n1,"two\n#lines"\n2,"C#"\n')
    (part,) = open_table("b.csv", tmp_path, CsvOptions(comment="#")).parts(["a"], ["y"], [])
    assert part["y"].tolist() == ["two\n#lines", "C#"]


@pytest.mark.parametrize(("head", "named"), [('"a","b","y"', True), ("a,b,y", False), ("y", False)])
def test_a_cell_longer_than_csv_takes_is_read(head: str, named: bool, write_text: Callable[..., Path]) -> None:
    long = "x" * 140_000
    rows = [[*([f"r{n}"] if named else []), *([str(n), "2"] if "," in head else [])] for n in range(3)]
    path = write_text("a.csv", f"{head}\n" + "".join(",".join([*row, f'"{long}"']) + "\n" for row in rows[:1]))
    with path.open("a") as file:
        file.writelines(",".join([*row, '"x"']) + "\n" for row in rows[1:])
    frame = read_frame("a.csv", path.parent)
    assert frame["y"].tolist() == [long, "x", "x"]
    assert find_format(path.read_bytes(), "a.csv").row_names == named


@pytest.mark.parametrize("content", ['a,"y\n', 'a,y\n1,2\n3,"4\n'])
@pytest.mark.parametrize("rows", [3, 30_000])
def test_a_quote_that_never_ends_is_said(content: str, rows: int, write_text: Callable[..., Path]) -> None:
    path = write_text("a.csv", content + "1,2\n" * rows * 2)
    with pytest.raises(DataError, match=r"a\.csv must .* Check the "):
        read_frame("a.csv", path.parent)


def test_row_names_of_a_table_whose_head_ends_in_a_row() -> None:
    columns = HEAD_BYTES // 20
    head = ",".join(f'"v{n}"' for n in range(columns))
    row = '"1",' + ",".join(["1.25"] * columns)
    content = "\n".join([head, *[row] * 5]).encode()
    assert len(content) > HEAD_BYTES > len(head) + len(row)
    assert find_format(content[:HEAD_BYTES], "r.csv").row_names


@pytest.mark.parametrize(
    ("head", "rows", "expected"),
    [
        ("size,y", ['5" pipe,1', "# note", "6,2"], ['5" pipe', "6"]),
        ("size,y", ['5",1', '"two\n# lines""",2', "# note", "7,3"], ['5"', 'two\n# lines"', "7"]),
        ("'size';'y'", ["'two\n# lines';1", "it's;2", "# note", '"7;3'], ["two\n# lines", "it's", '"7']),
        ("size y", ['"two\n# lines" 1', '5" 2', "# note", "7 3"], ["two\n# lines", '5"', "7"]),
    ],
)
def test_a_quote_inside_a_cell_ends_no_skipping_of_comments(
    head: str, rows: list[str], expected: list[str], write_text: Callable[..., Path]
) -> None:
    path = write_text("a.csv", "\n".join(["# it's 5\" wide", head, *rows]) + "\n")
    csv_options = CsvOptions(comment="#")
    (part,) = open_table("a.csv", path.parent, csv_options).parts(["y"], ["size"], [])
    assert part["size"].tolist() == expected
    assert read_frame("a.csv", path.parent, csv_options=csv_options)["size"].tolist() == expected
