"""Plain lines on standard output and standard error; `console` prints tables and colors."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from tuner.text import plain, visible_line


def echo(text: object, *, err: bool = False) -> None:
    """Print a line without control characters."""
    _print(visible_line(text), err)


def echo_lines(text: object, *, err: bool = False) -> None:
    """Print lines without control characters: only of a text in which names and values are quoted."""
    _print(plain(text), err)


def write_file(text: str) -> None:
    """Write the content of a file to standard output, in UTF-8 whatever the terminal's encoding."""
    click.echo(text.encode("utf-8"), nl=False)


def binary_output() -> BinaryIO:
    """Return standard output as a file of bytes, for a table that is not for people."""
    return sys.stdout.buffer


def _print(text: str, err: bool) -> None:
    # Not click's: in place of an output in ASCII it takes one in UTF-8.
    print(text, file=sys.stderr if err else sys.stdout, flush=True)
