"""Signs that a random split is too optimistic: sentences with numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from tuner.catalog import Task
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array, Split
from tuner.data.near_copies import find_near_copies
from tuner.data.raw_data import RawData
from tuner.data.split_columns import as_dates, show_order
from tuner.data.splitting import Layout
from tuner.data.targets_and_task import Targets

_FEWEST_GROUPS, _LEAST_REPEATED, _LEAST_ALIKE = 10, 0.5, 0.8
_SMOOTH = 0.5
"""If rows of neighboring values are so much as alike as those of one value, the column is a number, not a name."""
_PERMUTATIONS = 20
_LEAST_COPIES, _FEWEST_COPIES = 0.05, 3
_TIMES_CHANCE = 3.0
_MOST_ROWS, _FEWEST_ROWS, _MOST_VALUES, _MOST_COLUMNS = 20_000, 1_000, 5_000_000, 1_000
"""What is looked at of a large table: it takes a second."""
_MOST_NAMED = 3
_YEARS = (1500, 2200)
_TIME_NAME = re.compile(r"(?:.*_)?(?:date|datetime|timestamp|year|datum|jahr)(?:_.*)?", re.IGNORECASE)


def split_advice(
    raw: RawData, targets: Targets, layout: Layout, split: Split, test: Array, options: DataOptions
) -> tuple[str, ...]:
    """Give advice on how the rows are split, each a sentence after the key that it concerns.

    Args:
        raw: All rows.
        targets: Their targets; those of the test part are not looked at.
        layout: How they are split.
        split: The first split.
        test: Features of the test part, as those of the split.
        options: The `[data]` section.
    """
    random = np.random.default_rng(0)
    found = list[str]()
    if not options.split_columns and not any(isinstance(part, str) for part in (options.validation, options.test)):
        found += _groups(raw, targets, layout.development, options, random)
        found += _dates(raw, options)
    return (*found, *_copies(split, test, options, random))


def _groups(
    raw: RawData, targets: Targets, rows: Array, options: DataOptions, random: np.random.Generator
) -> Iterator[str]:
    """Name the columns that look like groups: values repeat, and rows of one value have the same target."""
    columns = _columns(raw)
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_VALUES // max(1, len(columns))))
    rows = rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))
    y = targets.y[rows]
    if targets.class_index is not None:
        y = (targets.class_index[rows][:, None] == np.arange(len(targets.classes))).astype(np.float64)
    y = y - y.mean(axis=0)
    scale = y.std(axis=0)
    y = y / np.where(scale > 0, scale, 1.0) if targets.task is Task.REGRESSION else y
    found = []
    for name, values in columns.items():
        codes = _codes(values[rows])
        if codes is not None:
            alike = _alike(codes, y, random, ordered=values.dtype.kind in "fiu")
            if alike is not None:
                found.append((alike, name, codes))
    for alike, name, codes in sorted(found, key=lambda one: -one[0])[:_MOST_NAMED]:
        line = f' in [data], and leave "{name}" out of [data.columns]' if name in options.encodings else ""
        explained = f"it explains {100 * alike:.0f} % of its variance, by chance 0 %"
        yield (
            f"group: {name!r} looks like a group: it has {int(codes.max()) + 1} values in {len(codes)} rows, and rows "
            f"of one value have nearly the same target ({explained}). If new rows come from other ones, a random "
            f'split promises too much: set group = "{name}"{line}'
        )


def _columns(raw: RawData) -> Mapping[str, Array]:
    """Return the columns that may be names of groups: texts, whole numbers, and what is not a feature."""
    found = {name: values for name, values in raw.unused.items() if values.dtype.kind != "f" or _whole(values)}
    found |= raw.texts
    if raw.x.ndim == 2:
        names = raw.features or [f"column {d}" for d in range(raw.x.shape[1])]
        found |= {name: raw.x[:, d] for d, name in enumerate(names[:_MOST_COLUMNS]) if _whole(raw.x[:, d])}
    return found


def _whole(values: Array) -> bool:
    return bool((values == np.round(values)).all())


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


def _dates(raw: RawData, options: DataOptions) -> Iterator[str]:
    for name, values in ({**raw.unused, **raw.texts, **_named_as_times(raw)}).items():
        dates = values if values.dtype.kind == "f" else as_dates(values)
        if dates is not None and len(np.unique(dates)) >= _FEWEST_GROUPS:
            times = f"{show_order(dates.min())} to {show_order(dates.max())}"
            line = f' in [data], and leave "{name}" out of [data.columns]' if name in options.encodings else ""
            yield (
                f"order: {name!r} holds times from {times}, and the rows are split at random, so the validation rows "
                "are no later than the training rows. If new rows will be later, such a split may be too optimistic: "
                f'set order = "{name}"{line}'
            )
            return


def _named_as_times(raw: RawData) -> Mapping[str, Array]:
    """Return the number columns that are called a year or date, and hold years or dates as 20261128."""
    found = {}
    for place, name in enumerate(raw.features):
        if _TIME_NAME.fullmatch(name):
            values = raw.x[:, place].astype(np.float64)
            low, high = values.min(), values.max()
            years = any(_YEARS[0] * unit <= low and high <= _YEARS[1] * unit for unit in (1, 100, 10_000))
            if years and _whole(values):
                found[name] = values
    return found


def _copies(split: Split, test: Array, options: DataOptions, random: np.random.Generator) -> Iterator[str]:
    measured = np.concatenate([split.validation.x, test]) if len(test) else split.validation.x
    found = find_near_copies(split.train.x, measured, random)
    what = "of the validation and test rows" if len(test) else "of the validation rows"
    cure = "Find out where they come from: scores on them are too good"
    if not options.split_columns:
        cure = "If they come from one person, place or recording, scores are too good: set `group` to its column"
    least = max(_LEAST_COPIES, _FEWEST_COPIES / len(measured))
    if found.equal >= least and found.equal > _TIMES_CHANCE * found.equal_by_chance:
        yield (
            f"split: {100 * found.equal:.0f} % {what} have a copy in the training part (by chance "
            f"{100 * found.equal_by_chance:.0f} %). {cure}"
        )
    elif found.near >= least:
        yield (
            f"split: {100 * found.near:.0f} % {what} are nearly copies of training rows: at {found.nearness:.2f} of "
            f"the distance of other neighbors (by chance 0.1 %). {cure}"
        )
