"""Columns of a pandas table as numbers and texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import (
    MISSING_WORDS,
    CodedTexts,
    cell_texts,
    cell_values,
    check_whole,
    column_name,
    is_number,
    without_values,
)
from tuner.data.dataset import Array
from tuner.data.encoders import ENCODINGS
from tuner.data.missing_targets import check_targets
from tuner.errors import DataError, nearest, shown
from tuner.text import count, listed_first

if TYPE_CHECKING:
    import pandas


_UNNAMED = re.compile(r"|Unnamed: \d+")
"""What pandas calls a column without a name."""

_MOST_NAMED = 8


def index_columns(
    frame: pandas.DataFrame, used: Collection[str], source: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the columns that are the index which the table was saved with, and a note for each.

    Such a column has no name and holds a different whole number in each row.

    Args:
        frame: The table.
        used: Columns that the study names.
        source: For messages.
    """
    found, notes = [], []
    for position, name in enumerate(map(column_name, frame.columns)):
        if _UNNAMED.fullmatch(name) and name not in used:
            series = frame.iloc[:, position]
            if series.dtype.kind in "iu" and series.is_unique:
                found.append(name)
                notes.append(
                    f"The column without a name in {source} ({name!r}) holds a different whole number in each row: it "
                    "was left out as the index of the table. Give it a name if it is a feature."
                )
    return tuple(found), tuple(notes)


def check_names(columns: Iterable[Any], source: str) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: Two columns have one name.
    """
    names = [column_name(name) for name in columns]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        named = listed_first([repr(name) for name in twice], _MOST_NAMED)
        verb = "occurs" if len(twice) == 1 else "occur"
        raise DataError(
            f"Each column must have its own name, but {named} {verb} more than once in {source}. Rename or remove the "
            "others."
        )
    return names


def feature_columns(
    frame: pandas.DataFrame,
    source: str,
    without: Collection[str] = (),
    missing_values: Collection[str] = (),
    encodings: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Array, tuple[str, ...], dict[str, Array]]:
    """Return number columns as a float64 array `(n, d)` with their names, and text columns by name.

    Columns of one kind are taken together: a table may have tens of thousands, and each costs pandas more than reading
    its cells.

    Args:
        frame: The table.
        source: For messages.
        without: Names of columns that are no features.
        missing_values: As for `column`.
        encodings: Column → its encoding, if the study gives one.

    Raises:
        DataError: Two columns of one name, or a column that holds neither numbers nor texts.
    """
    import pandas

    names = check_names(frame.columns, source)
    skipped = set(without)
    wanted = np.array([name not in skipped for name in names], bool)
    kinds = np.array([_kind(kind) for kind in frame.dtypes])
    found = {
        place: _encodable(frame.iloc[:, place], name, encodings[name], source, missing_values)
        for place, name in enumerate(names)
        if name in encodings and wanted[place]
    }
    kinds[[*found]] = "found"
    plain = np.flatnonzero(wanted & (kinds == "number"))
    values = without_values(frame.iloc[:, plain].to_numpy(dtype=np.float64), missing_values)
    found.update(zip(plain.tolist(), values.T, strict=True))
    objects = np.flatnonzero(wanted & (kinds == "text"))
    cells = frame.iloc[:, objects].to_numpy(dtype=object)
    if pandas.api.types.infer_dtype(cells.ravel(), skipna=True) == "string":
        coded = CodedTexts.from_cells(cells, missing_values)
        given, texts = np.atleast_1d((coded.codes >= 0).any(axis=0)), coded.texts(np.arange(len(objects)))
        found.update((place, texts[:, at]) for at, place in enumerate(objects.tolist()) if given[at])
    for place in np.flatnonzero(wanted).tolist():
        if place not in found:
            found[place] = column(frame.iloc[:, place], names[place], source, missing_values)
    ordered = {names[place]: found[place] for place in sorted(found)}
    numbers = {name: values for name, values in ordered.items() if values.dtype != object}
    x = np.empty((len(frame), len(numbers)))
    for at, values in enumerate(numbers.values()):
        x[:, at] = values
    return x, tuple(numbers), {name: values for name, values in ordered.items() if values.dtype == object}


def _encodable(
    series: pandas.Series[Any], name: str, encoding: str, source: str, missing_values: Collection[str]
) -> Array:
    """Return a column as its encoding takes it: texts, `object` of shape `(n,)`, or numbers, float64.

    Raises:
        DataError: A cell is not a number, but should be.
    """
    if ENCODINGS[encoding].encoder is not None:
        return cell_texts(series.astype(object).to_numpy(dtype=object), missing_values)
    values = column(series, name, source, missing_values)
    if values.dtype != object:
        return values
    odd, first = not_numbers(values)
    if odd:
        raise DataError(
            f"`columns.{name}` must hold numbers, but {count(odd, 'cell does', 'cells do')} not, the first "
            f"{shown(values[first])} in row {first + 1} ({source}). If it means a missing cell, add "
            f'missing_values = ["{values[first]}"].',
            key="columns",
        )
    return cell_values(values).astype(np.float64)


def _kind(dtype: Any) -> str:
    """Tell which columns are read together: "number", "text" or "other"."""
    import pandas

    if isinstance(dtype, np.dtype) and dtype.kind in "buif":
        return "number"
    return "text" if isinstance(dtype, pandas.StringDtype) or dtype.kind == "O" else "other"


def target_columns(frame: pandas.DataFrame, source: str, missing_values: Collection[str] = ()) -> Array:
    """Return the target columns, `(n,)` for one, `(n, targets)` for several; float64, or `object` holding `str`.

    Raises:
        DataError: A cell without a value, or columns of different kinds.
    """
    columns = [
        column(frame.iloc[:, position], column_name(name), source, missing_values)
        for position, name in enumerate(frame.columns)
    ]
    for name, values in zip(frame.columns, columns, strict=True):
        check_targets(values, f"column {column_name(name)!r}", source)
    if len({values.dtype for values in columns}) > 1:
        raise DataError(
            f"Several targets must all be numbers, but {shown(list(frame.columns))} are not ({source}).", key="target"
        )
    for position, values in enumerate(columns):
        if values.dtype != object:
            check_whole(frame.iloc[:, position], values, source)
    if len(columns) == 1 and _holds_bools(frame.iloc[:, 0]):
        return np.where(columns[0] > 0, "True", "False").astype(object)
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _holds_bools(series: pandas.Series[Any]) -> bool:
    return series.dtype.kind == "b" or (series.dtype == object and all(isinstance(value, bool) for value in series))


def column(series: pandas.Series[Any], name: str, source: str, missing_values: Collection[str] = ()) -> Array:
    """One column: float64 with NaN for missing cells, or `object` holding `str` and None.

    Numbers, bools and decimals are numbers; strings and categories are texts.

    Args:
        series: The column.
        name, source: For messages.
        missing_values: Texts of cells (see `cell_text`) that count as missing.

    Raises:
        DataError: Dates, complex numbers, lists, or a mixture of texts and numbers.
    """
    import pandas

    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "buif":
        return without_values(series.to_numpy().astype(np.float64, copy=False), missing_values)
    if pandas.api.types.is_bool_dtype(kind) or pandas.api.types.is_numeric_dtype(kind):
        if not pandas.api.types.is_complex_dtype(kind):
            return without_values(series.to_numpy(dtype=np.float64, na_value=np.nan), missing_values)
    elif isinstance(kind, pandas.CategoricalDtype | pandas.StringDtype) or kind.kind == "O":
        return _objects(series, name, source, missing_values)
    step = f'Add "{name}" = "date" to [data.columns]' if kind.kind == "M" else "Turn it into numbers"
    raise DataError(f"A column must hold numbers or text, but {name!r} holds {kind} ({source}). {step}, or `drop` it.")


def _objects(series: pandas.Series[Any], name: str, source: str, missing_values: Collection[str]) -> Array:
    """Convert a column of Python objects or categories to all texts or all numbers."""
    missing = series.isna().to_numpy(dtype=bool)
    values = series.astype(object).to_numpy(dtype=object)
    given = values[~missing]
    texts = sum(isinstance(value, str) for value in given)
    if texts == len(given) and len(given):
        return cell_texts(values, missing_values)
    numbers = np.full(len(values), np.nan)
    try:
        if texts:
            raise TypeError
        numbers[~missing] = [float(value) for value in given]
    except (TypeError, ValueError, OverflowError):
        odd = next(value for value in given if not isinstance(value, str) or texts)
        raise DataError(
            f"A column must hold numbers or text, but {name!r} mixes kinds or holds others, such as {shown(odd)} "
            f"of type {type(odd).__name__} ({source}). Clean it, or `drop` it."
        ) from None
    return without_values(numbers, missing_values)


def not_numbers(values: Array) -> tuple[int, int]:
    """How many cells of a text column are neither numbers nor missing ones, and the row (from 0) of the first."""
    odd = np.array(
        [text is not None and not is_number(text) and text.lower() not in MISSING_WORDS for text in values], bool
    )
    return int(odd.sum()), int(odd.argmax())


_KEYS = {"dropped": "drop", "encoded": "columns", "feature": "source"}
"""What a message calls a column → the key of `[data]` that names it, if that is another word."""


def pick(frame: pandas.DataFrame, name: str, role: str, source: str) -> str:
    """`name`, if the table has this column.

    Raises:
        DataError: It has not; the message names the nearest column.
    """
    if name in frame.columns:
        return name
    names = [column_name(column) for column in frame.columns]
    if column_name(name) in names:
        return column_name(name)
    near = nearest(name, names)
    hint, step = (f" Did you mean {near!r}?", "") if near else ("", " Name one of these.")
    raise DataError(
        f"The {role} column must be in the table, but {source} has no {name!r}.{hint} "
        f"It has: {listed_first(names, 20)}.{step}",
        key=_KEYS.get(role, role),
    )


def check_index(values: Mapping[str, Any], source: str) -> None:
    """Refuse tables whose rows have other labels, or the same in another order: they are taken by position.

    Raises:
        DataError: With the first row that differs.
    """
    tables = {name: value for name, value in values.items() if is_pandas(value)}
    for (name, one), (other, two) in pairwise(tables.items()):
        if len(one) == len(two) and not one.index.equals(two.index):
            row = next(row for row, (a, b) in enumerate(zip(one.index, two.index, strict=True)) if a != b or a != a)
            raise DataError(
                f"{name} and {other} must have the same index, but row {row + 1} is {shown(one.index[row])} in {name} "
                f"and {shown(two.index[row])} in {other} ({source}). Give rows that belong together: "
                f"{other} = {other}.loc[{name}.index], or, if they are in the same order already, "
                "reset_index(drop=True) on both."
            )


def is_pandas(values: Any) -> bool:
    """Tell whether a value is a pandas table or column; pandas is not imported."""
    return type(values).__module__.split(".")[0] == "pandas" and hasattr(values, "iloc")
