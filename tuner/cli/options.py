"""Options and arguments that several commands share, and their interpretation."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tuner.cli.echo import echo, write_file
from tuner.errors import UsageError
from tuner.text import json_text, listed

if TYPE_CHECKING:
    from tuner.results import StoredStudy
    from tuner.storage import Database

Command = TypeVar("Command", bound=Callable[..., Any])

STUDY_SUFFIXES = (".toml", ".yaml", ".yml")

_NAME_BYTES = 150
"""Of a study's name in that of a file: with an ending it stays below the 255 that file systems allow."""


def storage_option(function: Command, database: str = "Database") -> Command:
    """Add `--storage URL`; `database` says which one."""
    return click.option(
        "--storage",
        metavar="URL",
        envvar="TUNER_STORAGE",
        help=f"{database}, as an SQLAlchemy URL.  [env: TUNER_STORAGE; default: runs/tuner.db of the project]",
    )(function)


def code_option(function: Command) -> Command:
    """Add `--code FILE.py:FUNCTION`."""
    return click.option(
        "--code",
        metavar="FILE.py:FUNCTION",
        multiple=True,
        help="Allow a model or data function that only the database names, and no study file here; repeatable.",
    )(function)


def trial_option(text: str) -> Callable[[Command], Command]:
    """Add `--trial N`, the number of one trial: given twice, it is an error, and not the last one."""

    def single(ctx: click.Context, option: click.Parameter, value: tuple[int, ...]) -> int | None:
        if len(value) > 1:
            raise UsageError(
                f"--trial can be given once, but got {listed([str(one) for one in value])}. Give one of them."
            )
        return next(iter(value), None)

    return click.option("--trial", metavar="N", type=click.IntRange(min=0), multiple=True, callback=single, help=text)


def json_option(function: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")(
        function
    )


def traceback_option(function: Command) -> Command:
    """Add `--traceback`, which is TUNER_TRACEBACK=1 for one command."""

    def set_variable(ctx: click.Context, option: click.Parameter, value: bool) -> None:
        if value:
            os.environ["TUNER_TRACEBACK"] = "1"

    return click.option(
        "--traceback",
        is_flag=True,
        expose_value=False,
        callback=set_variable,
        help="Show the whole traceback of an error in your code.  [env: TUNER_TRACEBACK]",
    )(function)


def study_argument(function: Command) -> Command:
    """Add `STUDY`: a name or a study file."""
    return click.argument("study", metavar="STUDY")(function)


def print_json(content: Any) -> None:
    """Print standard JSON; NaN and infinities become null."""
    write_file(json_text(content).replace("\x7f", "\\u007f") + "\n")  # the one control character that json leaves


@contextlib.contextmanager
def stdout_reserved_for_json(as_json: bool) -> Iterator[None]:
    """Redirect what user code prints to standard error, if standard output is for JSON."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def default_file(study: str, ending: str) -> Path:
    """Return the name of a file in the current folder for what comes of a study, which may have any name."""
    name = re.sub(r"[^\w.-]+", "_", study).encode()[:_NAME_BYTES].decode(errors="ignore").strip("._")
    return Path((name or "study") + ending)


def write_text(file: Path, text: str) -> None:
    """Write a file in UTF-8, whole or not at all, or raise UsageError."""
    from tuner.output_files import write_text_file

    write_text_file(file, text)


def open_existing(storage: str | None, project: Path | None = None, *, write: bool = False) -> Database:
    """Open an existing database, read-only unless `write`."""
    from tuner.storage import default_url, open_database, open_read_only

    url = storage or default_url(project or Path.cwd())
    if not write:
        return open_read_only(url)
    database = open_database(url, create=False)
    if database.note:
        echo(database.note, err=True)
    return database


def find_study(study: str, storage: str | None) -> StoredStudy:
    """Read the results of a study, given its name or its study file."""
    from tuner.results import read_study_results

    name, project = study_name(study)
    return read_study_results(open_existing(storage, project), name)


def study_name(study: str) -> tuple[str, Path | None]:
    """Return the name of a study, and its project if a file was given."""
    if not study.endswith(STUDY_SUFFIXES):
        return study, None
    from tuner.study import study_name_in

    return study_name_in(study)


def positive_seconds(text: str | None) -> float | None:
    """Parse a duration such as "90", "90s", "10m", "1h30m" or "2d"."""
    if text is None:
        return None
    from tuner.study import duration_s

    seconds = duration_s(text)
    if not seconds:
        raise UsageError(f"--time takes a positive duration such as 90s, 10m, 1h30m or 2d, but got {text!r}.")
    return seconds
