"""Whether classes are so far apart that a straight line between them answers every validation row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuner.catalog import Task
from tuner.data.dataset import Array, Split

_MOST_ROWS, _MOST_FEATURES = 5_000, 300
"""Training rows and features that are looked at of a large set, and validation rows at a time."""

_SHRINKAGE = 0.01
"""Of the covariance towards its mean variance: features may repeat each other."""


def is_linearly_separable(splits: Sequence[Split], task: Task) -> bool | None:
    """Tell whether a linear discriminant answers every validation row of all splits right.

    It is fitted to the training rows as the networks get them, and asked until it first answers wrong.

    Returns:
        None if the targets are no classes, or a row has more than 300 features.
    """
    if task not in (Task.BINARY, Task.MULTICLASS) or np.prod(splits[0].train.x.shape[1:]) > _MOST_FEATURES:
        return None
    return all(_separates(split, task) for split in splits)


def _separates(split: Split, task: Task) -> bool:
    x, k = _flat(split.train.x[:_MOST_ROWS]), _classes(split.train.y[:_MOST_ROWS], task)
    known = np.unique(k)
    means = np.stack([x[k == one].mean(axis=0) for one in known])
    centered = x - means[np.searchsorted(known, k)]
    covariance = centered.T @ centered / len(x)
    covariance *= 1 - _SHRINKAGE
    covariance[np.diag_indices_from(covariance)] += _SHRINKAGE * np.trace(covariance) / len(covariance) + 1e-12
    directions = np.linalg.solve(covariance, means.T)
    priors = np.log([(k == one).mean() for one in known])
    offsets = priors - 0.5 * (means * directions.T).sum(axis=1)
    given = split.validation
    for start in range(0, len(given), _MOST_ROWS):
        block = slice(start, start + _MOST_ROWS)
        found = (_flat(given.x[block]) @ directions + offsets).argmax(axis=1)
        if (known[found] != _classes(given.y[block], task)).any():
            return False
    return True


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1).astype(np.float64)


def _classes(y: Array, task: Task) -> Array:
    return y.argmax(axis=1) if task is Task.MULTICLASS else y[:, 0].astype(np.int64)
