"""Text columns as numbers, and rows with missing values.

The categories of a text column are names, not statistics: they are taken from all rows outside the test part, so that
each fold and the final training have the same columns.  A category that only test rows have is encoded like a missing
one: zeros in one-hot columns, -1 as an ordinal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.pandas_columns import absent, not_numbers
from tuner.data.raw_data import RawData, by_column
from tuner.errors import DataError, shown

MOST_CATEGORIES = 1000


@dataclass(frozen=True)
class Encoded:
    """Features that are all numbers.

    Attributes:
        x: float32 or float64, shape `(n, ..., d)`, NaN where a number is missing.
        features: Names of the d columns, possibly none.
        one_hot: Which columns say whether a row has a category, bool, shape `(d,)`: they are not scaled.
        codes: Which columns hold ordinals of categories, bool, shape `(d,)`: not searched for outliers.
        vocabulary: Text column → its categories.
        notes: Sentences.
    """

    x: Array
    features: tuple[str, ...]
    one_hot: Array
    codes: Array
    vocabulary: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def check_texts(raw: RawData, options: DataOptions) -> None:
    """Refuse text columns where the study does not say what becomes of them.

    Raises:
        DataError: With the column, what it holds, and whether it is nearly numbers.
    """
    if not raw.texts or options.text != "error":
        return
    name, values = next(iter(raw.texts.items()))
    odd, first = not_numbers(values)
    given = len(values) - int(absent(values).sum())
    if 0 < odd < given:
        what = f"{name!r} holds {odd} cells that are not, the first {shown(values[first])} in row {first + 1}"
    else:
        others = len(raw.texts) - 1
        what = f"{name!r} holds text such as {shown(values[first])}" + (
            f", and {others} other columns do" if others else ""
        )
    raise DataError(
        f"Features must be numbers, but {what} ({raw.source}). "
        "Clean it, `drop` it, or set `text` to one_hot or ordinal."
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
    listed = ", ".join(f"{name} ({count})" for name, count in most[:10])
    more = f" and {len(most) - 10} more columns" if len(most) > 10 else ""
    raise DataError(
        f"Features must have no missing values, but some are missing in {listed}{more} ({raw.source}). "
        f"Set `missing` to mean, median or drop{', or `drop` these columns' if raw.features or raw.texts else ''}."
    )


def encode(raw: RawData, options: DataOptions, development: Array) -> Encoded:
    """All features as numbers: the number columns first, then the text columns in their order.

    Raises:
        DataError: A text column has too many categories for one-hot columns, or none.
    """
    blocks, names, notes = [raw.x], list(raw.features), []
    vocabulary = {name: _categories(name, values[development], raw, options) for name, values in raw.texts.items()}
    for name, words in vocabulary.items():
        blocks.append(encode_texts(raw.texts[name], words, options.text))
        names += _column_names(name, words, options.text)
        notes.append(f"The text column {name!r} was encoded as {options.text} of {len(words)} categories.")
        unknown = len({*raw.texts[name]} - {None, *words})
        if unknown:
            notes.append(f"Of {name!r}, {unknown} texts are in test rows alone: they count as of no category.")
    x = np.concatenate(blocks, axis=1) if vocabulary else raw.x
    encoded = np.arange(x.shape[-1]) >= raw.x.shape[-1]
    one_hot, codes = encoded & (options.text == "one_hot"), encoded & (options.text == "ordinal")
    return Encoded(x, tuple(names), one_hot, codes, vocabulary, tuple(notes))


def _categories(name: str, values: Array, raw: RawData, options: DataOptions) -> tuple[str, ...]:
    words = sorted({*values} - {None})
    if not words:
        raise DataError(
            f"A text column must hold text, but {name!r} is empty outside the test part ({raw.source}). `drop` it."
        )
    if options.text == "one_hot" and len(words) > MOST_CATEGORIES:
        raise DataError(
            f"A one-hot column may have at most {MOST_CATEGORIES} categories, but {name!r} has {len(words)} "
            f"({raw.source}). Set `text = 'ordinal'`, or `drop` it."
        )
    return tuple(words)


def encode_texts(values: Array, words: Sequence[str], how: str) -> Array:
    """Encode a text column, `(n,)`, by its categories: `(n, categories)` if one_hot, `(n, 1)` if ordinal; float64."""
    codes = {**dict.fromkeys(values, -1), **{word: code for code, word in enumerate(words)}}
    ordinal = np.fromiter(map(codes.__getitem__, values), np.float64, len(values))[:, None]
    return (ordinal == np.arange(len(words))).astype(np.float64) if how == "one_hot" else ordinal


def _column_names(name: str, words: tuple[str, ...], how: str) -> list[str]:
    """Encode a text column."""
    return [f"{name}={word}" for word in words] if how == "one_hot" else [name]
