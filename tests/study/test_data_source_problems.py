"""All that is wrong with the columns of a table, in one report."""

from __future__ import annotations

import ast
import random
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.data import DataOptions
from tuner.errors import DataError, Problem, StudyFileError
from tuner.study import read_study_dict

ROWS = 300
CELLS = {
    "id": lambda row, chance: f"n{row}",
    "visited": lambda row, chance: f"2020-{row % 12 + 1:02d}-{row % 27 + 1:02d}",
    "city": lambda row, chance: chance.choice(["Rome", "Paris", "Oslo"]),
    "age": lambda row, chance: chance.choice([1.5, 2, 3, 4, "?"]),
    "size": lambda row, chance: chance.choice(["", 1, 2]),
    "empty": lambda row, chance: "",
    "ratio": lambda row, chance: chance.choice([1, 2, 3, "inf"]),
    "kind": lambda row, chance: chance.choice(["yes", "no", ""]),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, chance = tmp_path_factory.mktemp("project"), random.Random(0)
    lines = [",".join(CELLS), *(",".join(str(cell(row, chance)) for cell in CELLS.values()) for row in range(ROWS))]
    (folder / "own.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def problems(project: Path, **data: Any) -> list[Problem]:
    content = {"name": "s", "model": "models/mlp.py", "data": {"source": "own.csv", "target": "kind", **data}}
    with pytest.raises(StudyFileError) as caught:
        read_study_dict(content, project)
    return list(caught.value.problems)


def test_texts_of_several_words_are_named_with_their_encoding(tmp_path: Path) -> None:
    rows = [f"the visit on day {row} was not as good as the one before,{row % 2}" for row in range(100)]
    (tmp_path / "own.csv").write_text("\n".join(["note,kind", *rows]), encoding="utf-8")
    [problem] = problems(tmp_path)
    assert problem.key == "data.text"
    assert problem.next_step == 'Texts of several words: write note = "tf_idf" in [data.columns].'


def test_all_come_at_once_each_with_its_line(project: Path) -> None:
    found = problems(project)
    steps = {problem.key: str(problem.next_step) for problem in found}
    assert list(steps) == [
        "data.missing_target",
        "data.missing_values",
        "data.columns",
        "data.text",
        "data.drop",
        "data.missing",
    ]
    assert 'missing_target = "drop"' in steps["data.missing_target"]
    assert 'missing_values = ["inf", "-inf"]' in steps["data.missing_values"]
    assert 'visited = "date"' in steps["data.columns"]
    assert 'text = "one_hot"' in steps["data.text"]
    assert 'drop = ["empty", "id"]' in steps["data.drop"]
    assert 'missing = "median"' in steps["data.missing"]
    assert any('missing_values = ["?"]' in str(problem.next_step) for problem in found)
    city = next(problem for problem in found if problem.key == "data.text")
    assert "'city' (3 different: " in city.rule


def test_the_lines_end_the_problems(project: Path) -> None:
    lines = """
        missing = "drop"
        missing_values = ["?", "inf", "-inf"]
        text = "one_hot"
        drop = ["empty", "id"]
        columns = { visited = "date" }
    """
    data = {"source": "own.csv", "target": "kind", **tomllib.loads(lines)}
    spec = read_study_dict({"name": "s", "model": "models/mlp.py", "data": data}, project)
    assert spec.facts.features[:3] == ("age", "size", "ratio")


def test_columns_that_are_not_there_are_named_with_the_nearest(project: Path) -> None:
    found = problems(project, drop=["idd"], group="patient", weight="wait")
    absent = {problem.key: problem.nearest for problem in found if "no column with this name" in problem.rule}
    assert absent == {"data.weight": None, "data.group": None, "data.drop": "id"}


@pytest.mark.parametrize(("target", "rule"), [("visited", "holds dates"), ("age", "cells that are not: '?'")])
def test_a_target_that_cannot_be_predicted(project: Path, target: str, rule: str) -> None:
    found = problems(project, target=target)
    assert any(problem.key == "data.target" and rule in problem.rule for problem in found)


def test_a_problem_that_is_not_of_a_column_stays_one(project: Path) -> None:
    known = {"missing": "drop", "missing_values": ["?", "inf", "-inf"], "text": "ordinal", "drop": ["empty", "id"]}
    [problem] = problems(project, **known, shape=[3, 3])
    assert problem.key == "data.shape"


FUNCTION = """
import numpy as np
import pandas as pd

def load():
    x = pd.DataFrame({"a": np.arange(60.0), "city": ["Rome", "Oslo", "Bern"] * 20, "id": [f"n{n}" for n in range(60)]})
    x.loc[3, "a"] = np.nan
    y = pd.Series(["u", "v"] * 30, name="kind")
    y[4] = None
    return {"x": x, "y": y, "weight": -np.ones(60), "who": [None] + ["p"] * 59}
"""


def test_a_function_has_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(FUNCTION)
    found = problems(tmp_path, source="rows.py:load", target=None, group="who")
    assert {problem.key for problem in found} == {
        "data.group", "data.weight", "data.missing_target", "data.text", "data.drop", "data.missing",
    }  # fmt: skip


def test_an_archive_has_all_at_once(tmp_path: Path) -> None:
    x, y = np.zeros((60, 4)), np.arange(60.0)
    x[3, 1], x[4, 2], y[5] = np.nan, np.inf, np.nan
    np.savez(tmp_path / "a.npz", x=x, y=y, weight=np.ones(50), patient=np.arange(60))
    found = problems(tmp_path, source="a.npz", target=None, group="patients", text="one_hot")
    assert {problem.key: problem.nearest for problem in found} == {
        "data.text": None,
        "data.source": None,
        "data.group": "patient",
        "data.missing_target": None,
        "data.missing": None,
        "data.missing_values": None,
    }
    rules = {problem.key: problem.rule for problem in found}
    assert rules["data.missing"] == "cells are empty in 'column 1 of x' (1, in row 4) (a.npz)"
    assert "in 'column 2 of x' (1, in row 5)" in rules["data.missing_values"]
    assert "'y' has no value in 1 of 60 rows, in row 6" in rules["data.missing_target"]


def test_missing_pixels_have_a_place(tmp_path: Path) -> None:
    x = np.zeros((60, 4, 4, 3))
    x[7, 1, 1, 1], x[7, 1, 2, 1], x[9, 0, 0, 1], x[50, 3, 0, 2] = np.nan, np.nan, np.nan, -np.inf
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(60) % 2)
    assert [problem.rule for problem in problems(tmp_path, source="a.npz", target=None)] == [
        "cells are empty in 'column 1 of x' (2, the first in row 8) (a.npz)",
        "numbers are infinite or beyond float32 in 'column 2 of x' (1, in row 51) (a.npz)",
    ]


def test_cells_of_tables_have_a_place(tmp_path: Path) -> None:
    lines = ["a,b,y", *(f"{'' if n in (3, 5) else n},{1e39 if n == 8 else n},{n % 2}" for n in range(60))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert [problem.rule for problem in problems(tmp_path, source="a.csv", target="y")] == [
        "cells are empty in 'a' (2, the first in row 4) (a.csv)",
        "numbers are infinite or beyond float32 in 'b' (1, in row 9) (a.csv)",
    ]


def test_second_files_are_looked_at_as_well(tmp_path: Path) -> None:
    rows = [f"{n},{n % 3},{'uv'[n % 2]}" for n in range(60)]
    (tmp_path / "train.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    (tmp_path / "test.csv").write_text("a,kind\nx,u\ny,\n" + "z,v\n" * 20)
    found = problems(tmp_path, source="train.csv", validation="lost.csv", test="test.csv")
    assert [(problem.key, problem.rule.split(":")[0]) for problem in found] == [
        ("data.validation", f"The data must be a file or folder that exists, but there is no 'lost.csv' in {tmp_path}"),
        ("data.test", "test.csv lacks columns of train.csv"),
        ("data.test", "columns of numbers in train.csv hold texts in test.csv"),
        ("data.missing_target", "'kind' has no value in 1 of 22 rows, in row 2 (test.csv)"),
    ]


def test_a_table_without_rows_has_no_other_problem(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("a,b,kind\n", encoding="utf-8")
    (problem,) = problems(tmp_path)
    assert (problem.key, problem.rule) == ("data.source", "the table has no rows (own.csv)")


def test_why_a_file_cannot_be_read_is_not_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("a,b,kind\n1,2,x\n1,2,3,4,5\n", encoding="utf-8")
    (problem,) = problems(tmp_path)
    assert problem.rule.endswith("cannot be read: Expected 3 fields in line 3, saw 5")
    assert problem.next_step == "Check the file."


def test_numbers_with_a_sign_are_named_with_the_step(tmp_path: Path) -> None:
    lines = ["share,price", *(f"{row % 5}%,${row}000" for row in range(100))]
    (tmp_path / "own.csv").write_text("\n".join(lines), encoding="utf-8")
    found = {problem.key: problem for problem in problems(tmp_path, target="price")}
    assert "'price' holds numbers with \"$\": '$0000'" in found["data.target"].rule
    assert found["data.target"].next_step == 'Remove "$" from the file.'
    assert "to use them, remove it from the file: 'share' (\"%\")" in str(found["data.text"].next_step)


@pytest.mark.parametrize(
    ("data", "key", "given"),
    [
        ({"source": "rows.npz", "order": "when"}, "order", '"when"'),  # once, and not as the group
        ({"source": "digits", "order": "when"}, "order", '"when"'),
        ({"source": "test.csv", "target": "y"}, "source", '"test.csv"'),  # the name of a file is no key
        ({"source": "validation.csv", "target": "y"}, "source", '"validation.csv"'),
        ({"source": "rows.npz", "test": "validation.csv"}, "test", None),
        ({"source": "holes.npz", "missing": "drop"}, "missing", '"drop"'),
        ({"source": "cubes.npz"}, "source", '"cubes.npz"'),
        ({"source": "digits", "target_scale": "standardize"}, "target_scale", '"standardize"'),
        ({"source": "digits", "task": "binary"}, "task", '"binary"'),
        ({"source": "digits", "class_weight": {"10": 1.0}}, "class_weight", "{ 10 = 1.0 }"),
    ],
)
def test_a_problem_stands_at_the_key_that_it_concerns(data: Any, key: str, given: str | None, tmp_path: Path) -> None:
    x, y = np.repeat(np.arange(60.0)[:, None], 2, axis=1), np.arange(60) % 2
    np.savez(tmp_path / "rows.npz", x=x, y=y)
    np.savez(tmp_path / "holes.npz", x=x * [1, np.nan], y=y)
    np.savez(tmp_path / "cubes.npz", x=x, y=np.zeros((60, 2, 2)))
    (tmp_path / "test.csv").write_text('a,b\n"1,2\n')
    (tmp_path / "validation.csv").write_text("")
    with pytest.raises(StudyFileError) as caught:
        read_study_dict({"name": "s", "model": "models/mlp.py", "data": data}, tmp_path)
    assert [(problem.key, problem.given) for problem in caught.value.problems] == [(f"data.{key}", given)]


def test_errors_of_data_name_keys_of_the_section() -> None:
    assert DataError("Some rule.").key == "source"
    named = set()
    for file in (Path(__file__).parents[2] / "tuner" / "data").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DataError":
                named |= {word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
    assert len(named) > 10
    assert named <= set(DataOptions.model_fields)
