"""Whether classes are so far apart that a straight line between them answers every validation row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuner.catalog import Task
from tuner.data.dataset import Array, Split

_MOST_ROWS, _MOST_FEATURES = 5_000, 300
"""What is looked at of a large set: it takes a tenth of a second."""

_SHRINKAGE = 0.01
"""Of the covariance towards its mean variance: features may repeat each other."""


def count_linear_errors(splits: Sequence[Split], task: Task) -> int | None:
    """Count the validation rows that a linear discriminant answers wrong, over all splits.

    It is fitted to the training rows as the networks get them.  None if the targets are no classes, or a row has more
    than 300 features.
    """
    if task not in (Task.BINARY, Task.MULTICLASS) or np.prod(splits[0].train.x.shape[1:]) > _MOST_FEATURES:
        return None
    return sum(_errors(split, task) for split in splits)


def _errors(split: Split, task: Task) -> int:
    x, k = _flat(split.train.x)[:_MOST_ROWS], _classes(split.train.y, task)[:_MOST_ROWS]
    known = np.unique(k)
    means = np.stack([x[k == one].mean(axis=0) for one in known])
    centered = x - means[np.searchsorted(known, k)]
    covariance = centered.T @ centered / len(x)
    covariance *= 1 - _SHRINKAGE
    covariance[np.diag_indices_from(covariance)] += _SHRINKAGE * np.trace(covariance) / len(covariance) + 1e-12
    directions = np.linalg.solve(covariance, means.T)
    priors = np.log([(k == one).mean() for one in known])
    scores = _flat(split.validation.x) @ directions - 0.5 * (means * directions.T).sum(axis=1) + priors
    return int((known[scores.argmax(axis=1)] != _classes(split.validation.y, task)).sum())


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1).astype(np.float64)


def _classes(y: Array, task: Task) -> Array:
    return y.argmax(axis=1) if task is Task.MULTICLASS else y[:, 0].astype(np.int64)
