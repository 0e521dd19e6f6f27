"""Rank tests of the difference between groups, without assumptions on the distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHUFFLES = 9_999
"""Permutations per test; the smallest possible p is 1 / (SHUFFLES + 1)."""

MOST_SHUFFLED = 200
"""Above this many values the chi-squared approximation is as good, and permutations are slow."""


def kruskal_wallis(samples: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Run the Kruskal-Wallis test, corrected for ties; with two samples it is the two-sided Mann-Whitney test.

    Up to `MOST_SHUFFLED` values, p is the share of `SHUFFLES` permutations of all values whose statistic is at least
    as large (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585); the chi-squared approximation is poor
    for groups of fewer than five.  The same samples give the same p.

    Args:
        samples: Two samples or more, none empty.

    Returns:
        The statistic H and p; 0 and 1 if all values are equal.
    """
    from scipy.stats import kruskal, rankdata

    ranks = rankdata(np.concatenate([np.asarray(sample, np.float64) for sample in samples]))
    if (ranks == ranks[0]).all():
        return 0.0, 1.0
    h, p = kruskal(*samples)
    if len(ranks) > MOST_SHUFFLED:
        return float(h), float(p)
    # H grows with the sum over the samples of (rank sum)² / size; all else is the same for every permutation.
    sizes = np.array([len(sample) for sample in samples])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    orders = np.random.default_rng(0).permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1)
    as_large = int((_spread(orders, starts, sizes) >= _spread(ranks[None, :], starts, sizes) * (1.0 - 1e-12)).sum())
    return float(h), (as_large + 1) / (SHUFFLES + 1)


def _spread(ranks: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the sum over the samples of (rank sum)² / size, for each row of ranks."""
    spread: np.ndarray = (np.add.reduceat(ranks, starts, axis=1) ** 2 / sizes).sum(axis=1)
    return spread


def holm(values: Sequence[float]) -> list[float]:
    """Correct p values for their number: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure."""
    corrected = [1.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected
