"""Which rows are for training, validation and test.

Everything derives from the seed, the number of rows and their classes; nothing depends on the features.  The test part
is drawn first and by its own random numbers, so that validation draws do not change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.data.cells import MISSING_WORDS, is_number
from tuner.data.data_config import DataOptions, Folds
from tuner.data.dataset import Array
from tuner.errors import DataError

MAIN, VALIDATION, TEST = 0, 1, 2
"""Which source a row is from."""

_TEST_DRAW, _VALIDATION_DRAW = 1, 2


@dataclass(frozen=True)
class Layout:
    """Indices of rows, in rising order.

    Attributes:
        splits: Training and validation rows: one pair for a hold-out, k for k folds.
        development: All rows that are not for the test.
        test: The test rows, possibly none.
    """

    splits: tuple[tuple[Array, Array], ...]
    development: Array
    test: Array


def split_indices(
    origin: Array, groups: Array | None, classes: tuple[str, ...], options: DataOptions, seed: int
) -> Layout:
    """Deal the rows.

    Args:
        origin: `MAIN`, `VALIDATION` or `TEST` for each row, shape `(n,)`: the source it is from.
        groups: Class index of each row to stratify by, shape `(n,)`, or None.
        classes: Names of the classes; for messages.
        options: `validation` and `test` are used.
        seed: Of the study.

    Raises:
        DataError: Too few rows, of a class or at all.
    """
    kinds = np.zeros(len(origin), np.intp) if groups is None else groups
    main = np.flatnonzero(origin == MAIN)
    _check_sizes(kinds[main], classes if groups is not None else (), options)
    test = np.flatnonzero(origin == TEST)
    if isinstance(options.test, float) and options.test > 0:
        test = _draw(main, kinds, options.test * len(main), _least(options), np.random.default_rng([seed, _TEST_DRAW]))
    rest = np.setdiff1d(main, test)
    random = np.random.default_rng([seed, _VALIDATION_DRAW])
    if isinstance(options.validation, Folds):
        parts = _deal(rest, kinds, options.validation.folds, random)
    elif isinstance(options.validation, str):
        parts = (np.flatnonzero(origin == VALIDATION),)
    else:
        parts = (_draw(rest, kinds, options.validation * len(main), 1, random, each=True),)
    splits = tuple((np.setdiff1d(rest, part), part) for part in parts)
    return Layout(splits, np.flatnonzero(~np.isin(np.arange(len(origin)), test)), test)


def _least(options: DataOptions) -> int:
    """Rows of each class that must remain beside the test part."""
    if isinstance(options.validation, Folds):
        return options.validation.folds
    return 1 if isinstance(options.validation, str) else 2


def _check_sizes(kinds: Array, classes: tuple[str, ...], options: DataOptions) -> None:
    """Each part must be able to have a row (of each class); the test part may lack classes, but not be empty."""
    tested = isinstance(options.test, float) and options.test > 0
    least = _least(options)
    counts = np.bincount(kinds, minlength=max(1, len(classes)))
    if classes and counts.min() < least:
        rare = int(counts.argmin())
        raise DataError(
            f"Each class of the target must have at least {least} rows for training and validation, but class "
            f"{classes[rare]!r} has {counts[rare]} ({options.source}). {_cure(classes, rare, options)}"
        )
    needed = max(least, len(classes) * least, 2) + tested
    if len(kinds) < needed:
        raise DataError(
            f"The parts need at least {needed} rows in all, but {options.source} has {len(kinds)}. "
            "Add rows, or set `test = 0`."
        )


def _cure(classes: tuple[str, ...], rare: int, options: DataOptions) -> str:
    """Return the next step for a class of too few rows."""
    if classes[rare].lower() in MISSING_WORDS:
        return f'If it means a missing cell, add missing_values = ["{classes[rare]}"] to [data]; else add rows of it.'
    fewer = ", or take fewer folds" if isinstance(options.validation, Folds) else ""
    cure = f"Add rows of it{fewer or ', or leave it out'}."
    if options.task is None and all(is_number(name) for name in classes):
        cure += ' If the numbers are counts or amounts and no classes, set task = "regression".'
    return cure


def _draw(
    rows: Array, kinds: Array, wanted: float, leave: int, random: np.random.Generator, each: bool = False
) -> Array:
    """About `wanted` of the rows, stratified by kind; at least `leave` rows of each kind remain.

    The share of each kind is rounded down, and the rows that are then lacking come from the kinds with the largest
    remainder (Hamilton's method).  With `each`, every kind gives at least one row.
    """
    present, counts = np.unique(kinds[rows], return_counts=True)
    most = np.maximum(counts - leave, 0)
    share = counts * (wanted / len(rows))
    take = np.clip(np.floor(share).astype(int), 1 if each else 0, most)
    total = max(1, round(wanted))
    for kind in np.argsort(-(share - np.floor(share)), kind="stable"):
        if take.sum() < total and take[kind] < most[kind] and take[kind] <= share[kind]:
            take[kind] += 1
    if not take.any():  # a single row is wanted, and rounding gave it to a kind that has none to spare
        take[int(most.argmax())] = 1
    chosen = [random.permutation(rows[kinds[rows] == kind])[:count] for kind, count in zip(present, take, strict=True)]
    return np.sort(np.concatenate(chosen))


def _deal(rows: Array, kinds: Array, folds: int, random: np.random.Generator) -> tuple[Array, ...]:
    """Deal the rows like cards, class after class: folds differ by one row at most, in all and in each class."""
    order = np.concatenate([random.permutation(rows[kinds[rows] == kind]) for kind in np.unique(kinds[rows])])
    return tuple(np.sort(order[fold::folds]) for fold in range(folds))
