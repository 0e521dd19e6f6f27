"""The study file → `StudySpec`.  Each section is read for itself, so that one report holds all problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import Task
from tuner.data import DataFacts, DataOptions
from tuner.errors import StudyFileError, UnknownNameError
from tuner.study import sections as read
from tuner.study.cross_checks import ParsedSections, cross_check
from tuner.study.data_section import load_facts, read_data
from tuner.study.objective_section import check_target, read_objective
from tuner.study.problems import Problems, TooManyProblemsError
from tuner.study.search.search_section import StudyContext, read_search
from tuner.study.study_files import locate, parse
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
    advice: list[str] = []
    problems.unknown_keys("", content, read.KEYS)
    title = read.read_name(content, stem, problems)
    model = read.read_model(content, project, problems)
    head = read.read_head(content, problems)
    seed, workers = read.read_seed(content, problems), read.read_workers(content, problems)
    engine = read.read_engine(content, problems)
    budget = read.read_budget(content, problems)
    data, facts = _data(content, project, seed, problems)
    task = _task(data, facts)
    metric = read_objective(content, task, problems)
    if metric is not None:
        check_target(metric, budget, problems)
    found = StudyContext(task, facts.rows["train"] if facts is not None else None, model.signature if model else None)
    space = read_search(content, found, problems, advice)
    sampler, initial_points = read.read_sampler(content, problems)
    pruner, health = read.read_pruner(content, problems), read.read_health(content, problems)
    resources = read.read_resources(content, problems)
    named = frozenset(content["search"]) if isinstance(content.get("search"), Mapping) else frozenset()
    advice += cross_check(
        ParsedSections(space, task, data, facts, metric, budget, sampler, pruner, head, named), problems
    )
    if (
        problems.found
        or title is None
        or model is None
        or data is None
        or facts is None
        or metric is None
        or space is None
        or sampler is None
        or pruner is None
    ):
        raise StudyFileError(file, problems.found)
    return StudySpec(
        name=title,
        file=file,
        project=project.resolve(),
        model=model.reference,
        model_sha256=model.sha256,
        head=head,
        data=data,
        facts=facts,
        metric=metric.name,
        direction="maximize" if metric.direction == "maximize" else "minimize",
        space=space,
        budget=budget,
        sampler=sampler,
        pruner=pruner,
        initial_points=initial_points,
        engine=engine,
        workers=workers,
        seed=seed,
        source=json.loads(json.dumps(content)),
        advice=tuple(dict.fromkeys(advice)),
        health=health,
        resources=resources,
        helpers=model.helpers,
    )


def _data(
    content: Mapping[str, Any], project: Path, seed: int, problems: Problems
) -> tuple[DataOptions | None, DataFacts | None]:
    data = read_data(content, problems)
    return data, None if data is None else load_facts(data, project, seed, problems)


def _task(data: DataOptions | None, facts: DataFacts | None) -> Task | None:
    if facts is not None:
        return facts.task
    return None if data is None else data.task


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
        case np.ndarray():
            return [_plain(item) for item in value] if value.ndim else _plain(value[()])
        case np.float16() | np.float32():
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
