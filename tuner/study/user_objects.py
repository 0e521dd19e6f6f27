"""Losses, metrics and the like that a study file names by reference: `loss = ["huber", "losses.py:tversky"]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuner.catalog import (
    DIMENSIONS,
    METRIC,
    ChoiceDimension,
    Entry,
    MetricEntry,
    Task,
    UserObject,
    add_user_entry,
    read_user_entry,
)
from tuner.errors import ContentError
from tuner.study.problems import Problems, dotted
from tuner.user_code import Reference, is_reference, missing_helper

_NAMED = "a file of the project and a name in it, as in losses.py:tversky; or an installed module and a name"


@dataclass(frozen=True)
class UserObjects:
    """The user code that a study names, besides its model and its data.

    Attributes:
        entries: Family and reference → what the code says of itself.
        files: Reference → path and hash of its file and of what that imports from the project.
        broken: Families that name what cannot be used.
    """

    entries: Mapping[tuple[str, str], Entry | MetricEntry] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

    def names(self, family: str) -> tuple[str, ...]:
        """Return the references that are named for a dimension."""
        return tuple(name for kind, name in self.entries if kind == family)

    def register(self) -> None:
        """Make the entries known to this process, in place of those of another study with the same references."""
        for (family, _), entry in self.entries.items():
            add_user_entry(family, entry)

    def all_files(self) -> dict[str, str]:
        """Return path → hash of all files."""
        return {path: digest for files in self.files.values() for path, digest in files.items()}


def read_user_objects(
    content: Mapping[str, Any], project: Path, task: Task | None, head: str, problems: Problems
) -> UserObjects:
    """Read what the user code of a study file says of itself; it is parsed, not run.

    Args:
        content: The study file.
        project: Folder that references are relative to.
        task: The task of the data, or None if it is unknown.
        head: The `head` of the study file.
        problems: Collects the problems.
    """
    entries: dict[tuple[str, str], Entry | MetricEntry] = {}
    files: dict[str, Mapping[str, str]] = {}
    broken = set()
    metric_keys = _metric_keys(content)
    for family, key, name in _named(content):
        try:
            one = _find(name, project)
            files[name] = one.hashes()
            one = replace(one, files=files[name], metric_keys=metric_keys if family == METRIC else {})
            entries[family, name] = read_user_entry(family, one, task, head)
        except (ContentError, OSError, ValueError) as error:
            problems.add_error(key, error, name, _NAMED)
            broken.add(family)
    metric = next((name for family, name in entries if family == METRIC), None)
    if any(name == metric for family, name in entries if family != METRIC):
        problems.add(
            "objective.metric",
            "a loss that is searched cannot be the objective: the trials that train it would win by their own measure",
            metric,
            next_step="Write another function, or use a built-in metric.",
        )
    found = UserObjects(entries, files, frozenset(broken))
    found.register()
    return found


def _find(name: str, project: Path) -> UserObject:
    reference = Reference.parse_object(name)
    if reference.installed:
        return UserObject(project, reference)
    if str(reference) != name or not reference.function:
        raise ContentError(
            f"User code is named by its file and a name in it, but got {name!r}. Write {reference.path}:NAME."
        )
    one = UserObject(project, reference)
    missing = missing_helper(project, reference.path)
    if missing is not None:
        raise ContentError(f"{missing}. Add it, or correct the import.")
    return one


def _metric_keys(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what `[objective]` says besides the metric; its form is checked with the section."""
    objective = content.get("objective")
    given = {key: value for key, value in objective.items() if key != METRIC} if isinstance(objective, Mapping) else {}
    return {key: value for key, value in given.items() if key != "options" or isinstance(value, Mapping)}


def _named(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield family, key of the study file, and reference."""
    objective, search = content.get("objective"), content.get("search")
    metric = objective.get("metric") if isinstance(objective, Mapping) else None
    if metric is not None and is_reference(metric):
        yield METRIC, "objective.metric", str(metric)
    for name, value in search.items() if isinstance(search, Mapping) else ():
        if isinstance(DIMENSIONS.get(name), ChoiceDimension):
            given = value.get("choices") if isinstance(value, Mapping) else value
            for one in given if isinstance(given, list | tuple) else [given]:
                if is_reference(one):
                    yield name, dotted("search", name), str(one)
