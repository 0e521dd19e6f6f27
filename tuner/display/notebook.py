"""Progress in a notebook: one output that is updated in place, without widgets."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tuner.display.progress_text import (
    READING,
    best_texts,
    count_texts,
    pace_texts,
    progress_line,
    running_columns,
)
from tuner.runner import Progress
from tuner.text import element

_UPDATE_EVERY_S = 0.5
_WIDTH = 120
"""Columns of the table of running trainings, characters; a cell of a notebook scrolls."""
_ROWS = 32


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook: Jupyter, VS Code, Colab."""
    ipython = sys.modules.get("IPython")  # only a kernel has imported it before
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextlib.contextmanager
def notebook_display() -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress in the cell that runs; the last of it stays."""
    output = _Output(importlib.import_module("IPython.display"))
    try:
        yield output.show
    finally:
        output.finish()


class _Output:
    """The output of a cell.

    Args:
        ipython: The module `IPython.display`.
    """

    def __init__(self, ipython: Any) -> None:
        self._notes: list[str] = []
        self._progress: Progress | None = None
        self._shown_s = time.monotonic()
        first = str(element("p", f"{READING} …"))
        self._handle = ipython.display(_bundle(first, READING), raw=True, display_id=True)

    def show(self, progress: Progress) -> None:
        """Show the progress, unless it was shown just now."""
        self._progress = progress
        if progress.note:
            self._notes.append(progress.note)
        if progress.note or time.monotonic() - self._shown_s >= _UPDATE_EVERY_S:
            self._update(progress)

    def finish(self) -> None:
        """Show how it ended."""
        if self._progress is not None:
            self._update(replace(self._progress, running=(), stage=None, trials_left_s=None, time_s=None))

    def _update(self, progress: Progress) -> None:
        self._shown_s = time.monotonic()
        self._handle.update(_bundle(progress_html(progress, self._notes), progress_line(progress)), raw=True)


def _bundle(html: str, text: str) -> dict[str, str]:
    return {"text/html": html, "text/plain": text}


def progress_html(progress: Progress, notes: list[str]) -> str:
    """Return the progress as HTML.

    Args:
        progress: The progress.
        notes: Messages for the user so far.
    """
    bar = element("progress", value=f"{progress.share:.4f}", max="1", style="width: 16em; vertical-align: middle")
    parts = [
        element("div", bar, " ", pace_texts(progress)[0]),
        element("div", ", ".join(count_texts(progress)), "; ", element("strong", best_texts(progress)[0])),
        *(element("div", note) for note in notes),
    ]
    if progress.stage:
        parts.append(element("div", f"{progress.stage} …"))
    if progress.dashboard:
        parts.append(element("div", "dashboard: ", element("a", progress.dashboard, href=progress.dashboard)))
    columns = running_columns(progress, _WIDTH, _ROWS) if progress.running else []
    if columns:
        head = [_cell("th", column.header, column.right) for column in columns]
        rows = [
            element("tr", [_cell("td", column.cells[index], column.right) for column in columns])
            for index in range(len(columns[0].cells))
        ]
        parts.append(element("table", element("thead", element("tr", head)), element("tbody", rows)))
    return str(element("div", parts))


def _cell(tag: str, text: str, right: bool) -> Any:
    return element(tag, text, style=f"text-align: {'right' if right else 'left'}")
