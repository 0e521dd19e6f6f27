"""Tables whose numbers have a comma for a point, as spreadsheets of many countries write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.data import DataOptions, encode_rows, has_decimal_comma, open_table, prepare, profile_table
from tuner.data.csv_layout import CsvLayout
from tuner.data.sources.csv_format import guess_format, has_decimal_commas
from tuner.errors import DataError, StudyFileError
from tuner.study import read_study_dict

ROWS = 40


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A table with commas, one with points of the same numbers, and one with a mark for a missing cell."""
    rows = [(n + 0.5, n % 7 + 0.25, 3 * n + 0.125) for n in range(ROWS)]
    points = "".join(f"{a};{b};{y}\n" for a, b, y in rows)
    (tmp_path / "points.csv").write_text(f"a;b;y\n{points}", encoding="utf-8")
    (tmp_path / "commas.csv").write_text(f"a;b;y\n{points.replace('.', ',')}", encoding="utf-8")
    (tmp_path / "marked.csv").write_text(f"a;b;y\n{points.replace('.', ',')}1,5;?;2,5\n", encoding="utf-8")
    return tmp_path


def options(name: str, **more: object) -> DataOptions:
    return DataOptions(source=f"{name}.csv", target="y", task="regression", **more)


def test_they_are_the_numbers_of_a_table_with_points(project: Path) -> None:
    one = prepare(options("points"), project, 0)
    two = prepare(options("commas", decimal=","), project, 0)
    assert one.facts.sha256 == two.facts.sha256
    np.testing.assert_array_equal(one.splits[0].train.y, two.splits[0].train.y)
    marked = prepare(options("marked", decimal=",", missing_values=("?",), missing="median"), project, 0)
    assert marked.facts.features == ("a", "b")


def test_new_rows_are_read_alike_and_a_point_is_no_number(project: Path) -> None:
    fitted = prepare(options("commas", decimal=","), project, 0).splits[0].preprocessing
    assert fitted is not None
    read = type(fitted).from_json(fitted.to_json())
    assert read.layout == CsvLayout(decimal=",")
    with pytest.raises(ValueError, match="decimal"):
        type(fitted).from_json({**fitted.to_json(), "decimal": ";"})
    (part,) = open_table("commas.csv", project, read.layout).parts(["a", "b"], [], [])
    assert part["a"].tolist() == [n + 0.5 for n in range(ROWS)]
    (project / "new.csv").write_text("b;a\n1,5;2,5\n0,5;1.234\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"Column 'a' must hold numbers.*row 2 holds '1\.234'"):
        encode_rows(str(project / "new.csv"), read, (2,))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a;b\n1,5;2\n2,5;3\n", True),
        ("a\tb\n1,5\tx\n,5\ty\n", True),
        ("a;b\n1,5;2.5\n2,5;3.5\n", False),
        ("a;b\n1.5;2\n2.5;3\n", False),
        ("a;b\n1;x, y\n2;y, z\n", False),
        ("a;b\n1,5;01.02.2023\n2,5;02.02.2023\n", True),
        ("a,b\n1,5\n2,5\n", False),
    ],
)
def test_the_first_rows_tell_the_decimal_mark(text: str, found: bool) -> None:
    assert has_decimal_commas(text.encode(), guess_format(text.encode(), "a.csv")) is found


def test_a_number_has_one_comma_and_no_point() -> None:
    assert [has_decimal_comma(text) for text in ("1,5", "-,5e3", "1", "1.234,5", "1,234,5", "a,b")] == [
        *(True, True),
        *(False,) * 4,
    ]


def test_a_new_study_says_so_and_another_one_is_told(project: Path) -> None:
    assert profile_table("marked.csv", project, "y").layout.decimal == ","
    (column,) = [each for each in profile_table("marked.csv", project, "y").columns if each.name == "b"]
    assert column.markers == ("?",)
    study = {"name": "a", "model": "models/mlp.py", "search": {"learning_rate": [0.1, 0.2]}}
    with pytest.raises(StudyFileError) as caught:
        read_study_dict({**study, "data": {"source": "commas.csv", "target": "y"}}, project)
    (problem,) = caught.value.problems
    assert problem.key == "data.decimal"
    assert "'a' ('0,5', '1,5', '2,5')" in problem.rule
    assert problem.next_step == 'Write decimal = ","'
