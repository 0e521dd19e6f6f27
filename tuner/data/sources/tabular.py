"""Tables: CSV and Parquet."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import CodedTexts, column_name
from tuner.data.csv_options import DEFAULT_CSV_OPTIONS, CsvOptions
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import read_split_columns
from tuner.data.missing_targets import rows_with_targets
from tuner.data.pandas_columns import check_names, column, feature_columns, index_columns, pick, target_columns
from tuner.data.raw_data import RawData, from_arrays
from tuner.data.sources.base import SPLIT_KEYS, Source, locate_file
from tuner.data.sources.csv_format import (
    HEAD_BYTES,
    CsvFormat,
    find_format,
    guess_format,
    has_decimal_commas,
    leading_comment,
    open_bytes,
    without_comments,
)
from tuner.data.sources.decode_errors import decoding
from tuner.errors import DataError
from tuner.untrusted_files import check_expansion, check_regular, physical_memory, reading

if TYPE_CHECKING:
    import pandas

_KEYS = frozenset({"target", "weight", "drop", "text", "columns", "missing_values", *SPLIT_KEYS})


def _read_csv(text: str, options: DataOptions, project: Path, as_texts: Collection[str] = ()) -> RawData:
    as_texts = {*as_texts, *options.read_as_texts}
    return _raw(_csv_frame(text, project, options.missing_values, as_texts, options.csv_options), options, text)


def _csv_frame(
    text: str,
    project: Path,
    missing_values: Collection[str],
    as_texts: Collection[str] = (),
    csv_options: CsvOptions = DEFAULT_CSV_OPTIONS,
) -> pandas.DataFrame:
    path = locate_file(text, project)
    found = find_format(_head(path, text), text, csv_options)
    import pandas

    def read(**how: Any) -> pandas.DataFrame:
        with decoding(path, text, found), open_bytes(path) as file:
            frame: pandas.DataFrame = pandas.read_csv(
                found.rows(file),
                low_memory=False,  # the type of a column is that of all its cells, not of a first part
                **found.options,
                **found.naming,
                **how,
            )
        return frame

    def read_typed() -> pandas.DataFrame:
        frame = read(na_values=list(missing_values))
        kinds = np.array([kind.kind for kind in frame.dtypes])
        plain = np.isin(kinds, [*"biuf"])
        if 2 * plain.sum() > len(plain):
            frame = frame.copy()  # columns of one type in one block: what is asked of them is asked once
        named = np.array([column_name(name) in as_texts for name in frame.columns], bool)
        floats = np.flatnonzero(kinds == "f")
        plain[floats[frame.iloc[:, floats].isna().all().to_numpy(bool)]] = False
        places = np.flatnonzero(~plain | named)
        if not len(places):
            return frame
        cells = _objects(frame, places)
        # pandas takes "NA" and "None" for missing cells, but among texts they are values.
        texts_alone = pandas.api.types.infer_dtype(cells.ravel(), skipna=True) == "string"
        unsure = np.flatnonzero(pandas.isna(cells).any(axis=0) | named[places] | (not texts_alone))
        if len(unsure):
            again = read(usecols=places[unsure].tolist(), keep_default_na=False, na_values=[""], dtype=object)
            cells[:, unsure] = again.to_numpy(dtype=object)
        return _typed(frame, places, CodedTexts.from_cells(cells, missing_values), named[places], csv_options.decimal)

    return _mapped(read_typed, text, "a table of text with one line of column names")


def _objects(frame: pandas.DataFrame, places: Array) -> Array:
    """Return the cells of the columns at some places, `object` of shape `(n, places)`."""
    if 2 * len(places) > frame.shape[1]:  # selecting columns of texts costs more than converting some numbers
        return np.array(frame.to_numpy(dtype=object)[:, places])
    return frame.iloc[:, places].to_numpy(dtype=object, copy=True)


def _typed(
    frame: pandas.DataFrame, places: Array, coded: CodedTexts, as_texts: Array, decimal: str
) -> pandas.DataFrame:
    """Return a table with the columns at some places typed again; `as_texts` says which of them stay texts."""
    import pandas

    numbers = {column: values for column, values in coded.numbers(decimal).items() if not as_texts[column]}
    texts = np.array([column for column in range(len(places)) if column not in numbers], int)
    others = np.delete(np.arange(frame.shape[1]), places)
    parts = [
        frame.iloc[:, others],
        pandas.DataFrame(numbers, index=frame.index),
        pandas.DataFrame(coded.texts(texts), index=frame.index, dtype=object),
    ]
    order = np.concatenate([others, places[[*numbers]], places[texts]])
    typed = pandas.concat([part.set_axis(range(part.shape[1]), axis="columns") for part in parts], axis="columns")
    return typed.iloc[:, np.argsort(order)].set_axis(frame.columns, axis="columns")


def _read_parquet(text: str, options: DataOptions, project: Path) -> RawData:
    with reading(text, "a Parquet table", "Check the file.", DataError):  # texts are decoded when they are taken
        return _raw(_parquet_frame(text, project), options, text)


def _parquet_frame(text: str, project: Path) -> pandas.DataFrame:
    path = locate_file(text, project)
    import pandas

    def read() -> pandas.DataFrame:
        _check_parquet(path)
        return pandas.read_parquet(path).reset_index(drop=True)

    return _mapped(read, text, "a Parquet table")


def _check_parquet(path: Path) -> None:
    """Refuse a table that takes more memory than the machine has, or is far larger than what is stored of it.

    Raises:
        ValueError: With both sizes.
    """
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        about = file.metadata
        values = 8 * about.num_rows * about.num_columns
        stated = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    check_expansion("the table", max(values, stated), path.stat().st_size)
    memory = physical_memory()
    if memory is not None and max(values, stated) > memory:
        raise ValueError(f"it takes {max(values, stated):,} bytes, and the machine has {memory:,}")


def read_frame(
    text: str,
    project: Path,
    missing_values: Collection[str] = (),
    as_texts: Collection[str] = (),
    csv_options: CsvOptions = DEFAULT_CSV_OPTIONS,
) -> pandas.DataFrame:
    """Read a table as a study reads it.

    Args:
        text: Path of a CSV or Parquet file, relative to the project or absolute.
        project: A folder.
        missing_values: Texts of cells that count as missing.
        as_texts: Columns that are texts, whatever their cells look like.
        csv_options: How a CSV file is written.

    Raises:
        DataError: It is no such file, or cannot be read.
    """
    if is_parquet(text):
        return _parquet_frame(text, project)
    return _csv_frame(text, project, missing_values, as_texts, csv_options)


def is_parquet(text: str) -> bool:
    """Tell whether the path of a table is that of a Parquet file, not of a CSV file.

    Raises:
        DataError: It is neither.
    """
    if not text.lower().endswith(TABLE_SUFFIXES):
        raise DataError(f"A table must end in one of {', '.join(TABLE_SUFFIXES)}, but got {text!r}. Convert it.")
    return text.lower().endswith(PARQUET.suffixes)


def _read_columns(text: str, options: DataOptions, project: Path) -> dict[str, Any]:
    return {"x": read_frame(text, project, options.missing_values, options.read_as_texts, options.csv_options)}


def _mapped(read: Callable[[], pandas.DataFrame], text: str, what: str) -> pandas.DataFrame:
    """Call `read`; translate its errors."""
    import pandas

    with reading(text, what, "Check the file.", DataError), warnings.catch_warnings():
        warnings.simplefilter("error", category=pandas.errors.ParserWarning)  # rows of another length
        return read()


def first_line(text: str, project: Path) -> CsvFormat | None:
    """Return how a CSV file is written below its comments, whatever its first line holds; None for another file.

    Raises:
        DataError: It cannot be read.
    """
    if not text.lower().endswith(CSV.suffixes):
        return None
    head = _head(locate_file(text, project), text)
    comment = leading_comment(head)
    head = head if comment is None else without_comments(head, comment)
    found = replace(guess_format(head, text), comment=comment)
    return replace(found, decimal="," if has_decimal_commas(head, found) else ".")


def _head(path: Path, text: str) -> bytes:
    with reading(text, "a table of text", "Check the file.", DataError):
        return _checked_head(path)


def _checked_head(path: Path) -> bytes:
    """Read the first bytes of a table of text; a compressed one is read to its end to know its size.

    Raises:
        ValueError: It takes more memory than the machine has, or is far larger than what is stored of it.
    """
    stored, memory = check_regular(path), physical_memory() or math.inf
    if path.suffix.lower() != ".gz":
        if stored > memory:
            raise ValueError(f"it has {stored:,} bytes, and the machine has {memory:,}")
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    with open_bytes(path) as file:
        head = file.read(HEAD_BYTES)
        size = len(head)
        while chunk := file.read(HEAD_BYTES):
            size += len(chunk)
            check_expansion(path.name, size, stored)
            if size > memory:
                raise ValueError(f"it has more than {size:,} bytes, and the machine has {memory:,}")
    return head


def _raw(frame: pandas.DataFrame, options: DataOptions, source: str) -> RawData:
    """Targets, weights and features of the table."""
    if not options.targets:
        names = ", ".join(map(str, frame.columns[:20]))
        raise DataError(
            f"A table needs `target`, the column to predict, but the study names none. {source} has: {names}.",
            key="target",
        )
    if not len(frame):
        raise DataError(f"The data must have rows, but {source} has none below the header row.")
    frame = frame.set_axis(check_names(frame.columns, source), axis="columns")
    targets = [pick(frame, name, "target", source) for name in options.targets]
    frame, without_target = _rows_with_targets(frame, targets, options, source)
    others, weight, words = [*targets], None, options.missing_values
    if options.weight is not None:
        others.append(pick(frame, options.weight, "weight", source))
        weight = column(frame[others[-1]], others[-1], source, words)
    columns = {name: pick(frame, name, key, source) for key, name in options.split_columns.items()}
    split_columns = read_split_columns(options, {name: frame[own] for name, own in columns.items()}, source)
    others += columns.values()
    dropped = [pick(frame, name, "dropped", source) for name in options.dropped]
    encodings = {pick(frame, name, "encoded", source): how for name, (how, _) in options.encodings.items()}
    y = target_columns(frame[targets], source, words)
    index, notes = index_columns(frame, {*others, *dropped, *encodings}, source)
    notes += without_target
    x, features, texts = feature_columns(frame, source, {*others, *dropped, *index}, words, encodings)
    unused = {name: frame[name].to_numpy() for name in dropped}
    found = {"features": features, "texts": texts, "labels": tuple(targets), "split_columns": split_columns}
    return from_arrays(source, x, y, weight, notes=notes, unused=unused, **found)


def _rows_with_targets(
    frame: pandas.DataFrame, targets: Sequence[str], options: DataOptions, source: str
) -> tuple[pandas.DataFrame, tuple[str, ...]]:
    """Leave out the rows without a target if the study says so; return a note of how many they are."""
    if not options.drops_rows_without_target:
        return frame, ()
    columns = {name: column(frame[name], name, source, options.missing_values) for name in targets}
    there, notes = rows_with_targets(columns, source)
    return frame if there is None else frame[there].reset_index(drop=True), notes


CSV = Source(
    "csv",
    "text table; values separated by commas, semicolons, tabs or blanks; column names in the first line",
    _read_csv,
    suffixes=(".csv", ".csv.gz", ".tsv", ".tsv.gz"),
    takes=_KEYS | {"header", "comment", "decimal"},
    read_as=_read_csv,
    read_columns=_read_columns,
)

PARQUET = Source(
    "parquet",
    "Parquet table",
    _read_parquet,
    suffixes=(".parquet", ".pq"),
    takes=_KEYS,
    read_columns=_read_columns,
)

TABLE_SUFFIXES = (*CSV.suffixes, *PARQUET.suffixes)
