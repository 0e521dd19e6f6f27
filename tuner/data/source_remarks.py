"""Remarks on data that can be used: sentences for the user."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tuner.data.cells import MISSING_WORDS
from tuner.data.dataset import Array
from tuner.data.raw_data import RawData
from tuner.text import count

_MIN_ROWS_TO_COUNT = 10
"""In fewer rows a column counts them by chance."""


def remarks(raw: RawData) -> tuple[str, ...]:
    """Say what may have been meant otherwise in the rows of a source."""
    return (*_missing_words(raw), *_counters(raw))


def _missing_words(raw: RawData) -> Iterator[str]:
    """Texts that are values, but are also what programs write for a missing cell."""
    columns: dict[str, Array] = dict(raw.texts)
    if raw.y.dtype == object and raw.y.ndim == 1:
        columns[raw.labels[0] if raw.labels else "the target"] = raw.y
    for name, texts in columns.items():
        for word in sorted(word for word in set(texts) if word is not None and word.lower() in MISSING_WORDS):
            rows = count(int((texts == word).sum()), "row")
            yield (
                f"{word!r} in {name!r} ({rows} of {raw.source}) is treated as a value. If it "
                f'means a missing cell, add missing_values = ["{word}"] to [data].'
            )


def _counters(raw: RawData) -> Iterator[str]:
    """Columns that only count the rows, from 0 or 1, in any order."""
    rows = len(raw)
    if not raw.features or rows < _MIN_ROWS_TO_COUNT:
        return
    low, high = raw.x.min(axis=0), raw.x.max(axis=0)
    for column in np.flatnonzero(((low == 0) | (low == 1)) & (high - low == rows - 1)):
        if np.array_equal(np.sort(raw.x[:, column]), np.arange(rows) + low[column]):
            name = raw.features[column]
            yield (
                f"{name!r} of {raw.source} numbers the rows from {low[column]:.0f} to {high[column]:.0f}. If it is not "
                f'a feature, add drop = ["{name}"] to [data]: if the rows are sorted by class, it gives the answer '
                "away."
            )
