"""How much of the target one column tells alone."""

from __future__ import annotations

import numpy as np

from tuner.data.dataset import Array

_GROUPS = 20
TELLS_ALL = 0.98
"""Share of the target above which a column tells it alone (see `share_explained`)."""


def share_explained(values: Array, target: Array) -> float:
    """Return how much of the target one column tells alone, from 0 to 1.

    Rows are grouped by the value of the column, by `_GROUPS` quantiles if it has more.  For classes it is the share of
    errors of the most common class that the most common class of each group avoids; for numbers it is the share of the
    variance between groups, adjusted for their number.  A column with fewer than five rows a group tells nothing.

    Args:
        values: Column, `(n,)`: numbers with NaN, or texts and None.
        target: `(n,)`: float64, or `object` if its values are classes.
    """
    groups = _groups(values)
    rows, sizes = len(values), np.bincount(groups)
    if len(sizes) < 2 or len(sizes) > rows / 5:
        return 0.0
    if target.dtype == object:
        classes = np.unique(target.astype(str), return_inverse=True)[1]
        table = np.bincount(
            groups * (int(classes.max()) + 1) + classes, minlength=len(sizes) * (int(classes.max()) + 1)
        )
        table = table.reshape(len(sizes), -1)
        errors = rows - int(table.sum(axis=0).max())
        return float((table.max(axis=1).sum() - (rows - errors)) / errors) if errors else 0.0
    total = float(np.var(target, ddof=1))
    means = np.bincount(groups, target) / sizes
    within = float(np.square(target - means[groups]).sum()) / (rows - len(sizes))
    return max(0.0, 1 - within / total) if total else 0.0


def _groups(values: Array) -> Array:
    """Return the group of each row, `(n,)` from 0: its value, or its quantile of many numbers; missing is a value."""
    if values.dtype == object:
        values = np.array(["" if value is None else f"_{value}" for value in values])
    distinct, groups = np.unique(values, return_inverse=True)
    if values.dtype.kind == "f" and len(distinct) > _GROUPS:
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, _GROUPS + 1)[1:-1]))
        groups = np.unique(
            np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right")), return_inverse=True
        )[1]
    return groups.ravel()
