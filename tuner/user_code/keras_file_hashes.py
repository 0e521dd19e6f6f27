"""The saved Keras models that the keywords of a model name, as in `body = "bodies/digits.keras"`.

They belong to the setup of a study like the files that its model imports: a change is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tuner.errors import ContentError
from tuner.user_code.references import find_file, sha256

SUFFIX = ".keras"


def keras_file_hashes(project: Path, values: Iterable[object]) -> dict[str, str]:
    """Return path → content hash of each `.keras` file that is among the values, or in a list of them.

    Raises:
        ContentError: A path leaves the project, or there is no such file.
    """
    return {path: sha256(_find(project, path)) for path in sorted(set(_paths(values)))}


def with_keras_files(function: Callable[..., Any], project: Path, paths: Collection[str]) -> Callable[..., Any]:
    """Wrap the function of a model file: of a keyword that is one of the paths it gets the file's full path."""
    full = {path: str(_find(project, path)) for path in paths}

    def located(value: object) -> object:
        if isinstance(value, list | tuple):
            return [*map(located, value)]
        return full.get(value, value) if isinstance(value, str) else value

    @functools.wraps(function)
    def build(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **{name: located(value) for name, value in options.items()})

    return build


def _paths(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _paths(value)
        elif isinstance(value, str) and value.endswith(SUFFIX):
            yield value


def _find(project: Path, path: str) -> Path:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ContentError(
            f"The path of a saved model must stay in the project, as in 'bodies/digits.keras', but got {path!r}. Copy "
            "the file into the project."
        )
    try:
        return find_file(project, path)
    except ContentError:
        raise ContentError(
            f"There is no file {path!r} in {project}. Save the model there, as in model.save({path!r})."
        ) from None
