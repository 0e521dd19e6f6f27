"""Rows in groups, assigned as a whole: a group is never in two parts, and each part has its share of each stratum if it
can.

Groups are assigned one after another, in a random order in which large ones come rather early, each to the part that is
furthest from its share of what the group brings; of several such assignments the one is used whose shares are closest,
by χ².  Of very many groups the shares are right by chance alone.

The test part is assigned first, then the others.  If a group is so large that this leaves a part without rows or
classes, all parts are assigned at once; if that is not enough, all assignments of few groups are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.strata import Strata
from tuner.errors import DataError
from tuner.text import count

_MAX_GROUPS_ONE_BY_ONE = 5_000
"""Groups; it takes 30 µs for each."""
_MAX_ATTEMPTS, _MAX_GROUPS_ASSIGNED = 16, 5_000
"""How many assignments are tried, as long as they assign no more groups than this in all."""

_MOST_COMPARED = 2**25
"""All assignments of few groups are compared up to this product of their number, groups and strata: 12 groups with four
classes to three parts, in 0.2 to 0.4 s and 0.2 GB."""


@dataclass(frozen=True)
class GroupSplitter:
    """Assigns groups; see `Splitter`.

    Attributes:
        groups: Number of the group of each row, `(n,)`.
        strata: Of the rows.
        options: For messages.
    """

    groups: Array
    strata: Strata
    options: DataOptions

    def check(self, rows: Array, needed: int, tested: bool) -> None:
        """Each part must be able to have a group, and one with each class."""
        groups, total = self.groups[rows], needed + tested
        name, source = self.options.group, self.options.source
        if len(np.unique(groups)) < total:
            raise DataError(
                f"The parts need at least {total} groups in all, but {name!r} has {len(np.unique(groups))} ({source}). "
                "Use fewer folds, or set `test = 0`.",
                key="group",
            )
        for number, label in enumerate(self.strata.classes):
            having = len(np.unique(groups[self.strata.kinds[rows] == number]))
            if having < needed:
                raise DataError(
                    f"Each class of the target must be in at least {count(needed, 'group')} for training and "
                    f"validation, but class {label!r} is in {having} of {name!r} ({source}). Add groups, use fewer "
                    "folds, or leave the class out.",
                    key="group",
                )

    def draw(self, rows: Array, wanted: float, leave: int, each: bool, random: np.random.Generator) -> Array:
        """Draw groups with about `wanted` of the rows."""
        share = wanted / len(rows)
        with np.errstate(divide="ignore", invalid="ignore"):  # nothing is left if all rows are wanted
            return self._assign(rows, np.array([share, 1.0 - share]), random)[0]

    def fold(self, rows: Array, folds: int, random: np.random.Generator) -> list[tuple[Array, Array]]:
        """Assign the groups to folds of about as many rows."""
        parts = self._assign(rows, np.full(folds, 1.0 / folds), random)
        return [(np.setdiff1d(rows, part), part) for part in parts]

    def draw_at_once(
        self, rows: Array, shares: Sequence[float], measured: int, random: np.random.Generator
    ) -> list[Array]:
        """Assign the groups to all parts at once: each gets one at least, and sizes are near the shares.

        Args:
            rows: To assign; of as many groups as parts at least.
            shares: Of the parts; their sum is 1.
            measured: How many parts, the first ones, should have two classes at least. If it is one, the second part
                is for training, and should have every class.
            random: Of this draw.
        """
        brought, codes = self._brought(rows)
        part = _assign_at_once(brought, np.array(shares), measured if self.strata.classes else 0, random)[codes]
        return [rows[part == number] for number in range(len(shares))]

    def _assign(self, rows: Array, shares: Array, random: np.random.Generator) -> list[Array]:
        brought, codes = self._brought(rows)
        part = assign_groups(brought, shares, random)[codes]
        return [rows[part == number] for number in range(len(shares))]

    def _brought(self, rows: Array) -> tuple[Array, Array]:
        """Return the rows of each group, in all and of each stratum that occurs, and the group of each row."""
        present, codes = np.unique(self.groups[rows], return_inverse=True)
        table = np.column_stack([np.ones(len(rows)), self.strata.table[rows]])
        brought = np.zeros((len(present), table.shape[1]))
        np.add.at(brought, codes, table)
        return brought[:, brought.any(axis=0)], codes


def assign_groups(brought: Array, shares: Array, random: np.random.Generator) -> Array:
    """Assign groups to parts.

    Args:
        brought: Rows of each group in all, and of each stratum: `(groups, strata)`; as many groups as parts at least.
        shares: Of the parts, `(parts,)`; their sum is 1.
        random: Decides on the order.

    Returns:
        The part of each group, `(groups,)`; of very many groups, a part may be empty.
    """
    expected = shares[:, None] * brought.sum(axis=0)
    one_by_one = len(brought) <= _MAX_GROUPS_ONE_BY_ONE
    found = [
        _one_by_one(brought, expected, random) if one_by_one else _cut(brought[:, 0], shares, random)
        for _ in range(_attempts(len(brought)))
    ]
    return min(found, key=lambda parts: _unlike(parts, brought, expected))


def _attempts(groups: int) -> int:
    return int(np.clip(_MAX_GROUPS_ASSIGNED // groups, 1, _MAX_ATTEMPTS))


def _assign_at_once(brought: Array, shares: Array, measured: int, random: np.random.Generator) -> Array:
    """Assign groups to parts, none of which is empty; see `assign_groups`.

    The largest groups are assigned one by one, more of them than that fill what the parts then lack.
    """
    expected = shares[:, None] * brought.sum(axis=0)
    order = np.argsort(-brought[:, 0], kind="stable")
    large, small = order[:_MAX_GROUPS_ONE_BY_ONE], order[_MAX_GROUPS_ONE_BY_ONE:]

    def attempt() -> Array:
        parts = np.empty(len(brought), np.intp)
        parts[large] = _one_by_one(brought[large], expected, random)
        lacking = expected[:, 0] - np.bincount(parts[large], brought[large, 0], len(shares))
        if len(small):
            parts[small] = _cut(brought[small, 0], np.maximum(lacking, 0.0) / np.maximum(lacking, 0.0).sum(), random)
        return parts

    attempts = [attempt() for _ in range(_attempts(len(brought)))]
    needed = np.where(np.arange(len(shares)) < measured, 2, 0)
    found = _with_classes(attempts, needed, brought, expected)
    if measured == 1:
        needed[1] = brought.shape[1] - 1
        if _lacking(found, needed, brought):
            found = _with_classes(attempts, needed, brought, expected)
    if _lacking(found, needed, brought) and len(shares) ** len(brought) * brought.size <= _MOST_COMPARED:
        return _closest_of_all(needed, brought, expected, found)
    return found


def _closest_of_all(needed: Array, brought: Array, expected: Array, found: Array) -> Array:
    """Return the closest of all assignments in which no part is empty or has too few classes, or `found` without one.

    For the arguments see `_with_classes`.
    """
    every = np.indices((len(expected),) * len(brought), np.int8).reshape(len(brought), -1)
    unlike = np.zeros(every.shape[1])
    for part, least in enumerate(needed.tolist()):
        assigned, wanted = brought.T @ (every == part), expected[part][:, None]
        unlike += (np.square(assigned - wanted) / wanted).sum(axis=0)
        unlike[(assigned[0] == 0) | (np.count_nonzero(assigned[1:], axis=0) < least)] = np.inf
    best = int(unlike.argmin())
    return every[:, best].astype(np.intp) if np.isfinite(unlike[best]) else found


def _with_classes(attempts: Sequence[Array], needed: Array, brought: Array, expected: Array) -> Array:
    """Return the assignment that is closest to what is expected, once groups are moved to parts with too few classes.

    Args:
        attempts: Assignments, `(groups,)` each.
        needed: How many classes each part should have, `(parts,)`.
        brought: See `assign_groups`.
        expected: Rows of each part in all, and of each stratum: `(parts, strata)`.
    """
    found = [parts.copy() for parts in attempts]
    for parts in found:
        for part in np.flatnonzero(needed).tolist():
            while _give_class(parts, part, needed, brought):
                pass
    return min(found, key=lambda parts: (_lacking(parts, needed, brought), *_unlike(parts, brought, expected)))


def _lacking(parts: Array, needed: Array, brought: Array) -> int:
    """Return how many parts have too few classes."""
    return sum(_classes(brought[parts == part]) < least for part, least in enumerate(needed.tolist()))


def _give_class(parts: Array, part: int, needed: Array, brought: Array) -> bool:
    """Move the smallest group that can be spared to a part with too few classes, if there is one of another class."""
    own = brought[parts == part]
    if _classes(own) >= needed[part]:
        return False
    lacked = own[:, 1:].sum(axis=0) == 0
    others = np.flatnonzero((parts != part) & brought[:, 1:][:, lacked].any(axis=1))
    for group in others[np.argsort(brought[others, 0], kind="stable")].tolist():
        giver = parts[group]
        left = (parts == giver) & (np.arange(len(parts)) != group)
        if left.any() and _classes(brought[left]) >= needed[giver]:
            parts[group] = part
            return True
    return False


def _classes(brought: Array) -> int:
    return int(brought[:, 1:].any(axis=0).sum())


def _one_by_one(brought: Array, expected: Array, random: np.random.Generator) -> Array:
    order = np.argsort(-brought[:, 0] * random.uniform(0.5, 1.0, len(brought)), kind="stable")
    parts, assigned, left = np.empty(len(brought), np.intp), np.zeros_like(expected), len(brought)
    for group in order.tolist():
        row = brought[group]
        empty = assigned[:, 0] == 0
        cost = ((2.0 * assigned + row) * row / expected).sum(axis=1)  # how much χ² grows
        if empty.sum() >= left:
            cost[~empty] = np.inf
        part = int(cost.argmin())
        parts[group], left = part, left - 1
        assigned[part] += row
    return parts


def _cut(rows: Array, shares: Array, random: np.random.Generator) -> Array:
    order, parts = random.permutation(len(rows)), np.empty(len(rows), np.intp)
    middles = np.cumsum(rows[order]) - rows[order] / 2.0
    parts[order] = np.searchsorted(np.cumsum(shares)[:-1], middles / rows.sum(), side="right")
    return parts


def _unlike(parts: Array, brought: Array, expected: Array) -> tuple[int, float]:
    """Return how many strata some part lacks, and χ² of the shares."""
    assigned = np.zeros_like(expected)
    np.add.at(assigned, parts, brought)
    return int((assigned == 0).sum()), float((np.square(assigned - expected) / expected).sum())
