"""Tables whose numbers have a comma for a point, as spreadsheets of many countries write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from tuner.data import Commas, DataOptions, encode_rows, open_table, prepare, profile_table
from tuner.data.cells import classify_commas, has_decimal_comma
from tuner.data.csv_options import CsvOptions
from tuner.data.sources.csv_format import guess_format, has_decimal_commas
from tuner.errors import DataError, Problem, StudyFileError
from tuner.study import new_project, read_study, read_study_dict

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
    assert read.csv_options == CsvOptions(decimal=",")
    with pytest.raises(ValueError, match="decimal"):
        type(fitted).from_json({**fitted.to_json(), "decimal": ";"})
    (part,) = open_table("commas.csv", project, read.csv_options).parts(["a", "b"], [], [])
    assert part["a"].tolist() == [n + 0.5 for n in range(ROWS)]
    frame = pandas.read_csv(project / "commas.csv", sep=";")
    with pytest.raises(DataError, match=r"row 1 holds '0,5'\. Read the file with decimal=\",\", or give its path\."):
        encode_rows(frame, read, (2,))
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
        ("a\tb\n51,494\t75\n6,306\t80\n", False),
        ("a\tb\n51,494\t75\n6,306\t80,5\n", False),
        ("a\tb\n51,494\t7,5\n6,306\t8,5\n", True),
        ("a;b\n0,125;2\n12,250;3\n", True),
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
    assert profile_table("marked.csv", project, "y").csv_options.decimal == ","
    (column,) = [each for each in profile_table("marked.csv", project, "y").columns if each.name == "b"]
    assert column.markers == ("?",)
    (problem,) = problems(project, "commas.csv")
    assert problem.key == "data.decimal"
    assert "'a' ('0,5', '1,5', '2,5')" in problem.rule
    assert problem.next_step == 'Write decimal = ","'


def problems(project: Path, source: str) -> list[Problem]:
    """What `check` says of a study of this table."""
    study = {"name": "a", "model": "models/mlp.py", "search": {"learning_rate": [0.1, 0.2]}}
    with pytest.raises(StudyFileError) as caught:
        read_study_dict({**study, "data": {"source": source, "target": "y"}}, project)
    return caught.value.problems


@pytest.mark.parametrize(
    ("words", "commas"),
    [
        (["51,494", "6,306", "75"], Commas.EITHER),
        (["-51,494", "NA", "?"], None),
        (["-51,494", "6,306", "NA", "?"], Commas.EITHER),
        (["51,494", "0,306"], Commas.DECIMALS),
        (["1,5", "2"], Commas.DECIMALS),
        (["51,494", "1,306,000"], Commas.THOUSANDS),
        (["51,494", "75.5"], Commas.THOUSANDS),
        (["51,494.25", "75"], Commas.THOUSANDS),
        (["1,5", "2.5"], None),
        (["75", "80"], None),
        (["Rome, Italy", "a,b"], None),
    ],
)
def test_the_numbers_of_a_column_tell_what_their_commas_separate(words: list[str], commas: Commas | None) -> None:
    assert classify_commas(words) is commas


def test_commas_that_may_be_either_are_told_with_both_readings(tmp_path: Path) -> None:
    rows = "".join(f'"{n + 1},{n * 37 % 900 + 100}","{75 + n}",{n + 0.5}\n' for n in range(ROWS))
    (tmp_path / "us.csv").write_text(f"income,age,y\n{rows}", encoding="utf-8")
    (problem,) = problems(tmp_path, "us.csv")
    assert problem.key == "data.decimal"
    assert problem.rule == (
        "numbers have commas, which may separate thousands or decimals: 'income' ('1,100', '2,137', '3,174') (us.csv)"
    )
    assert problem.next_step == (
        'If 1,100 is 1100, remove the commas from the file; if it is 1.100, write decimal = ","'
    )
    (tmp_path / "us.csv").write_text(f'income,age,y\n"1,250,000",75,2.5\n{rows}', encoding="utf-8")
    (problem,) = problems(tmp_path, "us.csv")
    assert problem.rule.startswith("numbers have commas between thousands: 'income' ('1,250,000', '1,100', ")
    assert problem.next_step == "Remove these commas."


def test_a_new_study_decides_nothing_about_commas_that_may_be_either(tmp_path: Path) -> None:
    rows = "".join(f"{n + 1},{n * 37 % 900 + 100}\t{'uv'[n % 2]}\t{n + 0.5}\n" for n in range(ROWS))
    path = tmp_path / "us.tsv"
    path.write_text(f"income\tkind\ty\n{rows}", encoding="utf-8")
    made, _ = new_project(tmp_path, path, "y")
    assert "decimal =" not in made[0].read_text(encoding="utf-8")
    with pytest.raises(StudyFileError) as caught:
        read_study(made[0])
    (problem,) = caught.value.problems
    assert "may separate thousands or decimals: 'income'" in problem.rule
    with pytest.raises(DataError, match=r"'income' holds numbers with commas, as for thousands, such as '1,100'\."):
        profile_table("us.tsv", tmp_path, "income")
