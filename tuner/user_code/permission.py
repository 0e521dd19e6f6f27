"""Permission to run code of a project: only if its user names it, not just a database or an exported file."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tuner.errors import CodeError, ContentError
from tuner.user_code.references import Reference, bundled_folders, find_file, is_reference

_LARGEST_BYTES, _MOST_FILES = 100_000, 1_000
"""Limits of the study files that are searched: their size (a page of text has some thousand bytes) and number."""


def check_named(project: Path, reference: Reference, named: Collection[str] = ()) -> None:
    """Refuse code that only a database or an exported file names.

    A reference in a database, with the hash of its file, proves only that its author knows the file: any script of the
    project could be called.  So code is run if it comes with the package, if the caller names it, or if a study file of
    the project names it, in the project folder itself or in its `studies/`.

    Args:
        project: The user's project.
        reference: The function to run.
        named: References, or files, that the user has named.

    Raises:
        CodeError: Nobody else names it.
        ContentError: A name is not a reference.
    """
    if any(_means(name, reference) for name in named) or _carried(project, reference):
        return
    if any(_means(name, reference) for name in _named_by_studies(project)):
        return
    raise CodeError(
        f"Code of a project is run only if you name it, but only the database or the exported file names "
        f"{str(reference)!r}: no study file in {project} or its studies/ does. If you know what it does, name it: "
        f"--code {reference} on the command line, code=[{str(reference)!r}] in Python."
    )


def _means(name: str, reference: Reference) -> bool:
    if reference.installed or (is_reference(name) and Reference.parse_object(name).installed):
        return name == str(reference)
    return Reference.parse(name, reference.function) == reference


def _carried(project: Path, reference: Reference) -> bool:
    """Check that the reference means a model, or a function of a study, that comes with the package."""
    try:
        file = find_file(project, reference.path)
    except ContentError:
        return False
    places = [folder.resolve() / name for folder in bundled_folders() for name in ("models", "studies")]
    return any(file.is_relative_to(place) for place in places)


def _named_by_studies(project: Path) -> Iterator[str]:
    """Yield the references that the study files of a project name, and skip other files."""
    files = (
        file
        for folder in (project, project / "studies")
        for ending in ("toml", "yaml", "yml")
        for file in sorted(folder.glob(f"*.{ending}"))
    )
    for file in itertools.islice(files, _MOST_FILES):
        content = _content(file)
        data, objective, search = (_table(content.get(key)) for key in ("data", "objective", "search"))
        sources = [data.get(key) for key in ("source", "validation", "test")]
        chosen = [name for value in search.values() for name in _choices(value)]
        for name in (content.get("model"), *sources, objective.get("metric"), *chosen):
            if is_reference(name):
                try:
                    object_of_package = Reference.parse_object(name).installed
                    default = "build" if name is content.get("model") else "load"
                    yield name if object_of_package else str(Reference.parse(name, default))
                except ContentError:
                    continue


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _choices(value: Any) -> list[Any]:
    """Return the values of a dimension of `[search]`: one, a list, or a table with choices."""
    given = value.get("choices") if isinstance(value, dict) else value
    return given if isinstance(given, list) else [given]


def _content(file: Path) -> dict[str, Any]:
    import yaml

    try:
        if not file.is_file() or file.stat().st_size > _LARGEST_BYTES:
            return {}
        text = file.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
