"""Columns that decide on the split, and are no features: groups, the order of the rows, the parts themselves."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tuner.data.cells import cell_texts
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.date_formats import date_format, parse_dates
from tuner.errors import DataError, nearest, shown

PARTS = ("train", "validation", "test")
"""What a column of `split` may say."""

_DATE_LIKE = re.compile(r"\s*\d{1,4}[-./]\d{1,2}([-./]\d{1,4})?(\D.*)?$")


def read_split_columns(options: DataOptions, columns: Mapping[str, Any], source: str) -> dict[str, Array]:
    """Read the columns that decide on the split.

    Args:
        options: `group`, `order` and `split` are used.
        columns: Arrays and table columns by name.
        source: For messages.

    Returns:
        "group" → `object` of shape `(n,)` holding `str`; "order" → float64, or int64 for dates (microseconds since
        1970), shape `(n,)`; "split" → `object` holding `PARTS`.

    Raises:
        DataError: There is no such column, or a cell is empty, or says nothing of the kind.
    """
    return {
        key: read_split_column(key, _find(key, columns, name, source), name, source)
        for key, name in options.split_columns.items()
    }


def read_split_column(key: str, values: Any, name: str, source: str) -> Array:
    """Read the column of `group`, `order` or `split` (see `read_split_columns`)."""
    readers: Mapping[str, Callable[[Any, str, str], Array]] = {"group": _groups, "order": _order, "split": _parts}
    return readers[key](values, name, source)


def _find(key: str, given: Mapping[str, Any], name: str, source: str) -> Any:
    if name in given:
        return given[name]
    near = nearest(name, list(given))
    raise DataError(
        f"The columns of `group`, `order` and `split` must be in the data, but {source} has no {name!r}."
        f"{f' Did you mean {near!r}?' if near else ''} It has: {', '.join(list(given)[:20]) or 'none'}.",
        key=key,
    )


def _groups(values: Any, name: str, source: str) -> Array:
    texts = cell_texts(_flat(values, "group", name, source))
    _check_given(np.array([text is None for text in texts], bool), "group", name, source)
    return texts


def _parts(values: Any, name: str, source: str) -> Array:
    texts = cell_texts(_flat(values, "split", name, source))
    _check_given(np.array([text is None for text in texts], bool), "split", name, source)
    known = {word: word.lower() for word in {*texts}}
    for word, part in known.items():
        if part not in PARTS:
            near = next((name for name in PARTS if name[:2] == part[:2]), None)
            raise DataError(
                f"The split column must say {', '.join(PARTS[:2])} or {PARTS[2]} in each row, but {name!r} says "
                f"{shown(word)} in row {int((texts == word).argmax()) + 1} ({source})."
                f"{f' Did you mean {near!r}?' if near else ''}",
                key="split",
            )
    return np.array([known[word] for word in texts], dtype=object)


def _order(values: Any, name: str, source: str) -> Array:
    import pandas

    series = pandas.Series(_flat(values, "order", name, source))
    _check_given(series.isna().to_numpy(dtype=bool), "order", name, source)
    if pandas.api.types.is_datetime64_any_dtype(series.dtype):
        return _microseconds(pandas.to_datetime(series, utc=True))
    try:
        numbers = series.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        form = date_format(series, "The order column", name, source, "numbers, or ", key="order", all_rows=True)
        return parse_dates(series, form).astype(np.int64)
    if not np.isfinite(numbers).all():
        raise DataError(
            f"The order column must hold finite numbers or dates, but {name!r} does not ({source}).", key="order"
        )
    return numbers


def _microseconds(dates: Any) -> Array:
    return np.asarray(dates.dt.as_unit("us").astype("int64").to_numpy())


def _flat(values: Any, key: str, name: str, source: str) -> Any:
    """Return one value a row: an array or a column of pandas, `(n,)`."""
    if hasattr(values, "iloc"):
        return values.reset_index(drop=True) if values.ndim == 1 else values.iloc[:, 0].reset_index(drop=True)
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"The {key} column must have the shape (rows,), but {name!r} has {array.shape} ({source}).", key=key
        )
    return array


def _check_given(missing: Array, key: str, name: str, source: str) -> None:
    if missing.any():
        raise DataError(
            f"The {key} column must have a value in each row, but {name!r} lacks {int(missing.sum())}, the first in "
            f"row {int(missing.argmax()) + 1} ({source}). Fill them in or leave these rows out.",
            key=key,
        )


def as_dates(values: Array) -> Array | None:
    """Return a column of dates, or of texts that look like dates, as `read_split_columns` does; else None."""
    if values.ndim != 1 or values.dtype.kind not in "OM":
        return None
    if values.dtype.kind == "O" and not all(
        _DATE_LIKE.match(value) if isinstance(value, str) else isinstance(value, datetime.date) for value in values
    ):
        return None
    try:
        found = _order(values, "", "")
    except DataError:
        return None
    return found if found.dtype.kind == "i" else None


def show_order(value: Any) -> str:
    """Write a value of an order column for people."""
    if isinstance(value, np.integer | int):
        text = str(np.datetime64(int(value), "us"))
        return text.removesuffix("T00:00:00.000000").removesuffix(".000000")
    return f"{float(value):.10g}"
