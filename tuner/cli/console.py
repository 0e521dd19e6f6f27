"""The console of the commands: it prints text verbatim, and without control sequences.

Names and messages come from databases, files and exceptions of other people: they must not control the terminal, nor
begin a line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import IO, Any, cast

import rich.text
from rich.console import Console

from tuner.text import visible_line

NO_TERMINAL_COLUMNS = 120
_TRAILING = re.compile(r" +(?=\n)")

RichText = rich.text.Text


class Text(RichText):
    """A styled text on one line, without control characters."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(visible_line(text), *arguments, **options)

    @classmethod
    def lines(cls, texts: Iterable[str]) -> RichText:
        """Several texts, each on a line of its own."""
        return RichText("\n").join([cls(text) for text in texts])


class _WithoutTrailingBlanks:
    """A stream that leaves out the blanks with which Rich fills up the lines of tables."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_TRAILING.sub("", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> RichText:
        """Remove control characters and line breaks; every string that is printed passes here, in tables too."""
        return super().render_str(visible_line(text), **options)


def console() -> Console:
    """Make a console that prints text verbatim: brackets and colons in names are not markup.

    It is as wide as the terminal, or as COLUMNS says; without both at least `NO_TERMINAL_COLUMNS`.
    """
    found = _Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        if not os.environ.get("COLUMNS", "").strip("0").isdigit():
            found.width = max(found.width, NO_TERMINAL_COLUMNS)
        found.file = cast(IO[str], _WithoutTrailingBlanks(found.file))
    return found
