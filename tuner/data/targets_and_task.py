"""The targets: which task they ask for, and their canonical form.

The rule by which a task is found, where the study states none:

- texts and bools are classes: two make `binary`, more `multiclass`;
- whole numbers of at most `MOST_CLASSES` different values, each twice on average, are classes; more values, or
  numbers with a fraction, are `regression`;
- several columns of 0 and 1 are `multilabel`, unless each row has exactly one 1: then they are one-hot classes;
- several columns of other numbers are `regression`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tuner.catalog import Task
from tuner.data.dataset import Array
from tuner.data.raw_data import RawData
from tuner.errors import DataError, shown
from tuner.text import listed_first

MOST_CLASSES = 20
_MOST_NAMED = 12


@dataclass(frozen=True)
class Targets:
    """Targets in the canonical form of `Task`.

    Attributes:
        task: The task found, or stated.
        y: float64, shape `(n, outputs)`.
        classes: Names of the classes or labels; empty for regression.
        class_index: Class of each row as an index, shape `(n,)`; None if a row has not one class.
        note: How the task was found, as a sentence.
    """

    task: Task
    y: Array
    classes: tuple[str, ...]
    class_index: Array | None
    note: str


def encode_targets(raw: RawData, stated: Task | None) -> Targets:
    """Encode the targets of `raw` for the stated task, or for the inferred one.

    Raises:
        DataError: The stated task does not fit, or the target is constant.
    """
    y = raw.y[:, 0] if raw.y.ndim == 2 and raw.y.shape[1] == 1 else raw.y
    if y.dtype == object and y.ndim == 2:
        raise DataError(
            f"Several targets must be numbers, but those of {raw.source} are texts. Encode them as 0 and 1.",
            key="target",
        )
    task = stated or _found(y)
    how = "stated" if stated else "inferred from the targets"
    if task is Task.REGRESSION:
        return Targets(task, _regression(y, raw), (), None, f"The task is {task}, {how}.")
    if task is Task.MULTILABEL:
        return Targets(task, _multilabel(y, raw), _names(raw, y.shape[-1]), None, f"The task is {task}, {how}.")
    class_index, classes = _classes(y, raw, task)
    if len(classes) < 2:
        raise DataError(
            f"The target must have at least two classes, but is constant: {', '.join(classes)} in all {len(y)} rows "
            f"({raw.source}). Name another target.",
            key="target",
        )
    if stated is None:
        task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    named = listed_first(classes, _MOST_NAMED)
    if task is Task.BINARY and len(classes) != 2:
        raise DataError(f"A binary task needs two classes, but got {len(classes)}: {named} ({raw.source}).", key="task")
    one_hot = class_index[:, None] == np.arange(len(classes)) if task is Task.MULTICLASS else class_index[:, None]
    note = f"The task is {task}, {how}; the classes are {named}."
    return Targets(task, one_hot.astype(np.float64), classes, class_index, note)


def _found(y: Array) -> Task:
    """Infer the task by the rule above; `MULTICLASS` means either task with one class a row."""
    if y.dtype == object:
        return Task.MULTICLASS
    if y.ndim == 2:
        if not _zero_one(y):
            return Task.REGRESSION
        return Task.MULTICLASS if _one_hot(y) else Task.MULTILABEL
    values = np.unique(y)
    whole = bool((values == np.round(values)).all())
    few = len(values) <= min(MOST_CLASSES, len(y) / 2)
    # A single value is left to the classes, which refuse it as constant.
    return Task.MULTICLASS if whole and (few or len(values) == 1) else Task.REGRESSION


def _zero_one(y: Array) -> bool:
    return bool(((y == 0) | (y == 1)).all())


def _one_hot(y: Array) -> bool:
    return bool((y.sum(axis=1) == 1).all())


def _regression(y: Array, raw: RawData) -> Array:
    if y.dtype == object:
        raise DataError(
            f"A regression target must be numbers, but is text such as {shown(y[0])} ({raw.source}).", key="target"
        )
    y = y[:, None] if y.ndim == 1 else y
    for column, name in enumerate(_names(raw, y.shape[1])):
        if y[:, column].min() == y[:, column].max():
            raise DataError(
                f"The target must vary, but {name!r} is {y[0, column]:g} in all {len(y)} rows ({raw.source}). "
                "Name another target.",
                key="target",
            )
    return y


def _multilabel(y: Array, raw: RawData) -> Array:
    if y.ndim != 2 or not _zero_one(y):
        raise DataError(
            f"A multilabel task needs several target columns of 0 and 1, but got {_described(y)} ({raw.source}).",
            key="target",
        )
    for column, name in enumerate(_names(raw, y.shape[1])):
        if y[:, column].min() == y[:, column].max():
            raise DataError(
                f"Each label must be 0 in some rows and 1 in others, but {name!r} is {y[0, column]:g} in "
                f"all {len(y)} rows ({raw.source}). Leave it out of the targets."
            )
    return y


def _classes(y: Array, raw: RawData, task: Task) -> tuple[Array, tuple[str, ...]]:
    """Index of the class of each row, and the names: in the order of numbers, else of the alphabet."""
    if y.ndim == 2:
        if not _zero_one(y) or not _one_hot(y):
            raise DataError(
                f"A {task} task needs one class per row: a column of classes, or columns with a single 1 per row, but "
                f"got {_described(y)} ({raw.source}).",
                key="task",
            )
        return y.argmax(axis=1), _names(raw, y.shape[1])
    if y.dtype == object:
        names, class_index = np.unique(y.astype(str), return_inverse=True)
        order = _numeric_order(names)
        return order.argsort()[class_index], tuple(names[order].tolist())
    values, class_index = np.unique(y, return_inverse=True)
    broken = values[values != np.round(values)]
    if len(broken):
        raise DataError(
            f"Classes must be texts or whole numbers, but the target of a {task} task holds {broken[0]:g} "
            f"({raw.source}). Set `task = 'regression'`, or name another target."
        )
    return class_index, tuple(f"{value:.0f}" for value in values)


def _numeric_order(names: Array) -> Array:
    """Return the order of classes that are texts: numeric if all are whole numbers, else alphabetic."""
    if not all(re.fullmatch(r"-?\d{1,15}", name, re.ASCII) for name in names):
        return np.arange(len(names))
    return np.argsort(names.astype(np.int64), kind="stable")


def _described(y: Array) -> str:
    if y.ndim == 1:
        return f"one column with values such as {shown(y[0].item() if hasattr(y[0], 'item') else y[0])}"
    values = np.unique(y)
    odd = values[(values != 0) & (values != 1)]
    rest = f"with values such as {odd[0]:g}" if len(odd) else "of 0 and 1 in which rows have no 1 or several"
    return f"{y.shape[1]} columns {rest}"


def _names(raw: RawData, columns: int) -> tuple[str, ...]:
    return raw.labels or tuple(str(column) for column in range(columns))
