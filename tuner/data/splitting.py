"""Which rows are for training, validation and test.

Everything derives from the seed, the number of rows, their classes and the columns that the study names for it; nothing
depends on the features.  The test part is drawn first and by its own random numbers, so that validation draws do not
change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tuner.data.data_config import DataOptions, Folds
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import PARTS, show_order
from tuner.data.group_split import GroupSplitter
from tuner.data.independent_units import Dependence
from tuner.data.order_split import OrderSplitter
from tuner.data.random_split import RowSplitter
from tuner.data.raw_data import RawData
from tuner.data.strata import Strata
from tuner.errors import DataError
from tuner.text import count

MAIN, VALIDATION, TEST = 0, 1, 2
"""Which source a row is from, or which part it was given to."""

_TEST_DRAW, _VALIDATION_DRAW, _DRAW_AT_ONCE = 1, 2, 3


@dataclass(frozen=True)
class Layout:
    """Indices of rows, in rising order.

    Attributes:
        splits: Training and validation rows: one pair for a hold-out, k for k folds; of rows in an order, the latest
            first.
        development: All rows that are not for the test.
        test: The test rows, possibly none.
    """

    splits: tuple[tuple[Array, Array], ...]
    development: Array
    test: Array


class Splitter(Protocol):
    """Assigns rows to parts, by some rule."""

    def check(self, rows: Array, needed: int, tested: bool) -> None:
        """Refuse rows that are too few for the parts.

        Args:
            rows: What will be split.
            needed: Parts that must have rows (of each class) besides the test part.
            tested: Whether a test part will be drawn.

        Raises:
            DataError: They are too few.
        """

    def draw(self, rows: Array, wanted: float, leave: int, each: bool, random: np.random.Generator) -> Array:
        """Draw about `wanted` of the rows, in rising order.

        Args:
            rows: To draw from.
            wanted: Their number.
            leave: Rows of each class that remain.
            each: Whether there must be a row of each class.
            random: Of this draw.
        """

    def fold(self, rows: Array, folds: int, random: np.random.Generator) -> Sequence[tuple[Array, Array]]:
        """Return pairs of training and validation rows."""


def split_indices(
    origin: Array,
    strata: Strata,
    options: DataOptions,
    seed: int,
    dependence: Dependence | None = None,
) -> Layout:
    """Split the rows into parts.

    Args:
        origin: `MAIN`, `VALIDATION` or `TEST` for each row, shape `(n,)`.
        strata: What the parts should have alike shares of.
        options: `validation` and `test` are used.
        seed: Of the study.
        dependence: Groups of rows, or their order; None if each row stands for itself.

    Raises:
        DataError: Too few rows, of a class or at all.
    """
    splitter = _splitter(strata, options, dependence or Dependence())
    main, test, validation = (np.flatnonzero(origin == part) for part in (MAIN, TEST, VALIDATION))
    tested = not len(test) and isinstance(options.test, float) and options.test > 0
    given = len(validation) > 0
    least = 1 if given else options.validation.folds if isinstance(options.validation, Folds) else 2
    splitter.check(main, least, tested)
    if tested:
        assert isinstance(options.test, float)
        test = splitter.draw(main, options.test * len(main), least, False, np.random.default_rng([seed, _TEST_DRAW]))
    rest, random = np.setdiff1d(main, test), np.random.default_rng([seed, _VALIDATION_DRAW])
    if given:
        pairs: Sequence[tuple[Array, Array]] = [(rest, validation)]
    elif isinstance(options.validation, Folds):
        pairs = splitter.fold(rest, options.validation.folds, random)
    else:
        assert isinstance(options.validation, float)
        part = splitter.draw(rest, options.validation * len(main), 1, True, random)
        pairs = [(np.setdiff1d(rest, part), part)]
    layout = _layout(pairs, test, len(origin))
    if isinstance(splitter, GroupSplitter) and not given and not _usable(layout, strata, tested):
        return _split_at_once(splitter, main, None if tested else test, options, seed)
    return layout


def _layout(pairs: Sequence[tuple[Array, Array]], test: Array, rows: int) -> Layout:
    return Layout(tuple(pairs), np.flatnonzero(~np.isin(np.arange(rows), test)), test)


def _usable(layout: Layout, strata: Strata, tested: bool) -> bool:
    """Return whether each part has rows, each training part rows of every class, and each validation part of two."""
    parts = [*(part for pair in layout.splits for part in pair), *([layout.test] if tested else [])]
    learned, measured = (
        [len(np.unique(strata.kinds[part])) for part in those] for those in zip(*layout.splits, strict=True)
    )
    enough = min(learned) >= len(strata.classes) and min(measured) > 1
    return all(map(len, parts)) and (enough or not strata.classes)


def _split_at_once(splitter: GroupSplitter, main: Array, test: Array | None, options: DataOptions, seed: int) -> Layout:
    """Assign groups, some of them very large, to all parts at once; `test` is None if it is to be drawn."""
    drawn = options.test if test is None and isinstance(options.test, float) else 0.0
    validation = options.validation
    if isinstance(validation, Folds):
        shares = [(1.0 - drawn) / validation.folds] * validation.folds
    else:
        assert isinstance(validation, float)
        shares = [validation, 1.0 - validation - drawn]
    measured = len(shares) if isinstance(validation, Folds) else 1
    if test is None:
        shares.append(drawn)
    random = np.random.default_rng([seed, _DRAW_AT_ONCE])
    parts = splitter.draw_at_once(main, shares, measured, random)
    if test is None:
        test = parts.pop()
    rest = np.sort(np.concatenate(parts))
    pairs = [(np.setdiff1d(rest, part), part) for part in parts[:measured]]
    return _layout(pairs, test, len(splitter.groups))


def _splitter(strata: Strata, options: DataOptions, dependence: Dependence) -> Splitter:
    if dependence.groups is not None:
        return GroupSplitter(dependence.groups, strata, options)
    if dependence.ranks is not None:
        return OrderSplitter(dependence.ranks, options)
    return RowSplitter(strata, options)


def given_parts(raw: RawData, origin: Array, options: DataOptions) -> Array:
    """Return the part that the user assigned each row to, `(n,)`; `MAIN` for rows that may be assigned.

    Args:
        raw: The rows of all sources.
        origin: The source that each row is from.
        options: `validation` and `test` are used.

    Raises:
        DataError: No row is for training, or a part is given that `validation` or `test` asks for as well.
    """
    said = raw.split_columns.get("split")
    if said is None:
        return origin
    parts = np.array([PARTS.index(part) for part in said], origin.dtype)
    if not (parts == MAIN).any():
        raise DataError(
            f"The split column must say train in some rows, but {options.split!r} says it in none ({raw.source}).",
            key="split",
        )
    for key, part in (("validation", VALIDATION), ("test", TEST)):
        if (parts == part).any() and getattr(options, key) != DataOptions.model_fields[key].default:
            raise DataError(
                f"`{key}` must be left out if the split column says {key}, but {options.split!r} says it in "
                f"{count(int((parts == part).sum()), 'row')} ({raw.source}). Leave `{key}` out, or say train in these "
                "rows.",
                key="split",
            )
    return parts


def check_apart(layout: Layout, raw: RawData, dependence: Dependence, options: DataOptions) -> None:
    """Refuse parts that the user has made if a group is in two of them, or if they are not in order.

    Raises:
        DataError: With the group, or the values of the order column.
    """
    if dependence.groups is not None:
        _check_groups_apart(dependence.groups, layout, raw, options)
    if dependence.ranks is not None and "order" in raw.split_columns:
        _check_in_order(raw.split_columns["order"], layout, raw, options)


def _check_groups_apart(groups: Array, layout: Layout, raw: RawData, options: DataOptions) -> None:
    parts = [("validation and others for training", validation, train) for train, validation in layout.splits]
    parts.append(("the test and others for training or validation", layout.test, layout.development))
    for name, part, others in parts:
        shared = np.isin(groups[part], groups[others])
        if shared.any():
            row = part[int(shared.argmax())]
            raise DataError(
                f"The rows of a group must be in one part, but {raw.split_columns['group'][row]!r} of "
                f"{options.group!r} has rows for {name} ({raw.source}). Move them, or leave "
                "`group` out.",
                key="group",
            )


def _check_in_order(order: Array, layout: Layout, raw: RawData, options: DataOptions) -> None:
    train, validation = layout.splits[0]
    for name, part, before, others in (
        ("validation", validation, "training", train),
        ("the test", layout.test, "training", train),
        ("the test", layout.test, "validation", validation),
    ):
        if len(part) and order[part].min() < order[others].max():
            raise DataError(
                f"By the order column, no row for {name} may be earlier than one for {before}, but {options.order!r} "
                f"starts at {show_order(order[part].min())} for {name}, and ends at {show_order(order[others].max())} "
                f"for {before} ({raw.source}). Mark the latest rows for the test and the latest others for "
                "validation (a part that is not marked is drawn from the rows for training), or leave `order` out.",
                key="order",
            )
