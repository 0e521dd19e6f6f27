"""The contract of a study file, checked for every file in `studies/`."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tuner import user_code
from tuner.study import StudySpec, read_study
from tuner.user_code import Reference

PROJECT = Path(__file__).parents[2]
FILES = user_code.list_files(PROJECT, "studies")
every_study = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def header(file: Path) -> str:
    """The comment that the file begins with, without the number signs, lines kept."""
    lines = file.read_text(encoding="utf-8").splitlines()
    end = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line[1:].strip() for line in lines[:end])


def minutes(text: str) -> int:
    """The expected time that a header or a row of the docs states."""
    found = re.search(r"(\d+) (?:(minutes?)|s)\b", text)
    assert found is not None, text
    return int(found[1]) if found[2] else math.ceil(int(found[1]) / 60)


def parsed(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def specs(shipped_project: Path) -> dict[str, StudySpec]:
    """Every study, read once."""
    return {file.stem: read_study(shipped_project / "studies" / file.name) for file in FILES}


def test_there_are_studies_for_every_model():
    assert len(FILES) >= 8
    named = {Reference.parse(parsed(file)["model"], "build").path for file in FILES}
    assert named == {f"models/{file.name}" for file in user_code.list_files(PROJECT, "models")}


@every_study
def test_begins_with_a_question_and_says_what_to_look_at_and_how_long_it_takes(file):
    question, _, rest = header(file).partition("\n\n")
    assert question.endswith("?")
    assert re.search(r"^Data: ", rest, re.MULTILINE)
    assert re.search(r"^Look at: ", rest, re.MULTILINE)
    stated = re.search(r"^Expected time: .*$", rest, re.MULTILINE)
    assert stated is not None
    assert 0 < minutes(stated.group()) <= 15


@every_study
def test_is_named_as_its_file_and_names_itself_in_its_commands(file):
    assert parsed(file)["name"] == file.stem
    commands = re.findall(r"`tuner (?:best|compare|report|refine) (\w+)", header(file).replace("\n", " "))
    assert commands
    assert set(commands) == {file.stem}


@every_study
def test_lines_fit_a_page(file):
    assert max(len(line) for line in file.read_text(encoding="utf-8").splitlines()) <= 120


@every_study
def test_is_accepted(file, specs, shipped_project):
    spec = specs[file.stem]
    assert spec.name == file.stem
    assert spec.project == shipped_project
    assert spec.space.searched
    assert spec.advice == ()


@every_study
def test_compares_by_dimensions_that_it_searches(file, specs):
    by = re.findall(r"--by ([\w.]+\w)", header(file).replace("\n", " "))
    searched = {dimension.name for dimension in specs[file.stem].space.searched}
    assert set(by) <= searched


@pytest.mark.parametrize("name", ["optimizers", "schedules", "initializers_deep"])
def test_a_grid_is_tried_whole_and_nothing_else(name, specs):
    spec = specs[name]
    assert spec.sampler.name == "grid"
    assert spec.space.size == spec.budget.trials
    assert not spec.initial_points
    assert spec.pruner.name == "none"


def test_optimizers_get_the_same_budget(specs):
    settings = [setting["optimizer"] for setting in specs["optimizers"].space.enumerate_grid()]
    counts = {name: settings.count(name) for name in settings}
    assert set(counts.values()) == {6}


def test_optimizers_get_ranges_of_the_same_width(specs):
    rates = [d.parameter.choices for d in specs["optimizers"].space if d.name.endswith(".learning_rate")]
    assert len(rates) == 12
    for choices in rates:
        assert choices[-1] / choices[0] == pytest.approx(10**2.5, rel=0.1)


def test_digits_searches_the_six_dimensions_and_more(specs):
    searched = {dimension.name for dimension in specs["digits"].space.searched}
    six = {"loss", "optimizer", "learning_rate", "momentum", "schedule", "initializer"}
    assert searched >= six | {"activation", "model.units", "optimizer.sgd.nesterov"}


def test_defaults_leaves_the_search_to_the_task(specs):
    assert "search" not in parsed(PROJECT / "studies" / "defaults.toml")
    searched = {dimension.name for dimension in specs["defaults"].space.searched}
    assert searched >= {"loss", "optimizer", "learning_rate", "schedule", "initializer"}


def test_a_saved_model_is_made_by_the_command_that_its_study_names(specs):
    spec = specs["digits_transfer"]
    (body,) = [path for path in spec.helpers if path.endswith(".keras")]
    for text in (header(PROJECT / "studies" / f"{name}.toml") for name in ("digits_body", "digits_transfer")):
        assert f"`tuner train {body.removesuffix('.keras')} --single`" in text.replace("\n", " ")
    other = specs["digits_scratch"]
    assert (spec.facts.sha256, spec.budget, spec.length) == (other.facts.sha256, other.budget, other.length)


def test_the_page_on_transfer_learning_shows_its_study():
    page = (PROJECT / "docs" / "transfer.md").read_text(encoding="utf-8")
    (study,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert tomllib.loads(study) == parsed(PROJECT / "studies" / "digits_transfer.toml")


def test_the_docs_list_every_study_with_its_time():
    page = (PROJECT / "docs" / "studies.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[`(\w+)\.toml`\]\(\.\./studies/\1\.toml\) \|(.*)\|$", page, re.MULTILINE))
    assert set(rows) == {file.stem for file in FILES}
    for file in FILES:
        stated = re.search(r"^Expected time: .*$", header(file), re.MULTILINE)
        assert stated is not None
        assert minutes(rows[file.stem]) == minutes(stated.group())
