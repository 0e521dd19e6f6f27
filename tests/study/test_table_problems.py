"""All that is wrong with the columns of a table, in one report."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import Problem, StudyFileError
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


def test_all_come_at_once_each_with_its_line(project: Path) -> None:
    found = problems(project)
    steps = {problem.key: str(problem.next_step) for problem in found}
    assert list(steps) == [
        "data.target",
        "data.missing_values",
        "data.columns",
        "data.text",
        "data.drop",
        "data.missing",
    ]
    assert 'missing = "drop"' in steps["data.target"]
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


@pytest.mark.parametrize(("target", "rule"), [("visited", "holds dates"), ("age", "cells that are none: '?'")])
def test_a_target_that_cannot_be_predicted(project: Path, target: str, rule: str) -> None:
    found = problems(project, target=target)
    assert any(problem.key == "data.target" and rule in problem.rule for problem in found)


def test_a_problem_that_is_not_of_a_column_stays_one(project: Path) -> None:
    known = {"missing": "drop", "missing_values": ["?", "inf", "-inf"], "text": "ordinal", "drop": ["empty", "id"]}
    [problem] = problems(project, **known, shape=[3, 3])
    assert problem.key == "data.shape"
