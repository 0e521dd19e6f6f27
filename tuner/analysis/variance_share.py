"""How much of the variance of the ranks a dimension explains over the search space, with an interval.

Notation: `n` trials, `k` columns of a dimension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tuner.analysis.dimension_columns import DimensionColumns

_DRAWS = 1_000
_INTERVAL = (0.5, 99.5)
"""Percentiles of the draws that hold at least 90 % of the true shares.

The 5th and the 95th held 73 to 92 %: settings vary, too, and the effect of a number is not a parabola.
"""


def variance_share(
    ranks: np.ndarray, dimensions: Mapping[str, DimensionColumns], name: str, selected: Sequence[str]
) -> tuple[float, float, float]:
    """Estimate the share of a dimension from the linear model of it and of those that are selected.

    The interval holds the shares of coefficients drawn from their distribution.  The variance of an estimate is larger
    than that of the truth by the variance of its errors, which is taken off: once here, twice for what is drawn.

    Args:
        ranks: Shape `(n,)`.
        dimensions: The columns of each dimension.
        name: The dimension.
        selected: The dimensions that mattered.

    Returns:
        The share and its interval, which contains it, all in [0, 1].
    """
    if np.ptp(ranks) == 0:
        return 0.0, 0.0, 0.0
    names = [*(other for other in selected if other != name), name]
    design = np.hstack([np.ones((len(ranks), 1)), *(dimensions[other].trials for other in names)])
    freedom = max(1, len(ranks) - np.linalg.matrix_rank(design))
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ design.T @ ranks
    noise = float(((ranks - design @ coefficients) ** 2).sum() / freedom)
    random = np.random.default_rng(0)
    noises = noise * freedom / random.chisquare(freedom, _DRAWS)
    errors = random.standard_normal((_DRAWS, len(coefficients))) @ _root(inverse).T * np.sqrt(noises)[:, None]
    at, totals, drawn_totals = 1, noise, noises.copy()
    variance, drawn = 0.0, np.zeros(_DRAWS)
    for other in names:
        columns = dimensions[other]
        own = slice(at, at + columns.trials.shape[1])
        at = own.stop
        weights = np.cov(columns.space.T, bias=True).reshape(columns.space.shape[1], -1) * columns.active
        error = noise * float(np.trace(weights @ inverse[own, own]))
        variance = float(_shrunk(coefficients[own] @ weights @ coefficients[own], error))
        many = coefficients[own] + errors[:, own]
        drawn = _shrunk(np.einsum("ij,jk,ik->i", many, weights, many), 2 * error)
        totals, drawn_totals = totals + variance, drawn_totals + drawn
    share = variance / max(totals, 1e-12)
    low, high = np.percentile(drawn / np.maximum(drawn_totals, 1e-12), _INTERVAL)
    return share, min(share, float(low)), max(share, float(high))


def _shrunk(variance: np.ndarray, error: float) -> np.ndarray:
    """Return about variance − error if it is the larger, and a little above 0 otherwise: what mattered has a share."""
    left: np.ndarray = variance**2 / np.maximum(variance + error, 1e-300)
    return left


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return R with R Rᵀ = matrix, which is symmetric and not negative."""
    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
