"""Live progress: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from tuner.cli.console import Text, console
from tuner.runner import Progress
from tuner.text import duration, value_text

PLAIN_EVERY_S = 10.0
"""Without a terminal a line comes with each new best value, and at least this often."""


@contextlib.contextmanager
def progress(*, silent: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress."""
    out = console(stderr=True)
    if silent:
        yield _while_read(_notes_only(out))
    elif out.is_terminal:
        with _BarView(out) as view:
            yield view.show
    else:
        yield _while_read(_PlainView(out).show)


def _while_read(show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Show progress until it can no longer be written; the run continues."""
    read = True

    def guarded(standing: Progress) -> None:
        nonlocal read
        if read:
            try:
                show(standing)
            except OSError:
                read = False

    return guarded


class _BarView:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._standing: Progress | None = None
        self._shown = time.monotonic()
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> _BarView:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def show(self, standing: Progress) -> None:
        self._standing, self._shown = standing, time.monotonic()
        if standing.note:
            self._console.print(standing.note, style="yellow", soft_wrap=False)

    def _render(self) -> RenderableType:
        standing = self._standing
        if standing is None:
            return Text("reading the study …", style="dim")
        grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
        grid.add_column(ratio=1, min_width=8)
        grid.add_column(no_wrap=True, justify="right")
        since = time.monotonic() - self._shown  # trials can take minutes: keep the clock running between two of them
        grid.add_row(ProgressBar(total=1.0, completed=standing.share), Text(_pace(standing, since), style="dim"))
        return Group(
            grid,
            Text(_counts(standing), overflow="ellipsis", no_wrap=True),
            Text(_best(standing), style="bold", overflow="ellipsis", no_wrap=True),
        )


class _PlainView:
    def __init__(self, console: Console) -> None:
        self._console, self._said = console, 0.0
        self._best: tuple[int, float] | None = None

    def show(self, standing: Progress) -> None:
        if standing.note:
            self._console.print(standing.note, soft_wrap=True)
        best = standing.best[:2] if standing.best else None
        now = time.monotonic()
        if best == self._best and now - self._said < PLAIN_EVERY_S:
            return
        self._best, self._said = best, now
        self._console.print(f"{_pace(standing)} | {_counts(standing)} | {_best(standing)}", soft_wrap=True)


def _notes_only(out: Console) -> Callable[[Progress], None]:
    def show(standing: Progress) -> None:
        if standing.note:
            out.print(standing.note, soft_wrap=True)

    return show


def _pace(standing: Progress, since_s: float = 0.0) -> str:
    total = "" if standing.trials is None else f"/{standing.trials}"
    left = standing.left_s
    return f"{standing.finished}{total} {standing.unit}, {duration(standing.elapsed_s + since_s)}" + (
        "" if left is None else f", {duration(max(0.0, left - since_s))} left"
    )


def _counts(standing: Progress) -> str:
    parts = [f"{standing.counts[state]} {state}" for state in standing.counts if standing.counts[state]]
    return ", ".join(parts) or "nothing yet"


def _best(standing: Progress) -> str:
    if standing.best is None:
        return f"no complete {standing.unit.removesuffix('s')} yet"
    number, value, _ = standing.best
    return f"best {standing.metric} {value_text(value)} (trial {number})"
