"""The console of the commands: it prints text verbatim, and without control sequences.

Names and messages come from databases, files and exceptions of other people, and must not control the terminal.
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
        """Raise, where Rich would exit with code 1."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> rich.text.Text:
        """Remove control characters; every string that is printed passes through here, in tables too."""
        return super().render_str(plain(text), **options)


def console(*, stderr: bool = False) -> Console:
    """Make a console that prints text verbatim: brackets and colons in names are not markup.

    It is as wide as the terminal, or at least `NO_TERMINAL_COLUMNS` without one.
    """
    found = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = max(found.width, NO_TERMINAL_COLUMNS)
    return found
