"""A study of a Python session: from keyword arguments to a study file and the files that it names.

Nothing live reaches a worker.  Rows become a data file next to the study file, functions a file of Python.  The study
file names them, so that the command line continues the same study.
"""

from __future__ import annotations

import ast
import filecmp
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension
from tuner.data import ArrayFile, array_file
from tuner.errors import UsageError, shown
from tuner.study.misplaced_objects import check_takes_objects
from tuner.study.plain_content import plain_content
from tuner.study.search_values import with_lists
from tuner.study.study_file_sections import StudyFile
from tuner.study.study_name import check_study_name
from tuner.text import one_line, toml_text, tuner_command
from tuner.user_code import SessionModule, check_function, is_live

STUDIES_FOLDER = "studies"
"""Folder of the project that the files are written to."""

_MARK = "# Written by tuner.run"
"""Begin of a study file that may be written again."""

_SHORT: Mapping[str, tuple[str, str]] = {
    "metric": ("objective", "metric"),
    "trials": ("budget", "trials"),
    "time_s": ("budget", "time"),
    "epochs": ("budget", "epochs"),
}
"""Keyword argument → section and key of the study file that it stands for."""

_NEEDED = {
    "model": 'model=build, a function, or model="models/mlp.py"',
    "data": 'data=(x, y), or a source, as in data="houses.csv"',
}
_SOURCES = ("source", "validation", "test")
"""Keys of `[data]` that name rows."""


@dataclass(frozen=True)
class PythonStudy:
    """A study of a Python session.

    Attributes:
        name: Its name.
        content: Content of the study file.
        rows: Name of a file in `STUDIES_FOLDER` → its rows.
        code: Text of the file with functions of the session, or None if there are none.
    """

    name: str
    content: Mapping[str, Any]
    rows: Mapping[str, ArrayFile]
    code: str | None = None

    @property
    def file(self) -> str:
        """The study file, relative to the project."""
        return f"{STUDIES_FOLDER}/{self.name}.toml"

    @property
    def code_file(self) -> str:
        """Name of the file with functions, in `STUDIES_FOLDER`."""
        return f"{self.name}.py"

    def row_files(self) -> list[tuple[str, str]]:
        """Return key of `[data]` and name of the file for all rows."""
        return [(key, name) for key in _SOURCES for name in self.rows if self.content["data"].get(key) == _path(name)]

    def text(self) -> str:
        """Return the text of the study file."""
        about = f"{_MARK}, which writes it again each time. `{one_line(tuner_command('run', self.file))}` resumes it."
        return f"{about}\n\n{toml_text(self.content, _tables(self.content))}"


def python_study(given: Mapping[str, Any], project: Path) -> PythonStudy:
    """Read the keyword arguments of `tuner.run`.

    Args:
        given: Keys of the study file and the short ones (`metric`, `trials`, `time_s`, `epochs`); None for those that
            were left out.  Rows may stand wherever a source may, functions and classes wherever a reference may.
        project: Folder of the project: what its files define is named by file.

    Raises:
        UsageError: An argument is given twice, or holds what a study file cannot.
        ContentError: A function uses what cannot travel.
        DataError: Rows cannot be used.
    """
    content: dict[str, Any] = {key: value for key, value in given.items() if value is not None and key not in _SHORT}
    for key, (section, name) in _SHORT.items():
        if given.get(key) is not None:
            content[section] = _with_key(content.get(section, {}), section, name, key, given[key])
    for key, example in _NEEDED.items():
        if key not in content:
            raise UsageError(f"A study needs {key}, but `{key}` was left out. Write {example}.")
    name = str(content.get("name") or _default_name(content["model"]))
    check_study_name(name)
    rows: dict[str, ArrayFile] = {}
    if "data" in content:
        content["data"] = _data_section(content["data"], name, rows)
    if "search" in content:
        content["search"] = with_lists(content["search"])
    module = SessionModule(project, f"{STUDIES_FOLDER}/{name}.py")
    ordered = {
        "name": name,
        **{key: content[key] for key in StudyFile.model_fields if key in content and key != "name"},
    }
    named = {key: _with_references(value, key, module) for key, value in ordered.items()}
    plain = {key: _checked(plain_content(value), key) for key, value in named.items()}
    return PythonStudy(name, tomllib.loads(toml_text(plain, _tables(plain))), rows, module.text())


def _with_references(value: Any, key: str, module: SessionModule) -> Any:
    """Return the value with references in place of functions and classes, also as keys of tables."""
    if isinstance(value, Mapping):
        return {
            (_reference(name, key, module) if is_live(name) else name): _with_references(item, f"{key}.{name}", module)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_references(item, key, module) for item in value]
    return _reference(value, key, module) if is_live(value) else value


def _reference(thing: Any, key: str, module: SessionModule) -> str:
    check_takes_objects(thing, key)
    check_function(thing, key)
    choices = {name: one for name, one in DIMENSIONS.items() if isinstance(one, ChoiceDimension)}
    dimension = choices.get(key.removeprefix("search.").removesuffix("_options"))
    if dimension is None:
        return module.refer(thing, installed=key == "objective.metric")
    return _row_name(thing, dimension) or module.refer(thing, installed=True)


def _row_name(thing: FunctionType | type, dimension: ChoiceDimension) -> str | None:
    """Return the name of the row that stands for a function or class of Keras, or None if no row does."""
    if thing.__module__.partition(".")[0] != "keras":
        return None
    name = thing.__name__.replace("_", "").lower()
    return next((row for row in dimension.table if row.replace("_", "") == name), None)


@contextmanager
def staged_files(study: PythonStudy, project: Path) -> Iterator[dict[str, Path]]:
    """Write the files of rows and functions into a folder that is removed afterwards.

    Yields:
        Name of a file in `STUDIES_FOLDER` → path of the new one, for those that differ from what is there.
    """
    folder = project / STUDIES_FOLDER
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=folder) as staging:
            differing = {}
            for name, rows in study.rows.items():
                path = Path(staging) / name
                rows.write(path)
                if not (folder / name).is_file() or not filecmp.cmp(path, folder / name, shallow=False):
                    differing[name] = path
            if study.code is not None and not _same_code(study.code, folder / study.code_file):
                differing[study.code_file] = Path(staging) / study.code_file
                differing[study.code_file].write_text(study.code, encoding="utf-8")
            yield differing
    except OSError as error:
        raise UsageError(
            f"The files of a study are written to {folder}, but that fails: {error.strerror or error}. "
            "Name another folder: project=..."
        ) from error


def check_replaceable(study: PythonStudy, project: Path, differing: Mapping[str, Path]) -> None:
    """Refuse to replace files that this module did not write.

    Raises:
        UsageError: There is one.
    """
    file = project / study.file
    if file.is_file() and file.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        return
    for path in (file, *(project / STUDIES_FOLDER / name for name in differing)):
        if path.exists():
            raise UsageError(
                f"tuner.run writes {path.relative_to(project)}, but there is one that it did not write. Give the study "
                f'another name, name="{study.name}-2", or remove the file. To run a study file, give its path: '
                f'tuner.run("{study.file}").'
            )


def replace_files(differing: Mapping[str, Path], project: Path) -> list[Path]:
    """Move staged files to their places, and return those of which there was none before."""
    new = [project / STUDIES_FOLDER / name for name in differing if not (project / STUDIES_FOLDER / name).exists()]
    for name, path in differing.items():
        os.replace(path, project / STUDIES_FOLDER / name)
    return new


def _path(name: str) -> str:
    """Return the path of a file, relative to the project."""
    return f"{STUDIES_FOLDER}/{name}"


def _same_code(text: str, file: Path) -> bool:
    """Tell whether a file holds the same code; comments and blank lines do not count."""
    try:
        return ast.dump(ast.parse(file.read_bytes())) == ast.dump(ast.parse(text))
    except (OSError, SyntaxError, ValueError):
        return False


def _default_name(model: Any) -> str:
    if isinstance(model, str | Path):
        return Path(str(model).partition(":")[0]).stem
    return str(getattr(model, "__name__", "study"))


def _with_key(section: Any, name: str, key: str, short: str, value: Any) -> dict[str, Any]:
    if not isinstance(section, Mapping):
        raise UsageError(f"`{name}` must be a dict with the keys of [{name}], but got {shown(section)}.")
    if key in section:
        raise UsageError(f"`{short}` stands for {name}[{key!r}], but both are given. Leave one out.")
    return {**section, key: value}


def _data_section(data: Any, name: str, rows: dict[str, ArrayFile]) -> Any:
    """Return `[data]` with files in place of rows, which are added to `rows`."""
    section = dict(data) if isinstance(data, Mapping) and "source" in data else {"source": data}
    for key in _SOURCES:
        if key in section and _is_rows(section[key], key):
            file = array_file(
                section[key], "`data`" if key == "source" else f"`data[{key!r}]`", _named_columns(section)
            )
            path = f"{name}{'' if key == 'source' else f'.{key}'}{file.suffix}"
            section[key], rows[path] = _path(path), file
            for option, value in file.options.items():
                if section.setdefault(option, value) != value:
                    raise UsageError(
                        f"The {option} of (x, y) is its y or weight, {shown(value)}, but data[{option!r}] is "
                        f"{shown(section[option])}. Leave it out, or give one table as the source."
                    )
    return section


def _named_columns(section: Mapping[str, Any]) -> list[str]:
    """Return the columns that keys of `[data]` name."""
    values = [section.get(key) for key in ("weight", "group", "order", "split", "target", "drop", "columns")]
    lists = [value if isinstance(value, list | tuple | Mapping) else [value] for value in values]
    return [name for each in lists for name in each if isinstance(name, str)]


def _is_rows(value: Any, key: str) -> bool:
    if isinstance(value, str | Path | bool | int | float) or callable(value):
        return False
    return not (key == "validation" and isinstance(value, Mapping) and set(value) == {"folds"})


def _checked(value: Any, key: str) -> Any:
    """Return the value if TOML can hold it, without what is None."""
    if isinstance(value, Mapping):
        return {name: _checked(item, f"{key}.{name}") for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_checked(item, key) for item in value]
    if isinstance(value, str | bool | int | float):
        return value
    raise UsageError(
        f"`{key}` must hold what a study file can: strings, numbers, true or false, lists and tables of them, but got "
        f"{shown(value)} of type {type(value).__name__}."
    )


def _tables(content: Mapping[str, Any]) -> set[str]:
    """Return the dotted names of the tables that get a section of their own in the file."""
    found = {key for key, value in content.items() if isinstance(value, Mapping)}
    search = content.get("search")
    for key, value in search.items() if isinstance(search, Mapping) else ():
        if key == "model" and isinstance(value, Mapping):
            found.add(f"search.{key}")
        elif isinstance(value, Mapping) and key.endswith("_options"):
            found |= {
                f"search.{key}",
                *(f"search.{key}.{name}" for name, each in value.items() if isinstance(each, Mapping)),
            }
    return found
