"""What became of the columns that decide on the split: sentences with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from tuner.catalog import Task
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import PARTS, show_order
from tuner.data.independent_units import Dependence
from tuner.data.raw_data import RawData
from tuner.data.splitting import Layout
from tuner.data.targets_and_task import Targets
from tuner.errors import shown
from tuner.text import count, listed

_FEW_UNITS = 10
_MOST_SHOWN = 4

_Parts: TypeAlias = Mapping[str, Sequence[Array]]
"""Part → its rows, for each fold if there are folds; training is that of the first split."""


def split_notes(
    raw: RawData, targets: Targets, layout: Layout, dependence: Dependence, options: DataOptions
) -> Iterator[str]:
    """Say how the rows were split by the columns that the study names for it, and how alike the parts are."""
    if not options.split_columns:
        return
    named = [repr(name) for name in options.split_columns.values()]
    what = "decides on the split, and is no feature" if len(named) == 1 else "decide on the split, and are no features"
    yield f"{listed(named)} {what}. If a model should see it, copy it to another name."
    splits = layout.splits
    parts: dict[str, Sequence[Array]] = {"training": [splits[0][0]], "validation": [part for _, part in splits]}
    if len(layout.test):
        parts["test"] = [layout.test]
    if options.split is not None:
        yield from _given(raw, parts, options)
    if dependence.groups is not None:
        yield _groups(dependence.groups, parts, options)
    if dependence.ranks is not None:
        yield _stretches(raw.split_columns["order"], parts, options)
    if dependence.groups is not None:
        yield from _dominating(raw.split_columns["group"], options)
        yield from _few(dependence.groups, parts, options)
    yield _shares(targets, parts)


def _given(raw: RawData, parts: _Parts, options: DataOptions) -> Iterator[str]:
    said = raw.split_columns["split"]
    counts = ", ".join(f"{name} {int((said == name).sum())}" for name in PARTS if (said == name).any())
    yield f"{options.split!r} gives the parts: {counts} rows."
    drawn = [name for name in parts if name in PARTS and not (said == name).any()]
    if drawn:
        yield f"It has no rows for {listed(drawn)}, so these were drawn from those for training."


def _groups(groups: Array, parts: _Parts, options: DataOptions) -> str:
    found = []
    for name, rows in parts.items():
        many = _span([len(np.unique(groups[each])) for each in rows], "d")
        found.append(f"{_name(name, rows)} {many} ({_span([len(each) for each in rows], 'd')} rows)")
    return f"The {len(np.unique(groups))} groups of {options.group!r} are whole: {', '.join(found)}."


def _stretches(order: Array, parts: _Parts, options: DataOptions) -> str:
    found = []
    for name, rows in parts.items():
        values = order[np.concatenate(rows)]
        size = _span([len(each) for each in rows], "d")
        found.append(f"{_name(name, rows)} {show_order(values.min())} to {show_order(values.max())} ({size} rows)")
    return f"By {options.order!r}: {', '.join(found)}."


def _dominating(groups: Array, options: DataOptions) -> Iterator[str]:
    names, counts = np.unique(groups, return_counts=True)
    largest, total = int(counts.max()), len(groups)
    if len(names) > 1 and largest > total / 2:
        yield (
            f"Group {shown(names[counts.argmax()])} of {options.group!r} has {largest:,} of the {total:,} rows, and is "
            "in one part as a whole: the parts cannot have the sizes that are asked for."
        )


def _few(groups: Array, parts: _Parts, options: DataOptions) -> Iterator[str]:
    for name, rows in parts.items():
        number = len(np.unique(groups[np.concatenate(rows)]))
        if name != "training" and number < _FEW_UNITS:
            yield (
                f"Only {count(number, 'group')} of {options.group!r} {'is' if number == 1 else 'are'} for {name}: "
                "intervals and tests count groups, so they can show little there. Use folds, or more groups."
            )


def _shares(targets: Targets, parts: _Parts) -> str:
    """Say how alike the targets of the parts are; of many classes, those that differ most."""
    names = ", ".join(_name(name, rows) for name, rows in parts.items())
    if targets.task is Task.REGRESSION:
        means = [_span([targets.y[each].mean() for each in rows], ".4g") for rows in parts.values()]
        return f"Mean of the target in {names}: {', '.join(means)}."
    table = targets.y
    if targets.class_index is not None:
        table = (targets.class_index[:, None] == np.arange(len(targets.classes))).astype(np.float64)
    shares = [np.array([100.0 * table[each].mean(axis=0) for each in rows]) for rows in parts.values()]
    most = np.argsort(-np.ptp(np.concatenate(shares), axis=0), kind="stable")[:_MOST_SHOWN]
    found = [
        f"{targets.classes[k]!r} {', '.join(_span(part[:, k], '.1f') + ' %' for part in shares)}" for k in np.sort(most)
    ]
    left = len(targets.classes) - len(most)
    rest = f"; {count(left, 'other differs', 'others differ')} less" if left > 0 else ""
    kind = "labels" if targets.task is Task.MULTILABEL else "classes"
    return f"Shares of the {kind} in {names}: {'; '.join(found)}{rest}."


def _name(part: str, rows: Sequence[Array]) -> str:
    return part if len(rows) == 1 else f"{part} in {len(rows)} folds"


def _span(values: Sequence[float] | Array, form: str) -> str:
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
