"""Where the commands print: text as it is, and no fuss when whoever reads it has enough.

Nothing that is printed here can steer a terminal: names and messages come from databases, files and exceptions of other
people.
"""

from __future__ import annotations

from typing import Any

import rich.text
from rich.console import Console

from tuner.text import plain

NO_TERMINAL_COLUMNS = 120


class Text(rich.text.Text):
    """A styled text without control characters."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(plain(text), *arguments, **options)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would exit here, with code 1."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> rich.text.Text:
        """Take control characters out; every text that is no `Text` comes here, those in tables too."""
        return super().render_str(plain(text), **options)


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: brackets and colons in names are no markup.

    It is as wide as the terminal; `NO_TERMINAL_COLUMNS` at least where there is none.
    """
    found = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = max(found.width, NO_TERMINAL_COLUMNS)
    return found
