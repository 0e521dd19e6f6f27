"""Outliers in a training part.

Validation and test rows are never touched: what is measured is measured on the data as they are.

- `drop_zscore`: rows with a value more than `limit` standard deviations (of the population) from the mean;
- `drop_iqr`: rows with a value outside `[q1 - limit * iqr, q3 + limit * iqr]` (Tukey, Exploratory Data Analysis, 1977);
- `winsorize`: values below the quantile `limit` or above `1 - limit` are set to it; no row is dropped.

Quantiles are interpolated linearly.  Columns of at most two different values, and those without spread, are left alone.
"""

from __future__ import annotations

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import by_column


def bounds(values: Array, method: str, limit: float, ignored: Array | None = None) -> tuple[Array, Array]:
    """Smallest and largest value that is not an outlier, for each column.

    Args:
        values: Shape `(n, ..., d)`; NaN is no value.  Each column has one value at least.
        method: "drop_zscore", "drop_iqr" or "winsorize".
        limit: Of the method.
        ignored: Columns that have no outliers, bool, shape `(d,)`.

    Returns:
        Two float64 arrays of shape `(d,)`, infinite for columns that are left alone.
    """
    flat = by_column(values).astype(np.float64)
    smallest, largest = np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)
    alone = ((flat == smallest) | (flat == largest) | np.isnan(flat)).all(axis=0)
    if method == "drop_zscore":
        center, spread = np.nanmean(flat, axis=0), np.nanstd(flat, axis=0)
        low, high = center - limit * spread, center + limit * spread
    elif method == "drop_iqr":
        low_quartile, high_quartile = np.nanquantile(flat, [0.25, 0.75], axis=0)
        spread = high_quartile - low_quartile
        low, high = low_quartile - limit * spread, high_quartile + limit * spread
        alone |= spread == 0
    else:
        low, high = np.nanquantile(flat, [limit, 1 - limit], axis=0)
    if ignored is not None:
        alone |= ignored
    return np.where(alone, -np.inf, low), np.where(alone, np.inf, high)


def outside(values: Array, low: Array, high: Array) -> Array:
    """Rows with a value outside the bounds: bool, shape `(n,)`.  NaN is not outside."""
    found = (values < low) | (values > high)
    return np.asarray(found.any(axis=tuple(range(1, found.ndim))))
