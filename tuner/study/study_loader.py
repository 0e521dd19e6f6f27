"""Load a study file as a `StudySpec`.  Sections are read independently, so that one report lists all problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.catalog import METRIC
from tuner.errors import StudyFileError, UnknownNameError
from tuner.study.cross_checks import ParsedSections, cross_check
from tuner.study.data_errors import load_data
from tuner.study.initial_point_values import check_older, points_advice, read_points
from tuner.study.model_file import find_keras_files, find_model
from tuner.study.objective_section import check_target, find_objective
from tuner.study.plain_content import plain_content
from tuner.study.problems import Problems, TooManyProblemsError
from tuner.study.search.search_section import StudyContext, read_search
from tuner.study.search_values import with_lists
from tuner.study.section_validation import read_sections
from tuner.study.study_file_sections import StudyFile, as_choice
from tuner.study.study_file_syntax import locate, parse
from tuner.study.study_name import NAME_RULE, is_study_name
from tuner.study.study_spec import StudySpec
from tuner.study.training_length import resolve_length
from tuner.study.user_objects import read_user_objects

_OVERRIDES = {
    "trials": ("budget", "trials"),
    "time_s": ("budget", "time"),
    "epochs": ("budget", "epochs"),
    "seed": ("seed",),
    "workers": ("workers",),
    "engine": ("engine",),
}
"""Override → path of the key in the study file that it replaces."""


def read_study(path: Path | str, *, name: str | None = None, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Read and validate a study file; its data are loaded once.

    Args:
        path: A TOML or YAML file, or one that comes with the package ("studies/digits.toml").
        name: Replaces the name in the file.
        overrides: Replace "trials", "time_s", "epochs", "seed", "workers", "engine" of the file, unless None.

    Raises:
        StudyFileError: The file has problems; lists all of them.
        UnknownNameError: There is no such override.
    """
    file, project = locate(path)
    content = parse(file, str(path))
    return _spec(content, project, str(path), file.stem, name, overrides)


def read_study_dict(
    content: Mapping[str, Any],
    project: Path | str,
    file: str = "<study>",
    *,
    name: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> StudySpec:
    """Validate the content of a study file, given as a Python dictionary.

    Args:
        content: Tuples and arrays count as lists, NumPy scalars as numbers, paths as strings; for `search` see
            `search_values`.
        project: Folder that references and data paths are relative to.
        file: Its name in messages.
        name: Replaces the name in the content.
        overrides: As for `read_study`.

    Raises:
        StudyFileError: The content has problems; lists all of them.
        UsageError: `search` has an object of Python that is no value.
    """
    if "search" in content:
        content = {**content, "search": with_lists(content["search"])}
    return _spec(plain_content(content), Path(project).absolute(), file, None, name, overrides)


def _spec(
    content: Mapping[str, Any],
    project: Path,
    file: str,
    stem: str | None,
    name: str | None,
    overrides: Mapping[str, Any] | None,
) -> StudySpec:
    content = _overridden(content, name, overrides or {})
    problems = Problems()
    try:
        return _checked(content, project, file, stem, problems)
    except TooManyProblemsError:
        raise StudyFileError(file, problems.found) from None


def _checked(content: Mapping[str, Any], project: Path, file: str, stem: str | None, problems: Problems) -> StudySpec:
    if stem is not None and "name" not in content and not is_study_name(stem):
        step = 'Write name = "digits" at the top of the file, or rename the file.'
        problems.add("name", f"without a name a study has that of its file, but {NAME_RULE}", stem, next_step=step)
        stem = None
    sections = read_sections(StudyFile, {"name": stem, **content}, problems)
    _note_missing(sections, problems)
    model = None if sections.model is None else find_model(sections.model, project, problems)
    data, budget = sections.data, sections.budget
    prepared = None if data is None else load_data(data, project, sections.seed, problems)
    facts = None if prepared is None else prepared.facts
    task = facts.task if facts is not None else None if data is None else data.task
    own = read_user_objects(content, project.resolve(), task, sections.head, problems)
    metric = None if METRIC in own.broken else find_objective(sections.objective, task, problems)
    if metric is not None:
        check_target(metric, budget, problems)
    rows = facts.rows["train"] if facts is not None else None
    context = StudyContext(task, rows, model.signature if model else None, own)
    advice: list[str] = []
    space = read_search(content, context, problems, advice)
    bodies = find_keras_files(space or (), project, problems)
    sampler, pruner = as_choice(sections.sampler), as_choice(sections.pruner)
    check_older(sections.sampler.older, sections.name, problems)
    points = sections.sampler.initial_points
    own_points = () if space is None or isinstance(points, bool) else read_points(points, space, problems)
    advice += points_advice(own_points, budget.trials)
    length = None if facts is None or space is None else resolve_length(budget, facts.rows["train"], space)
    named = frozenset(content["search"]) if isinstance(content.get("search"), Mapping) else frozenset()
    head, engine = sections.head, sections.engine
    read = ParsedSections(
        space, task, data, facts, metric, budget, length, sampler, pruner, head, named, engine, pretrained=bool(bodies)
    )
    advice += cross_check(read, problems)
    if problems.found or not (sections.name and model and data and facts and metric and space and length):
        raise StudyFileError(file, problems.found)
    return StudySpec(
        name=sections.name,
        file=file,
        project=project.resolve(),
        model=model.reference,
        model_sha256=model.sha256,
        helpers={**model.helpers, **bodies},
        data=data,
        facts=facts,
        metric=metric.name,
        direction=metric.direction,
        space=space,
        budget=budget,
        length=length,
        sampler=sampler,
        pruner=pruner,
        initial_points=points is True,
        own_points=own_points,
        source=json.loads(json.dumps(content)),
        advice=tuple(dict.fromkeys(advice)),
        prepared=prepared,
        user_objects=own,
        **_as_written(sections),
    )


def _as_written(sections: StudyFile) -> dict[str, Any]:
    """Return the fields of the study that are what the file says, whatever data and model are."""
    return {
        "head": sections.head,
        "older": sections.sampler.older,
        "engine": sections.engine,
        "workers": sections.workers,
        "seed": sections.seed,
        "health": sections.health.options,
        "limits": sections.limits.limits,
        "resources": sections.resources,
        "metric_keys": sections.objective.said,
        "tracking": sections.tracking.model_dump(exclude_none=True),
        "notify": sections.notify.command,
    }


_NEEDED = {
    "name": ("a study needs a name", "a text", 'Write name = "digits".'),
    "model": (
        "a study needs a model",
        "a Python file with a function build",
        'Write model = "models/mlp.py" at the top of the file.',
    ),
    "data": (
        "a study needs data",
        "a section [data] with a source",
        'Write [data] and below it source = "digits" or source = "data/train.csv".',
    ),
}


def _note_missing(sections: StudyFile, problems: Problems) -> None:
    refused = {problem.key.partition(".")[0] for problem in problems.found}
    for key, (rule, allowed, next_step) in _NEEDED.items():
        if getattr(sections, key) is None and key not in refused:
            problems.add(key, rule, allowed=allowed, next_step=next_step)


def _overridden(content: Mapping[str, Any], name: str | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the content with the overrides of the command line."""
    for key in overrides:
        if key not in _OVERRIDES:
            raise UnknownNameError("override", key, _OVERRIDES)
    changed = dict(content)
    if name is not None:
        changed["name"] = name
    for key, path in _OVERRIDES.items():
        value = plain_content(overrides.get(key))
        if value is None:
            continue
        if len(path) == 1:
            changed[path[0]] = value
        elif isinstance(table := changed.get(path[0], {}), Mapping):
            changed[path[0]] = {**table, path[1]: value}
    return changed
