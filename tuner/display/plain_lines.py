"""Progress as plain lines, for a log or a pipe."""

from __future__ import annotations

import time
from typing import TextIO

from tuner.display.progress_text import progress_line
from tuner.runner import Progress
from tuner.text import visible_line

LINE_EVERY_S = 10.0
"""A line comes with each new best value, and at least this often in the first minutes."""

_SHARE = 0.02
"""Later a line comes each time that so much of the elapsed time has passed: 72 s after an hour."""


class PlainLines:
    """Writes a line now and then.

    Args:
        stream: Where to.
        silent: Whether only notes are written.
    """

    def __init__(self, stream: TextIO, *, silent: bool = False) -> None:
        self._stream, self._silent = stream, silent
        self._wrote_s: float | None = None
        self._best: tuple[int, float] | None = None
        self._started = False
        self._dashboard: str | None = None

    def show(self, progress: Progress) -> None:
        """Write what is new."""
        if progress.note:
            self._write(progress.note)
        if self._silent or (progress.note and not any(progress.counts.values())):  # there is no more to say yet
            return
        if progress.stage and not progress.finished:
            if not self._started:
                self._started = True
                self._write(f"{progress.stage} …")
            return
        if progress.dashboard and progress.dashboard != self._dashboard:
            self._dashboard = progress.dashboard
            self._write(f"dashboard: {progress.dashboard}")
        best, now = progress.best[:2] if progress.best else None, time.monotonic()
        pause_s = max(LINE_EVERY_S, _SHARE * progress.elapsed_s)
        if self._wrote_s is None or best != self._best or now - self._wrote_s >= pause_s:
            self._best, self._wrote_s = best, now
            self._write(progress_line(progress))

    def _write(self, text: str) -> None:
        self._stream.write(visible_line(text) + "\n")
        self._stream.flush()
