"""The console of the commands: it prints text verbatim, and without control sequences.

Names and messages come from databases, files and exceptions of other people: they must not control the terminal, nor
begin a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rich.text
from rich.console import Console

from tuner.text import visible_line

NO_TERMINAL_COLUMNS = 120

RichText = rich.text.Text


class Text(RichText):
    """A styled text on one line, without control characters."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(visible_line(text), *arguments, **options)

    @classmethod
    def lines(cls, texts: Iterable[str]) -> RichText:
        """Several texts, each on a line of its own."""
        return RichText("\n").join([cls(text) for text in texts])


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise, where Rich would exit with code 1."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> RichText:
        """Remove control characters and line breaks; every string that is printed passes here, in tables too."""
        return super().render_str(visible_line(text), **options)


def console(*, stderr: bool = False) -> Console:
    """Make a console that prints text verbatim: brackets and colons in names are not markup.

    It is as wide as the terminal, or at least `NO_TERMINAL_COLUMNS` without one.
    """
    found = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = max(found.width, NO_TERMINAL_COLUMNS)
    return found
