"""The study file → `StudySpec`.  Each section is read for itself, so that one report holds all problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tuner.errors import StudyFileError, UnknownNameError
from tuner.study.cross_checks import ParsedSections, cross_check
from tuner.study.data_errors import load_facts
from tuner.study.model_file import find_model
from tuner.study.objective_section import check_target, find_objective
from tuner.study.problems import Problems, TooManyProblemsError
from tuner.study.search.search_section import StudyContext, read_search
from tuner.study.section_base import read_sections
from tuner.study.study_file_model import StudyFile, as_choice
from tuner.study.study_file_parser import locate, parse
from tuner.study.study_spec import StudySpec

_OVERRIDES = {
    "trials": ("budget", "trials"),
    "time_s": ("budget", "time"),
    "epochs": ("budget", "epochs"),
    "seed": ("seed",),
    "workers": ("workers",),
    "engine": ("engine",),
}
"""What the command line may set, and the key of the study file that it stands for."""


def read_study(path: Path | str, *, name: str | None = None, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Read and check a study file; its data are loaded once.

    Args:
        path: A TOML or YAML file: as it is, or one that the package carries ("studies/digits.toml").
        name: Another name for the study than the file's.
        overrides: "trials", "time_s", "epochs", "seed", "workers", "engine"; what is None is left as the file says.

    Raises:
        StudyFileError: Everything that is wrong with the file.
        UnknownNameError: An override that there is none of.
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
    """The same for the content of a study file as a Python dictionary.

    Args:
        content: What the file would say; tuples and arrays count as lists, numbers of NumPy as numbers, paths as texts.
        project: Folder that references and data paths are relative to.
        file: What messages call it.
        name: Another name for the study than the content's.
        overrides: As for `read_study`.

    Raises:
        StudyFileError: Everything that is wrong with it.
    """
    return _spec(_plain(content), Path(project), file, None, name, overrides)


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
    sections = read_sections(StudyFile, {"name": stem, **content}, problems)
    _note_missing(sections, problems)
    model = None if sections.model is None else find_model(sections.model, project, problems)
    data, budget = sections.data, sections.budget
    facts = None if data is None else load_facts(data, project, sections.seed, problems)
    task = facts.task if facts is not None else None if data is None else data.task
    metric = find_objective(sections.objective.metric, task, problems)
    if metric is not None:
        check_target(metric, budget, problems)
    context = StudyContext(task, facts.rows["train"] if facts is not None else None, model.signature if model else None)
    advice: list[str] = []
    space = read_search(content, context, problems, advice)
    sampler, pruner = as_choice(sections.sampler), as_choice(sections.pruner)
    named = frozenset(content["search"]) if isinstance(content.get("search"), Mapping) else frozenset()
    advice += cross_check(
        ParsedSections(space, task, data, facts, metric, budget, sampler, pruner, sections.head, named), problems
    )
    if problems.found or not (sections.name and model and data and facts and metric and space):
        raise StudyFileError(file, problems.found)
    return StudySpec(
        name=sections.name,
        file=file,
        project=project.resolve(),
        model=model.reference,
        model_sha256=model.sha256,
        helpers=model.helpers,
        head=sections.head,
        data=data,
        facts=facts,
        metric=metric.name,
        direction=metric.direction,
        space=space,
        budget=budget,
        sampler=sampler,
        pruner=pruner,
        initial_points=sections.sampler.initial_points,
        engine=sections.engine,
        workers=sections.workers,
        seed=sections.seed,
        source=json.loads(json.dumps(content)),
        advice=tuple(dict.fromkeys(advice)),
        health=sections.health.options,
        resources=sections.resources,
    )


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
    """A copy of the content with what the command line says instead."""
    for key in overrides:
        if key not in _OVERRIDES:
            raise UnknownNameError("override", key, _OVERRIDES)
    changed = dict(content)
    if name is not None:
        changed["name"] = name
    for key, path in _OVERRIDES.items():
        value = _plain(overrides.get(key))
        if value is None:
            continue
        if len(path) == 1:
            changed[path[0]] = value
        elif isinstance(table := changed.get(path[0], {}), Mapping):
            changed[path[0]] = {**table, path[1]: value}
    return changed


def _plain(value: Any) -> Any:
    """Tuples and arrays as lists, numbers of NumPy as Python's, paths as texts; anything else is left to be judged.

    A float32 becomes the number that it is printed as: 0.1, not 0.10000000149011612.
    """
    match value:
        case _ if isinstance(value, np.ndarray):
            return [_plain(item) for item in value] if value.ndim else _plain(value[()])
        case _ if isinstance(value, np.float16 | np.float32):
            return float(str(value))
        case np.generic():
            return value.item()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return value.as_posix()
    return value
