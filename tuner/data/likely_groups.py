"""Columns that look like groups: their values repeat, and rows of one value have nearly the same target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.catalog import Task
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.raw_data import RawData
from tuner.data.splitting import Layout
from tuner.data.targets_and_task import Targets

_FEWEST_GROUPS, _LEAST_REPEATED, _LEAST_ALIKE = 10, 0.5, 0.8
_SMOOTH = 0.5
"""If rows of neighboring values are so much as alike as those of one value, the column is a number, not a name."""
_PERMUTATIONS = 20
_MOST_ROWS, _FEWEST_ROWS, _MOST_VALUES, _MOST_COLUMNS = 20_000, 1_000, 5_000_000, 1_000
_MOST_TARGETS = 1_000_000
"""What is looked at of a large table, and of the classes of its rows: it takes a second."""
_MOST_NAMED = 3


@dataclass(frozen=True)
class LikelyGroup:
    """A column that looks like a group.

    Attributes:
        name: Its name.
        values: Different values.
        rows: Rows that were looked at.
        alike: Share of the variance of the target between its values, by chance 0.
    """

    name: str
    values: int
    rows: int
    alike: float


def is_random(options: DataOptions) -> bool:
    """Tell whether rows are split at random."""
    return not options.split_columns and not any(isinstance(part, str) for part in (options.validation, options.test))


def find_split_groups(raw: RawData, targets: Targets, layout: Layout, options: DataOptions) -> list[LikelyGroup]:
    """Find the columns that look like groups, if rows are split at random; the test part is not looked at."""
    if not is_random(options):
        return []
    y = targets.y if targets.class_index is None else targets.class_index
    return find_groups(_candidates(raw), y, layout.development, amounts=targets.task is Task.REGRESSION)


def find_groups(columns: Mapping[str, Array], y: Array, rows: Array, *, amounts: bool) -> list[LikelyGroup]:
    """Find the columns that look like groups, the most telling first.

    Args:
        columns: Texts and whole numbers, `(n,)`.
        y: Targets, `(n, targets)`; or the class of each row, `(n,)` from 0.
        rows: Numbers of the rows to look at.
        amounts: Whether the targets are amounts, each of which counts as much.
    """
    random = np.random.default_rng(0)
    outputs = y.shape[1] if y.ndim > 1 else int(y.max(initial=0)) + 1
    most = min(_MOST_VALUES // max(1, len(columns)), _MOST_TARGETS // max(1, outputs))
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, most))
    rows = rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))
    y = y[rows] if y.ndim > 1 else _one_column_each(y[rows])
    y = y - y.mean(axis=0)
    scale = y.std(axis=0)
    y = y / np.where(scale > 0, scale, 1.0) if amounts else y
    found = []
    for name, values in columns.items():
        codes = _codes(values[rows])
        if codes is not None:
            alike = _alike(codes, y, random, ordered=values.dtype.kind in "fiu")
            if alike is not None:
                found.append(LikelyGroup(name, int(codes.max()) + 1, len(codes), alike))
    return sorted(found, key=lambda one: -one.alike)[:_MOST_NAMED]


def _candidates(raw: RawData) -> Mapping[str, Array]:
    """Return the columns that may be names of groups: texts, whole numbers, and what is not a feature."""
    found = {name: values for name, values in raw.unused.items() if values.dtype.kind != "f" or is_whole(values)}
    found |= raw.texts
    if raw.x.ndim == 2:
        names = raw.features or [f"column {d}" for d in range(raw.x.shape[1])]
        found |= {name: raw.x[:, d] for d, name in enumerate(names[:_MOST_COLUMNS]) if is_whole(raw.x[:, d])}
    return found


def is_whole(values: Array) -> bool:
    """Tell whether all are whole numbers."""
    return bool((values == np.round(values)).all())


def _one_column_each(classes: Array) -> Array:
    """Return 1 in the column of the class of each row, 0 elsewhere, `(n, classes)`."""
    return np.asarray(classes[:, None] == np.unique(classes), np.float64)


def _codes(values: Array) -> Array | None:
    """Return the number of the value of each row, or None if values do not repeat as those of groups do."""
    if values.dtype.kind == "O":
        import pandas

        try:
            codes, distinct = pandas.factorize(values)
        except TypeError:  # objects that cannot be compared
            return None
    else:
        distinct, codes = np.unique(values, return_inverse=True)
    if not _FEWEST_GROUPS <= len(distinct) <= len(values) / 2 or (codes < 0).any():
        return None
    repeated = np.bincount(codes)[codes] > 1
    return np.asarray(codes) if repeated.mean() >= _LEAST_REPEATED else None


def _alike(codes: Array, y: Array, random: np.random.Generator, *, ordered: bool) -> float | None:
    """Return how much alike the targets of one value are, if it is much and neither chance nor a smooth relation."""
    alike = _between(codes, y)
    if alike < _LEAST_ALIKE:
        return None
    if ordered and _between_neighbors(codes, y) >= _SMOOTH * alike and not _counts_groups(codes):
        return None
    by_chance = [_between(random.permutation(codes), y) for _ in range(_PERMUTATIONS)]
    return alike if alike > 2.0 * max(by_chance) else None


def _between(codes: Array, y: Array) -> float:
    """Return the share of the variance of y that lies between values, estimated without bias: 0 by chance."""
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) for column in y.T], axis=1) / np.maximum(counts, 1)[:, None]
    freedom = int((counts - 1)[counts > 0].sum())
    within = np.square(y - means[codes]).sum() / max(1, freedom)
    total = np.square(y - y.mean(axis=0)).sum() / (len(y) - 1)
    return 1.0 - float(within / total) if total > 0 else 0.0


def _between_neighbors(codes: Array, y: Array) -> float:
    """Return the same for pairs of values that follow each other: how much alike rows of different values are."""
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) for column in y.T], axis=1) / counts[:, None]
    within = np.stack([np.bincount(codes, column) for column in np.square(y).T], axis=1) / counts[:, None] - means**2
    differ = (np.square(np.diff(means, axis=0)) + within[1:] + within[:-1]).sum(axis=1) / 2.0
    total = np.square(y - y.mean(axis=0)).sum() / (len(y) - 1)
    return 1.0 - float(np.average(differ, weights=counts[1:]) / total) if total > 0 else 0.0


def _counts_groups(codes: Array) -> bool:
    """Tell whether all values have as many rows: as groups that were numbered, and no measured number, have."""
    counts = np.bincount(codes)
    return bool(np.ptp(counts) <= 0.5 * counts.mean())
