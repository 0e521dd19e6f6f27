"""How a table of text is written: its separator, its quotes, and whether its first line names the columns."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from dataclasses import dataclass
from typing import Any

from tuner.data.pandas_columns import check_names
from tuner.errors import DataError, shown

_SEPARATORS = ",;\t"
_BLANKS = r"\s+"
_QUOTED = {quote: re.compile(f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}") for quote in "\"'"}


@dataclass(frozen=True)
class CsvFormat:
    """How a table of text is written.

    Attributes:
        separator: Between two cells: a character, or a regex of blanks.
        quote: Around cells that hold a separator.
        names: Of the columns: their places from 1 if no line names them.
        header: Whether the first line names them.
    """

    separator: str
    quote: str
    names: tuple[str, ...]
    header: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """Options of `pandas.read_csv`."""
        return {
            "sep": self.separator,
            "quotechar": self.quote,
            "encoding": "utf-8-sig",
            "index_col": False,
            "skipinitialspace": True,
        }

    @property
    def says_numbers(self) -> bool:
        """True if a cell of the first line is a number, as it may be in a row."""
        return any(_is_number(name) for name in self.names)


def find_format(head: bytes, text: str, header: bool = True) -> CsvFormat:
    """Find how a table is written, from its first lines.

    Args:
        head: The first bytes of the file.
        text: The file, for messages.
        header: Whether the first line names the columns.

    Raises:
        DataError: The file is empty, is not text, or its first line does not name the columns.
    """
    found = guess_format(head, text)
    if not header:
        places = tuple(str(place) for place in range(1, len(found.names) + 1))
        return CsvFormat(found.separator, found.quote, places, header=False)
    named = [name for name in found.names if name.strip()]
    if named and all(_is_number(name) for name in named):
        raise DataError(
            f"The first line of a table must name the columns, but that of {text} holds numbers "
            f"({shown(','.join(found.names), 40)}). Put a line of names before it, or set header = false in [data]: "
            f"the columns are then called 1 to {len(found.names)}."
        )
    return dataclasses.replace(found, names=tuple(check_names(found.names, text)))


def guess_format(head: bytes, text: str) -> CsvFormat:
    """Find separator, quotes and the cells of the first line, whatever these are.

    The separator is a comma, a semicolon or a tab.  It is blanks if the first line has none of these, and the second as
    many cells, numbers among them.  Single quotes are quotes if all of the first line stands in them.

    Raises:
        DataError: The file is empty, or is not text.
    """
    first = _line(head, text)
    single = "'" in first and not _QUOTED["'"].sub("", first).strip(f"{_SEPARATORS} ")
    quote = "'" if single else '"'
    bare = _QUOTED[quote].sub("", first)
    separator = max(_SEPARATORS, key=bare.count)
    if separator not in bare:
        names, row = _cells(first, " ", quote), _cells(_second_line(head), " ", quote)
        if len(row) == len(names) > 1 and any(map(_is_number, row)):
            return CsvFormat(_BLANKS, quote, tuple(names))
    return CsvFormat(separator, quote, tuple(_cells(first, separator, quote)))


def _cells(line: str, separator: str, quote: str) -> list[str]:
    lines = io.StringIO(line.strip(" "), newline="")
    return next(csv.reader(lines, delimiter=separator, quotechar=quote, skipinitialspace=True), [])


def _second_line(head: bytes) -> str:
    rest = head.lstrip(b"\r\n").removeprefix(_first_record(head))
    return _first_record(rest).decode("utf-8", errors="replace")


def _line(head: bytes, text: str) -> str:
    if not head.strip():
        raise DataError(f"{text} must hold a table, but the file is empty.")
    try:
        if b"\0" in head:
            raise ValueError("it holds zero bytes")
        # A character may be cut at the end of what was read: only the first line counts here.
        return _first_record(head).decode("utf-8-sig")
    except ValueError as error:
        raise DataError(f"{text} must be a table of UTF-8 text, but is not: {error}. Save it as UTF-8.") from error


def _first_record(head: bytes) -> bytes:
    """Return the first line that is not empty; a line break between quotes does not end it."""
    quoted = False
    for match in re.finditer(rb'"|[\r\n]+', head := head.lstrip(b"\r\n")):
        quoted ^= match[0] == b'"'
        if match[0] != b'"' and not quoted:
            return head[: match.start()]
    return head


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
