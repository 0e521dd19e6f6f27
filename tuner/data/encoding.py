"""Text columns as numbers, and rows with missing values.

The categories of a text column are names, not statistics: they are taken from all rows outside the test part, so that
each fold and the final training have the same columns.  A category that only test rows have is encoded like a missing
one: zeros in one-hot columns, -1 as an ordinal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tuner.data.cells import absent
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.encoders import ENCODERS
from tuner.data.encoders.base import ColumnEncoder
from tuner.data.pandas_columns import not_numbers
from tuner.data.raw_data import RawData, by_column
from tuner.errors import DataError, shown
from tuner.text import count

_MOST_DESCRIBED = 20
"""Encoded columns with a note each."""


@dataclass(frozen=True)
class Encoded:
    """Features that are all numbers.

    Attributes:
        x: float32 or float64, shape `(n, ..., d)`, NaN where a number is missing.
        features: Names of the d columns, possibly none.
        scaled: Which columns are scaled, bool, shape `(d,)`: not those that say whether a row has a category.
        from_texts: Which columns were made of texts, bool, shape `(d,)`: not searched for outliers.
        encoders: Column of texts → what encodes it.
        notes: Sentences.
    """

    x: Array
    features: tuple[str, ...]
    scaled: Array
    from_texts: Array
    encoders: Mapping[str, ColumnEncoder]
    notes: tuple[str, ...]


def check_texts(raw: RawData, options: DataOptions) -> None:
    """Refuse text columns where the study does not say what becomes of them.

    Raises:
        DataError: With the column, what it holds, and whether it is nearly numbers.
    """
    texts = {name: values for name, values in raw.texts.items() if name not in options.encodings}
    if not texts or options.text in ENCODERS:
        return
    name, values = next(iter(texts.items()))
    odd, first = not_numbers(values)
    given = len(values) - int(absent(values).sum())
    if 0 < odd < given:
        cells = count(odd, "cell that is not", "cells that are not")
        what = f"{name!r} holds {cells}, the first {shown(values[first])} in row {first + 1}"
    else:
        others = len(texts) - 1
        more = f", as {count(others, 'other column does', 'other columns do')}" if others else ""
        what = f"{name!r} holds text such as {shown(values[first])}{more}"
    raise DataError(
        f"Features must be numbers, but {what} ({raw.source}). "
        "Clean it, `drop` it, set `text` to one_hot, ordinal or tf_idf, or encode the column in [data.columns]."
    )


def missing(raw: RawData) -> tuple[Array, dict[str, int]]:
    """Which rows lack a value, bool, shape `(n,)`, and how many each column lacks."""
    cells = np.isnan(raw.x)
    rows = np.asarray(cells.any(axis=tuple(range(1, cells.ndim))))
    per_column = by_column(cells).sum(axis=0)
    lacking = {
        raw.features[d] if raw.features else f"column {d}": int(per_column[d]) for d in np.flatnonzero(per_column)
    }
    for name, values in raw.texts.items():
        empty = absent(values)
        rows = rows | empty
        if empty.any():
            lacking[name] = int(empty.sum())
    return rows, lacking


def refuse_missing(raw: RawData, lacking: Mapping[str, int]) -> None:
    """Make the error for missing values that the study has no rule for."""
    most = sorted(lacking.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{name} ({cells})" for name, cells in most[:10])
    more = f" and {count(len(most) - 10, 'more column')}" if len(most) > 10 else ""
    raise DataError(
        f"Features must have no missing values, but some are missing in {listed}{more} ({raw.source}). "
        f"Set `missing` to mean, median or drop{', or `drop` these columns' if raw.features or raw.texts else ''}.",
        key="missing",
    )


def encode(raw: RawData, options: DataOptions, development: Array) -> Encoded:
    """All features as numbers: the number columns first, then the columns of texts in their order.

    Raises:
        DataError: The texts of a column do not suit its encoding.
    """
    encoders = {name: _fit(name, values[development], raw, options) for name, values in raw.texts.items()}
    own_columns: list[int] = []
    blocks, names, notes, scaled = [raw.x], list(raw.features), list[str](), [True] * raw.x.shape[-1]
    for name, encoder in encoders.items():
        texts, own = raw.texts[name], encoder.names(name)
        blocks.append(encoder.encode(texts))
        names += own
        scaled += [encoder.scaled] * len(own)
        described = [encoder.describe(name)] if len(own_columns) < _MOST_DESCRIBED else []
        own_columns.append(len(own))
        notes += [*described, *_unknown(name, texts, encoder, raw)]
    if others := own_columns[_MOST_DESCRIBED:]:
        columns = f"{count(len(others), 'further column')} of texts or dates"
        notes.append(f"{columns} became {count(sum(others), 'column')} of numbers.")
    x = np.concatenate(blocks, axis=1) if encoders else raw.x
    from_texts = np.arange(x.shape[-1]) >= raw.x.shape[-1]
    return Encoded(x, tuple(names), np.array(scaled), from_texts, encoders, tuple(notes))


def _fit(name: str, values: Array, raw: RawData, options: DataOptions) -> ColumnEncoder:
    encoding, argument = options.get_encoding(name)
    return ENCODERS[encoding].fit(name, values, raw.source, argument)


def _unknown(name: str, texts: Array, encoder: ColumnEncoder, raw: RawData) -> Iterator[str]:
    """Say which texts only test rows have, and whether only they lack one.

    Raises:
        DataError: The encoding has no number for them.
    """
    lacking = absent(texts)
    if encoder.had_missing is False and lacking.any():
        one = lacking.sum() == 1
        rows, verb = f"{lacking.sum():,} test {'row lacks' if one else 'rows lack'}", "counts" if one else "count"
        yield f"Only {rows} a value in {name!r}, and {verb} as belonging to no category."
    odd = ~lacking & ~encoder.knows(texts)
    if not odd.any():
        return
    if encoder.unknown is None:
        row = int(odd.argmax())
        raise DataError(
            f"`columns.{name}` must be {encoder.kind} in all rows, but row {row + 1} holds {shown(texts[row])} "
            f"({raw.source}). Correct it, or add it to `missing_values`.",
            key="columns",
        )
    alone = count(len({*texts[odd]}), f"text of {name!r} is", f"texts of {name!r} are")
    yield f"{alone} in test rows only, and counted as belonging to no category."
