"""How a table of text is written: its separator, its quotes, its comments, and the line that names the columns."""

from __future__ import annotations

import codecs
import contextlib
import csv
import dataclasses
import gzip
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from tuner.data.cells import has_decimal_comma, has_thousands_commas
from tuner.data.csv_options import DEFAULT_CSV_OPTIONS, CsvOptions
from tuner.data.pandas_columns import check_names
from tuner.errors import DataError, shown
from tuner.text import count
from tuner.untrusted_files import reading

_SEPARATORS = ",;\t"
_BLANKS = r"\s+"
_QUOTED = {quote: re.compile(f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}") for quote in "\"'"}
_COMMENTS = ("#", "%", "//")
_ROWS_COUNTED = 20
"""Rows whose cells are counted to tell a table with row names."""
_CHUNK_BYTES = 1 << 16
_LOOKED_AT = 200
"""Lines that are looked at to find the decimal mark."""

HEAD_BYTES = 1 << 20
"""What is read of a file to find its format; the last row of a longer file is cut there."""


@dataclass(frozen=True)
class CsvFormat:
    """How a table of text is written.

    Attributes:
        separator: Between two cells: a character, or a regex of blanks.
        quote: Around cells that hold a separator.
        names: Of the columns: their places from 1 if no line names them; an empty one for row names.
        header: Whether the first line names them.
        comment: What lines begin with that are no rows, or None.
        row_names: Whether each row begins with its name, for which the first line has none, as R writes tables.
        decimal: The decimal mark of numbers, "." or ",".
    """

    separator: str
    quote: str
    names: tuple[str, ...]
    header: bool = True
    comment: str | None = None
    row_names: bool = False
    decimal: str = "."

    @property
    def column_names(self) -> list[str]:
        """The names as pandas gives them."""
        return [name or f"Unnamed: {place}" for place, name in enumerate(self.names)]

    @property
    def options(self) -> dict[str, Any]:
        """Options of `pandas.read_csv`."""
        return {
            "sep": self.separator,
            "quotechar": self.quote,
            "encoding": "utf-8-sig",
            "index_col": False,
            "skipinitialspace": True,
            "decimal": self.decimal,
        }

    @property
    def naming(self) -> dict[str, Any]:
        """Options of `pandas.read_csv` that name the columns."""
        if self.header and not self.row_names:
            return {"header": 0}
        return {"header": 0 if self.header else None, "names": self.column_names}

    def rows(self, file: BinaryIO) -> BinaryIO:
        """Return a file without the comments of another one."""
        return file if self.comment is None else cast(BinaryIO, _Uncommented(file, self.comment, self.quotes))

    @property
    def quotes(self) -> _Quotes:
        """Where its quoted cells begin and end."""
        return _Quotes(self.separator, self.quote)

    @property
    def says_numbers(self) -> bool:
        """True if a cell of the first line is a number, as it may be in a row."""
        return any(_is_number(name) for name in self.names)


def open_bytes(path: Path) -> BinaryIO:
    """Open a table of text, unpacked if its name ends in .gz."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def find_format(head: bytes, text: str, csv_options: CsvOptions = DEFAULT_CSV_OPTIONS) -> CsvFormat:
    """Find how a table is written, from its first lines.

    Args:
        head: The first `HEAD_BYTES` of the file.
        text: The file, for messages.
        csv_options: What is known of it.

    Raises:
        DataError: The file is empty, is not text, or its first line does not name the columns.
    """
    whole, comment = len(head) < HEAD_BYTES, csv_options.comment
    if comment is None and (found_comment := leading_comment(head)) is not None:
        raise DataError(
            f"A table must begin with the names of its columns, but {text} begins with lines such as "
            f"{shown(_line(head, text), 60)}. If they are comments, write comment = "
            f'"{found_comment}" in [data]: lines that begin with it are skipped.',
            key="comment",
        )
    found = guess_format(head if comment is None else without_comments(head, comment), text)
    found = dataclasses.replace(found, decimal=csv_options.decimal)
    if comment is not None:
        found = dataclasses.replace(found, comment=comment)
        head = found.rows(io.BytesIO(head)).read()
    if not csv_options.header:
        places = tuple(str(place) for place in range(1, len(found.names) + 1))
        return dataclasses.replace(found, names=places, header=False)
    named = [name for name in found.names if name.strip()]
    if named and all(_is_number(name) for name in named):
        raise DataError(
            f"The first line of a table must name the columns, but that of {text} holds numbers "
            f"({shown(','.join(found.names), 40)}). Add a header row, or set header = false in [data]: "
            f"the columns are then called 1 to {len(found.names)}.",
            key="header",
        )
    return _with_row_names(dataclasses.replace(found, names=tuple(check_names(found.names, text))), head, text, whole)


def leading_comment(head: bytes) -> str | None:
    """Return what the first lines of a file begin with, if they are comments and no names of columns.

    A first line `#a,b` names the columns if the line after it has as many cells, and others.
    """
    for comment in _COMMENTS:
        if not begins_with(head.lstrip(b"\r\n"), comment):
            continue
        first, after = _first_record(head), without_comments(head, comment)
        if not after.strip():
            return None
        line = _first_record(after)
        texts = [part.decode("utf-8-sig", errors="replace") for part in (first, line)]
        try:
            form = guess_format(after, "")
            cells, others = (_cells(text, form.separator, form.quote) for text in texts)
        except (csv.Error, DataError):  # the first line is then taken for names, and the reader says what is wrong
            return None
        bare = texts[0].strip().removeprefix(comment).strip()
        return comment if len(cells) != len(others) or bare == texts[1].strip() else None
    return None


def _with_row_names(found: CsvFormat, head: bytes, text: str, whole: bool) -> CsvFormat:
    """Tell a table with row names: R gives them no name, so that each row has a cell more than the first line.

    A separator that ends each row, with nothing after it, adds no cell.  Rows that are cut at the end of the head or
    that `csv` cannot split, which takes 131,072 characters of a cell, are not counted.

    Raises:
        DataError: The rows have still more cells, so that the first line seems to be a title.
    """
    records = list(itertools.islice(found.quotes.records(head), 1, _ROWS_COUNTED + 2))
    rows = []
    for record in (records if whole else records[:-1])[:_ROWS_COUNTED]:
        with contextlib.suppress(csv.Error):
            rows.append(_cells(record.decode("utf-8", errors="replace"), found.separator, found.quote))
    more = min((len(row) for row in rows), default=0) - len(found.names)
    if more <= 0 or not any(row[-1] for row in rows):
        return found
    if more == 1 and len(found.names) > 1 and len({len(row) for row in rows}) == 1:
        return dataclasses.replace(found, names=("", *found.names), row_names=True)
    raise DataError(
        f"The first line of a table must name the columns, but that of {text} has {count(len(found.names), 'cell')} "
        f"({shown(found.separator.join(found.names), 40)}), and the next ones have {len(rows[0])}. Remove what is "
        "above the names.",
        key="header",
    )


def has_decimal_commas(head: bytes, found: CsvFormat) -> bool:
    """Tell whether some column of the first rows holds numbers such as "1,5", and none numbers such as "1.5".

    If all are such as "51,494" the commas may separate thousands.
    """
    if found.separator == ",":
        return False
    columns: dict[int, list[str]] = {}
    for line in itertools.islice(found.quotes.records(head), 1, _LOOKED_AT):
        with contextlib.suppress(csv.Error):
            for place, cell in enumerate(_cells(line.decode("utf-8", errors="replace"), found.separator, found.quote)):
                if cell.strip():
                    columns.setdefault(place, []).append(cell.strip())
    commas = [cells for cells in columns.values() if sum(map(has_decimal_comma, cells)) > len(cells) / 2]
    points = any(_is_number(cell) and "." in cell for cells in columns.values() for cell in cells)
    numbers = [cell for cells in commas for cell in cells if has_decimal_comma(cell)]
    return not points and not all(map(has_thousands_commas, numbers))


def guess_format(head: bytes, text: str) -> CsvFormat:
    """Find separator, quotes and the cells of the first line, whatever these are.

    The separator is a comma, a semicolon or a tab.  It is blanks if the first line has none of these, and the second as
    many cells or, with row names, one more, numbers among them.  Single quotes are quotes if all of the first line
    stands in them.

    Raises:
        DataError: The file is empty, is not text, or has a quote in its first lines that does not end.
    """
    with reading(text, "a table of text", "Check the quotes of its first lines.", DataError):
        return _guessed(_line(head, text), head)


def _guessed(first: str, head: bytes) -> CsvFormat:
    single = "'" in first and not _QUOTED["'"].sub("", first).strip(f"{_SEPARATORS} ")
    quote = "'" if single else '"'
    bare = _QUOTED[quote].sub("", first)
    separator = max(_SEPARATORS, key=bare.count)
    if separator not in bare:
        names, row = _cells(first, _BLANKS, quote), _second_row(head, quote)
        if len(names) > 1 and len(row) - len(names) in (0, 1) and any(map(_is_number, row)):
            return CsvFormat(_BLANKS, quote, tuple(names))
    return CsvFormat(separator, quote, tuple(_cells(first, separator, quote)))


def _cells(line: str, separator: str, quote: str) -> list[str]:
    lines = io.StringIO(line.strip(" "), newline="")
    delimiter = " " if separator == _BLANKS else separator
    return next(csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True), [])


def _second_row(head: bytes, quote: str) -> list[str]:
    """Return the cells of the second line between blanks, none if `csv` cannot split it."""
    line = next(itertools.islice(_Quotes(_BLANKS, quote).records(head), 1, None), b"")
    with contextlib.suppress(csv.Error):
        return _cells(line.decode("utf-8", errors="replace"), _BLANKS, quote)
    return []


def _line(head: bytes, text: str) -> str:
    if not head.strip():
        raise DataError(f"{text} must hold a table, but the file is empty. Check the file.")
    try:
        if b"\0" in head:
            raise ValueError("it holds null bytes, as binary files do")
        # A character may be cut at the end of what was read: only the first line counts here.
        return _first_record(head).decode("utf-8-sig")
    except ValueError as error:
        raise DataError(
            f"{text} must be a table of UTF-8 text, but is not: {_why_no_text(error)}. Save it as UTF-8."
        ) from error


def _why_no_text(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} (0x{error.object[error.start]:02x}) is not UTF-8"
    return str(error)


def _first_record(head: bytes) -> bytes:
    return next(_Quotes(_SEPARATORS, '"').records(head), b"")


class _Quotes:
    """Where quoted cells begin and end, as pandas sees them.

    A quote begins one only at the start of a cell, and ends it unless there are two: that of `5" pipe` does neither.

    Args:
        separators: What may stand between two cells: characters, or the regex of blanks.
        quote: A character.
    """

    def __init__(self, separators: str, quote: str) -> None:
        self.quote = quote.encode()
        start, blanks = (" \t", "") if separators == _BLANKS else (separators, " *")
        rest = f"[^{quote}]*(?:{quote}{quote}[^{quote}]*)*({quote}?)"
        first = f"\\A(?:{codecs.BOM_UTF8.decode('latin-1')})? *"
        opened = f"(?:{first}|(?<=[{start}\r\n]){blanks}){quote}{rest}"
        self._rest = re.compile(rest.encode("latin-1"))
        self._opened = re.compile(opened.encode("latin-1"))
        self._opened_or_ended = re.compile(f"{opened}|[\r\n]+".encode("latin-1"))

    def records(self, head: bytes) -> Iterator[bytes]:
        """Yield the lines that are not empty; a line break between quotes ends none."""
        start = 0
        for match in self._opened_or_ended.finditer(head):
            if match[1] is None:
                if match.start() > start:
                    yield head[start : match.start()]
                start = match.end()
        if start < len(head):
            yield head[start:]

    def open_after(self, line: bytes, quoted: bool) -> bool:
        """Return whether a quoted cell continues after a line; `quoted` if the line begins inside one."""
        if self.quote not in line:
            return quoted
        place = 0
        if quoted:
            ended = self._rest.match(line)
            if ended is None or not ended[1]:
                return True
            place = ended.end()
        return any(not match[1] for match in self._opened.finditer(line, place))


def begins_with(line: bytes, comment: str) -> bool:
    """Return whether a line is a comment."""
    return line.removeprefix(codecs.BOM_UTF8).lstrip(b" \t").startswith(comment.encode())


def without_comments(head: bytes, comment: str) -> bytes:
    """Leave out the lines that begin with some text, of a file of which no more is known."""
    return _Uncommented(io.BytesIO(head), comment, _Quotes(_SEPARATORS, '"')).read()


class _Uncommented(io.RawIOBase):
    """The lines of a file that do not begin with some text; a line between quotes stays."""

    def __init__(self, file: BinaryIO, comment: str, quotes: _Quotes) -> None:
        self._file, self._comment, self._quotes, self._quoted = file, comment, quotes, False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read about `size` bytes, whole lines; none at the end of the file."""
        kept: list[bytes] = []
        length = 0
        while (size < 0 or length < max(1, size)) and (lines := self._file.readlines(_CHUNK_BYTES)):
            for line in lines:
                if self._quoted or not begins_with(line, self._comment):
                    self._quoted = self._quotes.open_after(line, self._quoted)
                    kept.append(line)
                    length += len(line)
        return b"".join(kept)

    def close(self) -> None:
        """Close the file that it reads."""
        self._file.close()
        super().close()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
