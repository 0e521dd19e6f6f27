"""New rows as a fitted preprocessing takes them: columns by name, cells by the types that they had in the study.

A table that is read, typed and saved again gives the same rows: the order of the columns, further columns, and the type
of a column (whole numbers, floats, objects, categories, texts of numbers) do not matter.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.categories import UnknownText, count_rows
from tuner.data.cells import (
    MISSING_WORDS,
    absent,
    cell_text,
    cell_values,
    column_name,
    has_decimal_comma,
    is_number,
    without_values,
)
from tuner.data.dataset import Array
from tuner.data.encoders.base import ColumnEncoder
from tuner.data.fitted_preprocessing import Preprocessing
from tuner.data.pandas_columns import pick
from tuner.data.raw_data import LARGEST, by_column, numeric
from tuner.data.row_shape import channels_last
from tuner.data.sources.tabular import read_frame
from tuner.errors import DataError, DataWarning, shown

if TYPE_CHECKING:
    import pandas

_TABLE = "the table"
_PACKAGE = str(Path(__file__).parents[1])


def encode_rows(rows: Any, given: Preprocessing, shape: tuple[int, ...]) -> Array:
    """Encode new rows.

    Args:
        rows: A pandas table with (at least) the columns of the source, or the path of a CSV or Parquet file with them;
            or an array of numbers `(n, *shape)`.
        given: What was fitted.
        shape: Of one row, encoded.

    Returns:
        float64, shape `(n, *shape)`; NaN only for cells that the preprocessing fills.

    Warns:
        DataWarning: A text is none of the categories of its column, or is missing there though the study had no such
            rows.

    Raises:
        DataError: A column is not there, twice there or of another kind; an array has another shape; a cell is missing
            that the study had no rule for, or is beyond float32.
    """
    from_file = isinstance(rows, str | os.PathLike)
    if from_file:
        rows = read_frame(os.fspath(rows), Path.cwd(), given.missing_values, given.encoders, given.csv_options)
    return RowEncoder(given, shape, from_file).encode(rows)


def _warn_of_unknown(found: UnknownText) -> None:
    warn_of_data(f"{found}: they count as belonging to no category. {found.known}".rstrip())


@dataclass(frozen=True)
class RowEncoder:
    """Encodes new rows as those of the study were encoded.

    Attributes:
        given: What was fitted.
        shape: Of one row, encoded.
        from_file: Whether tables come from our own reader, which tells a missing cell from the text "NA".
        before: Number of rows of the same file that were encoded before, for the numbers of rows in messages.
        on_unknown: Told of texts that are none of the categories of their column, and of missing ones if the study had
            none, or may have had none.
    """

    given: Preprocessing
    shape: tuple[int, ...]
    from_file: bool = False
    before: int = 0
    on_unknown: Callable[[UnknownText], None] = _warn_of_unknown

    def encode(self, rows: Any) -> Array:
        """Encode a table or an array, as `encode_rows` does."""
        _check_kind(rows)
        if len(rows) == 0:
            return np.empty((0, *self.shape))
        table = hasattr(rows, "iloc")
        x = self._from_table(rows) if table else numeric(rows, "Rows", "the array").astype(np.float64)
        x = x[:, None] if x.ndim == 1 and self.shape == (1,) else x
        if x.shape[1:] != self.shape:
            wanted, got = (", ".join(map(str, ("n", *sizes))) for sizes in (self.shape, x.shape[1:]))
            step = "A single row is a table of one row."
            if channels_last(x.shape[1:]) == self.shape:
                step = "The channels come first: give numpy.moveaxis(x, 1, -1)."
            raise DataError(
                f"Rows must have the shape ({wanted}), but got {f'({got})' if x.ndim > 1 else x.shape}. {step}"
            )
        x = without_values(x, self.given.missing_values)
        self._check_values(x)
        return x

    def _from_table(self, frame: pandas.DataFrame) -> Array:
        """Order the columns as they were encoded: numbers, then texts."""
        given = self.given
        if not given.features:
            names = [column_name(name) for name in frame.columns]
            return np.column_stack([self._numbers(frame.iloc[:, place], name) for place, name in enumerate(names)])
        places = _places(frame, [*given.numbers, *given.encoders])
        blocks = [self._numbers(frame.iloc[:, places[name]], name)[:, None] for name in given.numbers]
        for name, encoder in given.encoders.items():
            blocks.append(encoder.encode(self._texts(frame.iloc[:, places[name]], name, encoder)))
        return np.concatenate(blocks, axis=1)

    def _numbers(self, series: pandas.Series[Any], name: str) -> Array:
        """Convert a column to float64: NaN if missing, texts of numbers as a CSV reader takes them."""
        import pandas

        types, kind = pandas.api.types, series.dtype
        typed_so = types.is_bool_dtype(kind) or (types.is_numeric_dtype(kind) and not types.is_complex_dtype(kind))
        if typed_so and not isinstance(kind, pandas.CategoricalDtype):
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        values = _objects(series)
        numbers = np.full(len(values), np.nan)
        texts = np.array([isinstance(value, str) for value in values], bool)
        if texts.any():
            decimal = self.given.csv_options.decimal if self.from_file else "."
            typed = cell_values(np.array([cell_text(value) for value in values[texts]], dtype=object), decimal)
            odd = [
                row for row in np.flatnonzero(texts) if typed.dtype == object and not _says_number(values[row], decimal)
            ]
            if odd:
                raise self._not_a_number(name, values, int(odd[0]))
            numbers[texts] = np.nan if typed.dtype == object else typed  # "NA" alone is untyped
        for row in np.flatnonzero(~texts & ~np.asarray(pandas.isna(values), bool)):
            try:
                numbers[row] = float(values[row])
            except (TypeError, ValueError, OverflowError):
                raise self._not_a_number(name, values, int(row)) from None
        return numbers

    def _not_a_number(self, name: str, values: Array, row: int) -> DataError:
        step = "Correct it"
        if not self.from_file and self.given.csv_options.decimal == "," and has_decimal_comma(str(values[row])):
            step = 'Read the file with decimal=",", or give its path'
        return DataError(
            f"Column {name!r} must hold numbers, as it did in the study, but row {self.before + row + 1} holds "
            f"{shown(values[row])}. {step}."
        )

    def _texts(self, series: pandas.Series[Any], name: str, encoder: ColumnEncoder) -> Array:
        """Convert a column to texts: `object` holding `str`, or None if missing.

        Only our own reader tells a missing cell from the text "NA", so a table that was read otherwise gets a warning.
        """
        without = frozenset(self.given.missing_values)
        texts = self._read(_objects(series), encoder.reader(name))
        texts[[text in without for text in texts]] = None
        missing, hint = absent(texts), ""
        if encoder.unknown is not None:
            hint = " Fill it in, or train with such rows and `missing` set to mean or median."
        said = [word for word in encoder.words if word.lower() in MISSING_WORDS]
        if said and not self.from_file:
            hint = (
                f" {said[0]!r} is a category of it, which pandas.read_csv takes as missing: give the path of the file, "
                "or read it with keep_default_na=False."
            )
        if missing.any() and self.given.fill is None:
            raise self._missing(repr(name), missing, hint)
        if missing.any() and said and not self.from_file:
            warn_of_data(f"{self._count(missing)} no value in {name!r}.{hint}")
        elif missing.any() and encoder.unknown is not None and not encoder.had_missing:
            row, rows = self.before + int(missing.argmax()) + 1, int(missing.sum())
            old = encoder.had_missing is None
            self.on_unknown(UnknownText(name, None, row, rows, encoder.words, may_be_known=old))
        unknown = ~missing & ~encoder.knows(texts)
        if unknown.any():
            row = int(unknown.argmax())
            rows = int(unknown.sum())
            if encoder.unknown is None:
                raise DataError(
                    f"Column {name!r} must hold what the study could encode as {encoder.kind}, but row "
                    f"{self.before + row + 1} holds {shown(texts[row])}. Correct it."
                )
            self.on_unknown(UnknownText(name, texts[row], self.before + row + 1, rows, encoder.words))
        return texts

    def _read(self, values: Array, read: Callable[[Any], str | None]) -> Array:
        """Read the text of each cell; in a file's column each distinct one is looked up once."""
        if not self.from_file:
            return np.array([read(value) for value in values], dtype=object)
        import pandas

        codes, distinct = pandas.factorize(values)
        return np.array([*map(read, distinct), None], dtype=object)[codes]

    def _check_values(self, x: Array) -> None:
        """Refuse what no row of the study could have: such rows would get the answer of any other row."""
        given, flat = self.given, by_column(x)
        missing, beyond = np.isnan(flat), np.abs(flat) > LARGEST
        if missing.any() and given.fill is None:
            raise self._missing(*_first(missing, len(x), given))
        if beyond.any():
            name, rows = _first(beyond, len(x), given)
            raise DataError(
                f"Features must be finite and fit float32, but {name} in row {self.before + int(rows.argmax()) + 1} "
                "does not. Correct it."
            )
        lost = ~np.isfinite(given.apply(x).reshape(len(x), -1)).all(axis=1)
        if lost.any():
            raise DataError(
                f"Scaled features must fit float32, but row {self.before + int(lost.argmax()) + 1} is too far from "
                "those of the study. Correct it."
            )

    def _missing(self, name: str, rows: Array, hint: str = "") -> DataError:
        return DataError(
            f"Rows must have a value in each column, as those of the study, but {self._count(rows)} none in {name}."
            f"{hint or ' Fill it in, or train with `missing` set to mean or median.'}"
        )

    def _count(self, rows: Array) -> str:
        return count_rows(self.before + int(rows.argmax()) + 1, int(rows.sum()))


def _check_kind(rows: Any) -> None:
    table = hasattr(rows, "iloc") and getattr(rows, "ndim", 0) == 2
    if not table and (hasattr(rows, "iloc") or isinstance(rows, dict) or not hasattr(rows, "__len__")):
        raise DataError(
            f"Rows must be a pandas DataFrame, the path of a table or an array of numbers, but got a "
            f"{type(rows).__name__}. Make a table of it: pandas.DataFrame(...), with one column per feature."
        )


def _places(frame: pandas.DataFrame, needed: Sequence[str]) -> dict[str, int]:
    """Where the needed columns are."""
    names = [column_name(name) for name in frame.columns]
    counts, found = Counter(names), {name: place for place, name in enumerate(names)}
    for name in needed:
        if counts[name] > 1:
            raise DataError(f"Each column must have its own name, but {_TABLE} has {name!r} {counts[name]} times.")
        if name not in found:
            pick(frame, name, "feature", _TABLE)
    return found


def _says_number(text: str, decimal: str) -> bool:
    return is_number(text.strip(), decimal) or text.strip().lower() in {"", *MISSING_WORDS}


def _objects(series: pandas.Series[Any]) -> Array:
    return series.astype(object).to_numpy(dtype=object)


def _first(cells: Array, rows: int, given: Preprocessing) -> tuple[str, Array]:
    """Name of the first column with such a cell, and its rows as a mask."""
    column = int(cells.any(axis=0).argmax())
    name = repr(given.features[column]) if given.features else f"column {column}"
    return name, np.asarray(cells[:, column].reshape(rows, -1).any(axis=1))


def warn_of_data(text: str) -> None:
    """Warn of something in the data, at the line that called this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text[0].upper() + text[1:], DataWarning, stacklevel=level)
