"""Is the difference between groups more than chance?  Tests on ranks, which ask nothing of the distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHUFFLES = 9_999
"""Random orders that a test draws; the smallest p it can give is 1 / (SHUFFLES + 1)."""

MOST_SHUFFLED = 200
"""Above this many values the chi-squared approximation is as good, and drawing orders is slow."""


def kruskal_wallis(samples: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Run the Kruskal-Wallis test, corrected for ties; with two samples it is the two-sided Mann-Whitney test.

    Up to `MOST_SHUFFLED` values, p is the share of `SHUFFLES` random orders of all values whose statistic is at least
    as large (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585); the chi-squared approximation is poor
    for groups of fewer than five.  The same samples give the same p.

    Args:
        samples: Two samples or more, none empty.

    Returns:
        The statistic H and p; 0 and 1 where all values are equal.
    """
    from scipy.stats import chi2, rankdata

    ranks = rankdata(np.concatenate([np.asarray(sample, np.float64) for sample in samples]))
    sizes = np.array([len(sample) for sample in samples])
    count = len(ranks)
    _, tied = np.unique(ranks, return_counts=True)
    correction = 1.0 - float((tied**3 - tied).sum()) / (count**3 - count)
    if correction <= 0.0:
        return 0.0, 1.0
    # H = 12 / (n (n + 1)) * sum of (rank sum)² / size - 3 (n + 1), over the correction: only the sum is shuffled.
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    spread = _spread(ranks[None, :], starts, sizes)[0]
    h = (12.0 / (count * (count + 1)) * spread - 3.0 * (count + 1)) / correction
    if count > MOST_SHUFFLED:
        return float(h), float(chi2.sf(h, len(samples) - 1))
    orders = np.random.default_rng(0).permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1)
    as_large = int((_spread(orders, starts, sizes) >= spread * (1.0 - 1e-12)).sum())
    return float(h), (as_large + 1) / (SHUFFLES + 1)


def _spread(ranks: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the sum over the samples of (rank sum)² / size, for each row of ranks."""
    spread: np.ndarray = (np.add.reduceat(ranks, starts, axis=1) ** 2 / sizes).sum(axis=1)
    return spread


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for their number: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure."""
    corrected = [1.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected
