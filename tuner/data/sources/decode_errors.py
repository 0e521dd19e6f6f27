"""Tables of text that are not UTF-8: which row, and which byte."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.data.sources.csv_format import CsvFormat, begins_with, open_bytes
from tuner.errors import DataError

_LONGEST_PIECE = 1 << 16
"""Characters that are read at once: a damaged file may be one line."""


@contextmanager
def decoding(path: Path, text: str, found: CsvFormat) -> Iterator[None]:
    """Convert the error of a codec, which counts from some chunk of the file, to one that names the row.

    Args:
        path: The file.
        text: The file as the user named it.
        found: How it is written.

    Raises:
        DataError: The file is not UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{text} must be a table of UTF-8 text, but {_place(path, found, error)}. Save it as UTF-8."
        ) from error


def _place(path: Path, found: CsvFormat, error: UnicodeDecodeError) -> str:
    """Say which row is not UTF-8; 1 is the first below the names of the columns."""
    decoder, rows, quoted, begins = codecs.getincrementaldecoder("utf-8")(), -int(found.header), False, True
    with open_bytes(path) as file, io.TextIOWrapper(file, "latin-1") as lines:  # one character a byte
        while piece := lines.readline(_LONGEST_PIECE):
            line = piece.encode("latin-1")
            if begins and not quoted:
                if not line.strip() or (found.comment is not None and begins_with(line, found.comment)):
                    continue
                rows += 1
            try:
                decoder.decode(line)
            except UnicodeDecodeError as wrong:
                error = wrong
                break
            quoted, begins = found.quotes.open_after(line, quoted), line.endswith(b"\n")
    byte = error.object[error.start : error.start + 1]
    letter = byte.decode("cp1252", errors="replace")
    hint = f", {letter!r} in Windows-1252," if letter.isprintable() and letter != "\N{REPLACEMENT CHARACTER}" else ""
    return f"row {max(rows, 1)} is not: its byte 0x{byte.hex()}{hint} is not UTF-8"
