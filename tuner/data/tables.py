"""Tables: CSV and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tuner.data.columns import column, feature_columns, pick, target_columns
from tuner.data.options import DataOptions
from tuner.data.raw import Raw, from_arrays
from tuner.data.source import Source, locate
from tuner.errors import DataError, shown

if TYPE_CHECKING:
    import pandas

_HEAD_BYTES = 1 << 20
_KEYS = frozenset({"target", "weight", "drop", "text"})


def _read_csv(text: str, options: DataOptions, project: Path) -> Raw:
    path = locate(text, project)
    separator = _separator(path, text)
    import pandas

    def read() -> pandas.DataFrame:
        return pandas.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig", index_col=False)

    return _raw(_mapped(read, text, "a table of text with one line of column names"), options, text)


def _read_parquet(text: str, options: DataOptions, project: Path) -> Raw:
    path = locate(text, project)
    import pandas

    return _raw(
        _mapped(lambda: pandas.read_parquet(path).reset_index(drop=True), text, "a Parquet table"), options, text
    )


def _mapped(read: Callable[[], pandas.DataFrame], text: str, what: str) -> pandas.DataFrame:
    """The table that `read` gives, its errors as ours."""
    import pandas

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", category=pandas.errors.ParserWarning)  # rows of another length
            return read()
    except Exception as error:  # pandas, pyarrow and zlib have no common base class
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{text} must be {what}, but cannot be read: {shown(reason, 200)}. Check the file.") from error


def _separator(path: Path, text: str) -> str:
    """What stands between the names in the first line: comma, semicolon or tab.

    Raises:
        DataError: The file is empty, is not text, or its first line does not name the columns.
    """
    first = _first_line(path, text)
    separator = max(",;\t", key=first.count)
    names = [name.strip() for name in next(csv.reader(io.StringIO(first), delimiter=separator), [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"Each column must have its own name, but {shown(twice)} stand in {text} more than once.")
    if names and all(_is_number(name) for name in names):
        raise DataError(
            f"The first line of a table must name the columns, but that of {text} holds numbers ({shown(first, 40)}). "
            "Put a line of names before it."
        )
    return separator


def _first_line(path: Path, text: str) -> str:
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{text} must be a table of text, but cannot be read: {error}. Check the file.") from error
    if not head.strip():
        raise DataError(f"{text} must hold a table, but the file is empty.")
    try:
        if b"\0" in head:
            raise ValueError("it holds zero bytes")
        # A character may be cut at the end of what was read: only the first line counts here.
        return head.splitlines()[0].decode("utf-8-sig")
    except ValueError as error:
        raise DataError(f"{text} must be a table of UTF-8 text, but is not: {error}. Save it as UTF-8.") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _raw(frame: pandas.DataFrame, options: DataOptions, source: str) -> Raw:
    """Targets, weights and features of the table."""
    if not options.targets:
        names = ", ".join(map(str, frame.columns[:20]))
        raise DataError(
            f"A table needs `target`, the column to predict, but the study names none. {source} has: {names}."
        )
    if not len(frame):
        raise DataError(f"The data must have rows, but {source} has none below the line of names.")
    frame = frame.set_axis([str(name).strip() for name in frame.columns], axis="columns")
    targets = [pick(frame, name, "target", source) for name in options.targets]
    dropped = [pick(frame, name, "dropped", source) for name in options.drop]
    weight = None
    if options.weight is not None:
        weight = column(frame[pick(frame, options.weight, "weight", source)], options.weight, source)
        dropped.append(options.weight)
    y = target_columns(frame[targets], source)
    x, features, texts = feature_columns(frame.drop(columns=[*targets, *dropped]), source)
    return from_arrays(source, x, y, weight, features=features, texts=texts, labels=tuple(targets))


CSV = Source(
    "csv",
    "table of text; comma, semicolon or tab between the values, column names in the first line",
    _read_csv,
    suffixes=(".csv", ".csv.gz", ".tsv", ".tsv.gz"),
    takes=_KEYS,
)

PARQUET = Source("parquet", "Parquet table", _read_parquet, suffixes=(".parquet", ".pq"), takes=_KEYS)
