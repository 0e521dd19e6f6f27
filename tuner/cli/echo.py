"""Plain lines on standard output and standard error; `console` prints tables and colors."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from tuner.errors import UsageError
from tuner.text import plain, visible_line

_IN_ASCII = {"→": "->", "…": "...", "–": "-", "×": "x", "█": "#", "²": "2"}  # noqa: RUF001
_REPLACE = "tuner_replace"
"""Name of the codec error handler that replaces unencodable characters by ASCII."""


def echo(text: object, *, err: bool = False) -> None:
    """Print a line without control characters."""
    _print(visible_line(text), err)


def echo_lines(text: object, *, err: bool = False) -> None:
    """Print lines without control characters: only of a text in which names and values are quoted."""
    _print(plain(text), err)


def write_file(text: str) -> None:
    """Write the content of a file to standard output, in UTF-8 whatever the terminal's encoding."""
    with writing_output():
        click.echo(text.encode("utf-8"), nl=False)


@contextlib.contextmanager
def writing_output() -> Iterator[None]:
    """Turn the failure to write standard output into an error of ours; a reader that is gone is none.

    Raises:
        UsageError: It cannot be written: it is a file on a full disk, say.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(
            f"Standard output cannot be written: {error.strerror or error}. Make room, or send it elsewhere; what the "
            "command has done is kept."
        ) from error


def binary_output() -> BinaryIO:
    """Return standard output as a file of bytes, for a table that is not for people."""
    return sys.stdout.buffer


def open_standard_streams() -> None:
    """Open on the null device what of standard input, output and error is closed, as a scheduler may start us.

    Otherwise the first print would fail, and the next files that are opened would get their numbers.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, it stays open


def replace_unencodable() -> None:
    """Make standard output and standard error replace unencodable characters instead of failing."""
    codecs.register_error(_REPLACE, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


def _print(text: str, err: bool) -> None:
    # Not click's: in place of an output in ASCII it takes one in UTF-8.
    if err:
        with contextlib.suppress(OSError):  # a log on a full disk: the work, and its exit code, count for more
            print(text, file=sys.stderr, flush=True)
        return
    with writing_output():
        print(text, flush=True)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(character, "?") for character in text), error.end
