"""Imputing and scaling, fitted on a training part.

With the columns of x (a table's column, an image's channel, a series' variable):

- `standardize`: (x - mean) / standard deviation of the population;
- `minmax`: (x - min) / (max - min);
- `robust`: (x - median) / (third quartile - first quartile).

A spread of 0 counts as 1.
"""

from __future__ import annotations

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import by_column
from tuner.errors import DataError
from tuner.text import count


def fit_fill(x: Array, method: str) -> Array:
    """Mean or median of each column, float64, shape `(d,)`; each column has one value at least."""
    flat = by_column(x)
    fill = np.nanmedian(flat, axis=0) if method == "median" else np.nanmean(flat, axis=0, dtype=np.float64)
    return np.asarray(fill, np.float64)


def fit_scale(x: Array, method: str) -> tuple[Array, Array]:
    """Center and scale of each column, float64, shape `(d,)`; x has no NaN."""
    flat = by_column(x)
    smallest, largest = flat.min(axis=0).astype(np.float64), flat.max(axis=0).astype(np.float64)
    if method == "none":
        center, spread = np.zeros_like(smallest), np.ones_like(smallest)
    elif method == "standardize":
        center, spread = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    elif method == "minmax":
        center, spread = smallest, largest - smallest
    else:
        low, center, high = np.quantile(flat.astype(np.float64), [0.25, 0.5, 0.75], axis=0)
        spread = high - low
    # The deviation of a constant column can be 1e-17 instead of 0.
    return center, np.where((smallest == largest) | (spread == 0), 1.0, spread)


def float32(values: Array, what: str, source: str) -> Array:
    """`values` as contiguous float32.

    Raises:
        DataError: A value does not fit.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.ascontiguousarray(values, np.float32)
    if not np.isfinite(out).all():
        raise DataError(
            f"Scaled {what} must fit float32, but {count(int((~np.isfinite(out)).sum()), 'value does', 'values do')} "
            f"not: a value outside the training part is far beyond its range ({source}). Set `scale = 'none'`, or look "
            "at these rows.",
            key="target" if what == "targets" else "source",
        )
    return out
