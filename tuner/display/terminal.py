"""Progress on standard error: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tuner.display.plain_lines import PlainLines
from tuner.display.progress_text import (
    READING,
    best_texts,
    count_texts,
    fitting,
    pace_texts,
    packed,
    running_columns,
)
from tuner.runner import Progress
from tuner.text import visible_line

_BAR_COLUMNS = 12
"""Width of the bar of a running training."""


@contextlib.contextmanager
def terminal_display(*, silent: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress; on a terminal nothing of it stays but the notes.

    Args:
        silent: Whether only notes for the user are shown.
    """
    stream = cast(TextIO, _LossyStream(sys.stderr))
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not silent:
        with LiveProgress(console) as live:
            yield live.show
    else:
        yield PlainLines(stream, silent=silent).show


class _LossyStream:
    """A stream that loses what cannot be written, as to a terminal that was closed: the run continues."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LiveProgress:
    """A bar, the counts, and a line for each running training, redrawn in place.

    Args:
        console: Of the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._began = self._told = time.monotonic()
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> LiveProgress:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def show(self, progress: Progress) -> None:
        """Show the progress from now on; a note is printed above it, and stays."""
        self._progress, self._told = progress, time.monotonic()
        if progress.note:
            self._console.print(Text(visible_line(progress.note), style="yellow"))

    def render(self) -> RenderableType:
        """Return what is shown now: at most as wide and as high as the terminal."""
        progress, width = self._progress, self._console.width
        since_s = time.monotonic() - self._told  # an epoch can take minutes: the clock runs between two of them
        if progress is None:
            return _line(f"{READING} …", "dim")
        lines: list[RenderableType] = [_bar(progress, width, since_s)]
        if any(progress.counts.values()) or not progress.stage:
            lines += [_line(text) for text in packed(count_texts(progress), width)]
            lines.append(_line(fitting(best_texts(progress), width), "bold"))
        if progress.stage:
            lines.append(_line(f"{progress.stage} …", "dim"))
        if progress.dashboard:
            lines.append(_line(fitting([f"dashboard: {progress.dashboard}", progress.dashboard], width), "dim"))
        return Group(*lines, *_table(progress, width, self._console.height - len(lines) - 1))


def _bar(progress: Progress, width: int, since_s: float) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(ratio=1, min_width=8)
    grid.add_column(no_wrap=True, justify="right")
    pace = fitting(pace_texts(progress, since_s), width - 10)
    grid.add_row(ProgressBar(total=1.0, completed=progress.share), _line(pace, "dim"))
    return grid


def _table(progress: Progress, width: int, height: int) -> list[RenderableType]:
    """Return the running trainings, and how many there is no room for."""
    running = len(progress.running)
    rows = running if running < height else height - 2  # one line is the header, one says how many follow
    if rows < 1:
        return []
    columns = running_columns(progress, width, rows)
    grid = Table.grid(padding=(0, 2, 0, 0))
    used = sum(column.width + 2 for column in columns)
    for column in columns:
        grid.add_column(no_wrap=True, justify="right" if column.right else "left")
    headers: list[RenderableType] = [_line(column.header, "dim") for column in columns]
    bars = used + _BAR_COLUMNS <= width
    if bars:
        grid.add_column(no_wrap=True)
    grid.add_row(*headers)
    for index, one in enumerate(progress.running[:rows]):
        cells: list[RenderableType] = [_line(column.cells[index]) for column in columns]
        if bars and one.epochs:
            cells.append(ProgressBar(total=one.epochs, completed=one.epoch, width=_BAR_COLUMNS))
        grid.add_row(*cells)
    more = [] if rows == running else [_line(f"and {running - rows} more", "dim")]
    return [grid, *more]


def _line(text: str, style: str = "") -> Text:
    return Text(visible_line(text), style=style, no_wrap=True, overflow="ellipsis")
