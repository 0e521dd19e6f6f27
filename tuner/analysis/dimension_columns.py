"""A dimension as columns of a linear model: one per choice, or a parabola of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.search import StoredDistribution, StoredTrial, get_choices

_GRID = 101
"""Points at which the parabola of a number is looked at, evenly over its range."""


@dataclass(frozen=True)
class DimensionColumns:
    """The columns of a dimension.

    Attributes:
        trials: Shape `(n, k)`; 0 if the dimension does not count in a trial.
        space: Shape `(m, k)`, of mean 0: the same columns at `m` values of the dimension, each as probable as the
            others.  So a dimension that decides whether another one counts is compared at the mean over the values of
            the other one, and not over those that the sampler preferred.
        active: The share of the settings of the space in which it counts.
    """

    trials: np.ndarray
    space: np.ndarray
    active: float


def dimension_columns(trials: Sequence[StoredTrial], name: str) -> DimensionColumns | None:
    """Return the columns of a dimension, or None if it has one value only in these trials."""
    counts = np.array([name in trial.params for trial in trials])
    having = [trial for trial in trials if name in trial.params]
    kinds = [trial.distributions[name] for trial in having]
    values = [trial.params[name] for trial in having]
    if len({_key(value) for value in values}) < 2:
        return None
    rows, space = _choices(values) if get_choices(kinds[0]) is not None else _numbers(values, kinds)
    columns = np.zeros((len(trials), rows.shape[1]))
    columns[counts] = rows - space.mean(axis=0)
    return DimensionColumns(columns, space - space.mean(axis=0), _active_share(trials, counts))


def _key(value: Any) -> str:
    return repr(value)  # True and 1 are two choices, and a list can be one in a study of plain Optuna


def _choices(values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    seen = {key: index for index, key in enumerate(dict.fromkeys(map(_key, values)))}
    one_hot = np.eye(len(seen))[:, 1:]
    return one_hot[[seen[_key(value)] for value in values]], one_hot


def _numbers(values: Sequence[Any], kinds: Sequence[StoredDistribution]) -> tuple[np.ndarray, np.ndarray]:
    bounds: list[Any] = list(kinds)
    low, high = min(kind.low for kind in bounds), max(kind.high for kind in bounds)
    numbers = np.array([low, high, *values], np.float64)
    if bounds[0].log:
        numbers = np.log(numbers)
    position = 2 * (numbers[2:] - numbers[0]) / (numbers[1] - numbers[0]) - 1
    return _parabola(position), _parabola(np.linspace(-1, 1, _GRID))


def _parabola(position: np.ndarray) -> np.ndarray:
    return np.stack([position, position**2], axis=1)


def _active_share(trials: Sequence[StoredTrial], counts: np.ndarray) -> float:
    """Return the share of settings in which a dimension counts, whatever the sampler preferred.

    If one choice decides it, as in most conditions, this is the share of its values for which it does.
    """
    if counts.all():
        return 1.0
    for name, kind in trials[0].distributions.items():
        if get_choices(kind) is not None and all(name in trial.params for trial in trials):
            found: dict[Any, set[bool]] = {}
            for trial, there in zip(trials, counts, strict=True):
                found.setdefault(_key(trial.params[name]), set()).add(bool(there))
            if all(len(both) == 1 for both in found.values()):
                return sum(True in both for both in found.values()) / len(found)
    return float(counts.mean())
