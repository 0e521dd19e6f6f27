"""Plain lines on standard output and standard error; `console` prints tables and colors."""

from __future__ import annotations

import codecs
import io
import sys
from typing import BinaryIO

import click

from tuner.text import plain, visible_line

_IN_ASCII = {"→": "->", "…": "...", "–": "-", "×": "x", "█": "#", "²": "2"}  # noqa: RUF001
_REPLACE = "tuner_replace"
"""Name of the codec error handler that replaces unencodable characters by ASCII."""


def echo(text: object, *, err: bool = False) -> None:
    """Print a line without control characters."""
    # Not click's: in place of an output in ASCII it takes one in UTF-8.
    print(visible_line(text), file=sys.stderr if err else sys.stdout, flush=True)


def echo_lines(text: object, *, err: bool = False) -> None:
    """Print lines without control characters: only of a text in which names and values are quoted."""
    print(plain(text), file=sys.stderr if err else sys.stdout, flush=True)


def write_file(text: str) -> None:
    """Write the content of a file to standard output, in UTF-8 whatever the terminal's encoding."""
    click.echo(text.encode("utf-8"), nl=False)


def binary_output() -> BinaryIO:
    """Return standard output as a file of bytes, for a table that is not for people."""
    return sys.stdout.buffer


def replace_unencodable() -> None:
    """Make standard output and standard error replace unencodable characters instead of failing."""
    codecs.register_error(_REPLACE, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(character, "?") for character in text), error.end
