"""The interface of a data source, and the lookup of its files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tuner.data.data_config import DataOptions
from tuner.data.raw_data import RawData
from tuner.errors import DataError, nearest
from tuner.untrusted_files import special_kind

Read: TypeAlias = Callable[[str, DataOptions, Path], RawData]
"""`read(text, options, project)`: the rows of the source that the study file calls `text`.

Raises `DataError`, or `ContentError` where code cannot be loaded.
"""

SPLIT_KEYS = frozenset({"group", "order", "split"})
"""Keys of `[data]` that name a column which decides on the split."""


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
        name: Name of the built-in set, or of the format.
        summary: One line of explanation.
        read: Reads the rows.
        suffixes: Endings of the files it reads; none for built-in sets, folders and functions.
        takes: Keys of `[data]` that only some sources understand, and this one does.
        built_in: Whether `name` is what a study file says.
        read_as: Reads the rows with some columns as texts, if the format has no types of its own: digits alone would be
            numbers in one file, and texts in another.
        runs_code: Whether the rows come from code of the project, which may give others each time.
        read_columns: Reads what the source holds as it is, for a report of all that is wrong with it: `x`, a table or
            an array, and beside it whatever else goes with it by name.
    """

    name: str
    summary: str
    read: Read
    suffixes: tuple[str, ...] = ()
    takes: frozenset[str] = frozenset()
    built_in: bool = False
    read_as: Callable[[str, DataOptions, Path, Collection[str]], RawData] | None = None
    runs_code: bool = False
    read_columns: Callable[[str, DataOptions, Path], Mapping[str, Any]] | None = None


def locate_file(text: str, project: Path) -> Path:
    """Find the regular file `text`, relative to the project or absolute; a named pipe would be waited for forever.

    Raises:
        DataError: There is none, or it is a folder, a pipe, a socket or a device.
    """
    path = locate(text, project)
    kind = special_kind(path)
    if kind is not None:
        raise DataError(f"The data must be a regular file, but {text!r} is {kind}. Name a file.")
    return path


def locate(text: str, project: Path) -> Path:
    """Return the path of `text`, relative to the project or absolute.

    Raises:
        DataError: There is none; the message names the nearest one in the same folder.
    """
    path = project / text
    try:
        if path.exists():
            return path
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"The data {text!r} cannot be opened: {error.strerror or error}.") from error
    near = nearest(path.name, beside)
    hint = f" Did you mean {str(Path(text).with_name(near))!r}?" if near else ""
    where = "" if Path(text).is_absolute() else f" in {project}"
    step = hint or " Check the name."
    raise DataError(f"The data must be a file or folder that exists, but there is no {text!r}{where}.{step}")
