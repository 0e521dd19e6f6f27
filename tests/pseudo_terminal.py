"""Run a command in a pseudo-terminal, and see its screens as a person does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyte

Look = Callable[[float, pyte.Screen], str | None]
"""Called with the seconds since the start and the screen after each change; what it returns is typed."""


class Terminal:
    """A terminal in which one command runs.

    Args:
        command: What is run.
        columns, rows: Size, characters.
        folder: Where.
        environment: Variables to set.

    Attributes:
        screen: What is on it, with the lines that have left it at the top (`screen.history.top`).
        code: Exit code, once `run` has returned.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        columns: int,
        rows: int,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(part) for part in command]
        self._size, self._folder, self._environment = (rows, columns), folder, environment or {}
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.code: int | None = None

    def type_out(self, text: str) -> None:
        """Show a text as if the terminal had printed it."""
        self._stream.feed(text.encode())

    def run(self, look: Look = lambda seconds, screen: None, limit_s: float = 600.0) -> int:
        """Run the command, and return its exit code; -1 if it was killed after `limit_s`."""
        process, terminal = pty.fork()
        if process == 0:
            self._become()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))
        start = time.monotonic()
        for output in _outputs(terminal, lambda: time.monotonic() - start > limit_s):
            if output:
                self._stream.feed(output)
            typed = look(time.monotonic() - start, self.screen)
            if typed:
                os.write(terminal, typed.encode())
        if time.monotonic() - start > limit_s:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        os.close(terminal)
        self.code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return self.code

    def lines(self) -> list[str]:
        """Return all that stays, lines that have left the screen at the top included, without blanks at the ends."""
        width = self.screen.columns
        gone = ["".join(line[column].data for column in range(width)).rstrip() for line in self.screen.history.top]
        return "\n".join([*gone, *(line.rstrip() for line in self.screen.display)]).rstrip().split("\n")

    def _become(self) -> None:
        rows, columns = self._size
        os.chdir(self._folder)
        for name in ("CI", "FORCE_COLOR", "NO_COLOR"):
            os.environ.pop(name, None)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(columns), LINES=str(rows))
        os.environ.update(self._environment)
        os.execv(self._command[0], self._command)


def visible(screen: pyte.Screen) -> list[str]:
    """Return the lines that are on the screen now, without blanks at the ends."""
    return "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")


def _outputs(terminal: int, is_over: Callable[[], bool]) -> Iterator[bytes]:
    """Read what a process writes to its terminal, until it ends; nothing now and then."""
    while not is_over():
        if not select.select([terminal], [], [], 0.1)[0]:
            yield b""
            continue
        try:
            yield os.read(terminal, 1 << 16)
        except OSError:  # Linux says so that nobody has the terminal open any more
            return
