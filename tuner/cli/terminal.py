"""Where the commands print: text as it is, and no fuss when whoever reads it has enough."""

from __future__ import annotations

from rich.console import Console

NO_TERMINAL_COLUMNS = 120


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would exit here, with code 1."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: brackets and colons in names are no markup.

    It is as wide as the terminal; `NO_TERMINAL_COLUMNS` at least where there is none.
    """
    found = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = max(found.width, NO_TERMINAL_COLUMNS)
    return found
