"""Rows of one part that have a copy, or nearly one, in another part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.data.dataset import Array

_NEIGHBOURS = (16, 32)
_CHANCE = 0.001
"""A row is nearly a copy if a row so near comes by chance in fewer cases than this, and is at half the distance."""
_MOST_ASKED, _MOST_NEIGHBOURS, _MOST_VALUES = 300, 20_000, 10_000_000
"""Rows whose neighbors are looked for, and rows and values that they are looked for among."""
_MOST_COLUMNS = 2_000
"""Columns that are looked at; of more some are drawn."""
_MOST_COMPARED = 20_000_000
"""Values of the rows that equal ones are looked for among."""


_PERMUTATIONS, _MOST_PERMUTED = 20, 1_000_000
"""Permutations of the columns that show how many rows are equal by chance, as one of a hundred rows says little,
and values that are permuted in all, as it takes long."""


@dataclass(frozen=True)
class NearCopies:
    """What was found.

    Attributes:
        equal: Share of the rows that have an equal one in the other part.
        equal_by_chance: The same share if columns did not depend on each other; 0 if no row has an equal one.
        near: Share of the rows that lie much nearer to a row of the other part than the density of rows explains.
        nearness: Median of their distance over the usual one; 0 without such rows.
    """

    equal: float
    equal_by_chance: float
    near: float
    nearness: float


def find_near_copies(train: Array, measured: Array, random: np.random.Generator) -> NearCopies:
    """Look for copies of rows.

    Near ones are found by dimension: if rows lie as in D dimensions around a row, the volume up to the nearest of K of
    them is `(r_1 / r_K)^D` of that up to the K-th, a sample from Beta(1, K - 1) (Levina and Bickel 2004, Maximum
    Likelihood Estimation of Intrinsic Dimension).  D is measured further out, from r_(K/2) to r_K.

    Args:
        train: Features of the rows that are trained on, without missing values, `(n, ...)`.
        measured: Of those that are measured, `(m, ...)`.
        random: Decides on samples of many rows.
    """
    train, measured = (part.reshape(len(part), -1) for part in (train, measured))
    if train.shape[1] > _MOST_COLUMNS:
        chosen = np.sort(random.choice(train.shape[1], _MOST_COLUMNS, replace=False))
        train, measured = train[:, chosen], measured[:, chosen]
    measured = measured[np.isfinite(measured).all(axis=1)]  # a test row may be beyond float32
    if not len(measured):
        return NearCopies(0.0, 0.0, 0.0, 0.0)
    columns = max(1, train.shape[1])
    some = [_some(part, max(1_000, _MOST_COMPARED // columns), random) for part in (train, measured)]
    equal = _equal(*some)
    times = max(1, min(_PERMUTATIONS, _MOST_PERMUTED // max(1, sum(part.size for part in some)))) if equal else 0
    chances = [_equal(*[random.permuted(part, axis=0) for part in some]) for _ in range(times)]
    by_chance = float(np.mean(chances)) if chances else 0.0
    most = min(_MOST_NEIGHBOURS, max(1_000, _MOST_VALUES // columns))
    near, nearness = _near(_some(train, most, random), _some(measured, _MOST_ASKED, random))
    return NearCopies(equal, by_chance, near, nearness)


def _some(rows: Array, most: int, random: np.random.Generator) -> Array:
    return rows if len(rows) <= most else rows[np.sort(random.choice(len(rows), most, replace=False))]


def _equal(train: Array, measured: Array) -> float:
    """Return the share of rows that have an equal one, by a hash of 64 bits."""
    factors = np.random.default_rng(0).integers(0, 2**63, train.shape[1], np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = [(part.astype(np.float32) + 0.0).view(np.uint32).astype(np.uint64) @ factors for part in (train, measured)]
    return float(np.isin(hashes[1], hashes[0]).mean())


def _near(train: Array, measured: Array) -> tuple[float, float]:
    """Return the share of near copies, and how near they are."""
    train, measured = (part.astype(np.float64) for part in (train, measured))
    center, spread = train.mean(axis=0), train.std(axis=0)
    varies = spread > 0
    train, measured = ((part[:, varies] - center[varies]) / spread[varies] for part in (train, measured))
    if len(train) < 4 * _NEIGHBOURS[0] or not train.shape[1]:
        return 0.0, 0.0
    most = max(count for count in _NEIGHBOURS if len(train) >= 4 * count)
    squares = np.square(measured).sum(axis=1)[:, None] + np.square(train).sum(axis=1) - 2.0 * measured @ train.T
    nearest = np.argpartition(squares, most, axis=1)[:, :most]
    far = np.stack(
        [np.square(train[rows] - row).sum(axis=1) ** 0.5 for rows, row in zip(nearest, measured, strict=True)]
    )
    far.sort(axis=1)
    best = (0.0, 0.0)
    for count in (count for count in _NEIGHBOURS if count <= most):
        usable = far[:, count // 2 - 1] > 0
        first, half, last = (far[usable, place - 1] for place in (1, count // 2, count))
        spread = float(np.median(np.log(last / half))) if len(first) else 0.0
        if spread <= 0.0:
            continue
        volume = (first / last) ** (np.log(2.0) / spread)
        near = (first > 0) & (1.0 - (1.0 - volume) ** (count - 1) < _CHANCE) & (first < last / 2.0)
        share = float(near.sum() / len(measured))
        if share > best[0]:
            best = share, float(np.median(first[near] / last[near]))
    return best
