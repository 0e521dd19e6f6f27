"""Standard input, output and error of a command: all three are open, and what they cannot take is no internal error."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import stat
import sys
from typing import Any

from tuner.errors import UsageError

_IN_ASCII = {"→": "->", "…": "...", "–": "-", "×": "x", "█": "#", "²": "2"}  # noqa: RUF001
_REPLACE = "tuner_replace"
"""Name of the codec error handler that replaces unencodable characters by ASCII."""


class OutputClosedError(Exception):
    """The reader of our output is gone, as in `tuner show … | head`; click would call that a failure."""


def prepare_standard_streams() -> None:
    """Open and guard standard input, output and error, for all code of this process."""
    open_standard_streams()
    replace_unencodable()
    for name, kind in (("stdout", _StandardOutput), ("stderr", _LossyOutput)):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            raw = kind(stream.fileno(), "w", closefd=False)
            direct = stream.write_through  # as PYTHONUNBUFFERED asks for
            buffer = raw if direct else io.BufferedWriter(raw)
            lines = stream.line_buffering
            text = io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=lines, write_through=direct)
            setattr(sys, name, text)


def open_standard_streams() -> None:
    """Open on the null device what of standard input, output and error is closed, as a scheduler may start us.

    Otherwise the first print would fail, and the next files that are opened would get their numbers.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, it stays open


def replace_unencodable() -> None:
    """Make standard output and standard error replace unencodable characters instead of failing."""
    codecs.register_error(_REPLACE, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


class _LossyOutput(io.FileIO):
    """Output that may be lost, as a log on a full disk: the work, and its exit code, count for more."""

    def write(self, data: Any) -> int:
        """Write all bytes, and wait for a reader that takes its time."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        try:
            while rest:
                written = super().write(rest)
                if written is None:
                    select.select((), (self,), ())
                rest = rest[written or 0 :]
        except OSError as error:
            self.fail(error)
        return length

    def fail(self, error: OSError) -> None:
        """Handle that it cannot be written."""


class _StandardOutput(_LossyOutput):
    """Standard output, whose failure ends the command, unless it is a terminal that was closed.

    Raises:
        OutputClosedError: Its reader is gone.
        UsageError: It cannot be written: it is a file on a full disk, say.
    """

    def fail(self, error: OSError) -> None:
        """Raise once; what is printed afterwards, or still buffered, goes to the null device."""
        closed_terminal = error.errno == errno.EIO and stat.S_ISCHR(os.fstat(self.fileno()).st_mode)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)
        if isinstance(error, BrokenPipeError):
            raise OutputClosedError from error
        if not closed_terminal:
            raise UsageError(
                f"Standard output cannot be written: {error.strerror or error}. Make room, or send it elsewhere; what "
                "the command has done is kept."
            ) from error


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(character, "?") for character in text), error.end
