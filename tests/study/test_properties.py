"""What holds for every study file: a sound one means the same however it is written, a bad one is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import optuna
import yaml
from generated import ODD, SECTIONS, examples, reordered, slips, studies
from hypothesis import given
from hypothesis import strategies as st

from tuner.catalog import Recipe
from tuner.errors import StudyFileError
from tuner.search import suggest
from tuner.space import Space, Value
from tuner.study import StudySpec, difference, fingerprint, json_schema, read_study, read_study_dict, resolve_recipe
from tuner.text.toml_writer import toml_text

PROJECT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@examples(12)
@given(content=studies(), data=st.data())
def test_a_sound_study_means_the_same_however_it_is_written(
    tmp_path: Path, content: dict[str, Any], data: st.DataObject
) -> None:
    spec = read_study_dict(content, tmp_path)
    assert [error.message for error in SCHEMA.iter_errors(content)] == []
    assert read_study_dict(spec.source, tmp_path) == spec
    other = data.draw(reordered(content))
    text = toml_text(other, SECTIONS).replace("\n", "  # said\n\n").replace(" = ", "   =  ")
    for file in (written(tmp_path, "a.toml", text), written(tmp_path, "a.yaml", yaml.safe_dump(other))):
        again = read_study(file)
        assert difference(fingerprint(spec), fingerprint(again)) == []
        assert {d.name: d.parameter for d in again.space} == {d.name: d.parameter for d in spec.space}


def counts(space: Space, name: str, values: dict[str, Value]) -> bool:
    """Whether a dimension counts, said from its end: all it depends on count, and have one of the values named."""
    return all(
        counts(space, condition.name, values) and values[condition.name] in condition.one_of
        for condition in space[name].conditions
    )


@examples(12)
@given(content=studies(), seed=st.integers(0, 2**32 - 1))
def test_what_a_sampler_draws_keeps_to_the_file(tmp_path: Path, content: dict[str, Any], seed: int) -> None:
    spec = read_study_dict(content, tmp_path)
    for dimension in spec.space:  # each condition of the file is one of the space
        table = content["search"].get(dimension.name)
        for parent, allowed in (table.get("when", {}) if isinstance(table, dict) else {}).items():
            assert {parent: set(allowed)}.items() <= {c.name: set(c.one_of) for c in dimension.conditions}.items()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    for _ in range(5):
        trial = study.ask()
        values = suggest(trial, spec.space)
        assert set(values) == {d.name for d in spec.space if counts(spec.space, d.name, values)}
        assert set(trial.params) == {d.name for d in spec.space.searched} & set(values)
        assert all(values[name] in spec.space[name].parameter for name in values)
        recipe = resolve_recipe(spec, values, trial.number)
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
        study.tell(trial, 0.0)


def read_or_refused(read: Callable[[], StudySpec]) -> StudySpec | None:
    """The study, or None after a report in words; anything else that is raised goes on."""
    try:
        return read()
    except StudyFileError as error:
        report = error
    assert report.problems
    assert all(problem.rule and (problem.allowed or problem.next_step) for problem in report.problems)
    assert "Traceback" not in str(report)
    return None


@examples(40)
@given(content=studies().flatmap(slips))
def test_a_slip_gives_a_study_or_a_report(tmp_path: Path, content: dict[str, Any]) -> None:
    spec = read_or_refused(lambda: read_study_dict(content, tmp_path))
    if spec is not None:
        assert difference(fingerprint(spec), fingerprint(read_study_dict(spec.source, tmp_path))) == []


@examples(40)
@given(content=studies(), data=st.data())
def test_a_damaged_file_gives_a_study_or_a_report(tmp_path: Path, content: dict[str, Any], data: st.DataObject) -> None:
    text = toml_text(content, SECTIONS).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(st.binary(max_size=6) | ODD.map(lambda value: repr(value).encode("utf-8", "replace")))
    file = tmp_path / data.draw(st.sampled_from(["a.toml", "a.yaml"]))
    file.write_bytes(text[:start] + put + text[end:])
    read_or_refused(lambda: read_study(file))
