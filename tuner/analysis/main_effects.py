"""The main effect of each dimension on the ranks of the trials: its significance, its share, its interval.

A linear model of the ranks, with the columns of each dimension.  Dimensions are taken into it one after another, the
strongest first, as long as the next one is stronger than chance; so what a later one seems to do because the sampler
preferred some values of an earlier one is told apart.  Chance is measured by permuting the residuals of the model
(Freedman and Lane 1983, https://doi.org/10.1080/07350015.1983.10509354) and taking the strongest of the remaining
dimensions each time (Westfall and Young 1993), which corrects for the number of dimensions.

`benchmarks/planted_effects.py` measures false alarms, power and coverage.

Notation: `n` trials, `p` columns in the model with the constant, `k` columns of a dimension, `b` permutations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.analysis.dimension_columns import DimensionColumns

LEVEL = 0.03
"""A dimension matters if its p is below.

With 0.05, 9 % of studies of pure noise with 60 trials of tpe had a false alarm: permutations assume that proposals do
not follow the values.
"""

_PERMUTATIONS = 499
_MOST_PERMUTED = 1_000_000
"""Most numbers that are permuted: with more than 2,000 trials there are fewer permutations."""

_DRAWS = 1_000
_INTERVAL = (0.5, 99.5)
"""Percentiles of the draws that hold at least 90 % of the true shares.

The 5th and the 95th held 73 to 92 %: settings vary, too, and the effect of a number is no parabola.
"""


@dataclass(frozen=True)
class MainEffect:
    """The main effect of a dimension.

    Attributes:
        p: Probability of so strong an effect by chance, corrected for the number of dimensions.
        share: Its share of the variance of the ranks, over the settings of the search space; in [0, 1].
        low, high: An interval of 90 % for the share, which contains it.
    """

    p: float
    share: float
    low: float
    high: float

    @property
    def mattered(self) -> bool:
        """Whether it is more than chance explains."""
        return self.p < LEVEL


def main_effects(ranks: np.ndarray, dimensions: Mapping[str, DimensionColumns]) -> dict[str, MainEffect]:
    """Estimate the main effect of each dimension.

    Args:
        ranks: Shape `(n,)`.
        dimensions: The columns of each dimension.

    Returns:
        The effects by name; the same ranks give the same numbers.
    """
    p = _select(ranks, dimensions)
    selected = [name for name in dimensions if p[name] < LEVEL]
    return {
        name: MainEffect(p[name], *_share(ranks, dimensions, name, selected, p[name] < LEVEL)) for name in dimensions
    }


def adjusted_ranks(ranks: np.ndarray, others: Sequence[DimensionColumns]) -> np.ndarray:
    """Return the ranks less the main effects of some dimensions, shape `(n,)`."""
    basis = np.zeros((len(ranks), 0))
    for columns in others:
        basis = np.hstack([basis, _orthonormal(basis, columns.trials)])
    residual: np.ndarray = ranks - basis @ (basis.T @ ranks)
    return residual


def _select(ranks: np.ndarray, dimensions: Mapping[str, DimensionColumns]) -> dict[str, float]:
    """Return the corrected p of each dimension by forward selection."""
    n = len(ranks)
    permutations = max(99, min(_PERMUTATIONS, _MOST_PERMUTED // n))
    orders = np.argsort(np.random.default_rng(0).random((permutations, n)), axis=1)
    basis, left, found, largest = np.full((n, 1), n**-0.5), list(dimensions), dict[str, float](), 0.0
    while left:
        residual = ranks - basis @ (basis.T @ ranks)
        permuted = np.vstack([residual, residual[orders]])  # (1 + b, n), the real order first
        permuted -= (permuted @ basis) @ basis.T
        news = [_orthonormal(basis, dimensions[name].trials) for name in left]
        strengths = np.array([_strengths(permuted, new, basis.shape[1]) for new in news])
        by_chance = strengths.max(axis=0)
        corrected = [max(largest, float((by_chance >= own[0] - 1e-9).mean())) for own in strengths]
        strongest = int(strengths[:, 0].argmax())
        if corrected[strongest] >= LEVEL:
            return found | dict(zip(left, corrected, strict=True))
        largest = corrected[strongest]
        found[left.pop(strongest)] = largest
        basis = np.hstack([basis, news[strongest]])
    return found


def _orthonormal(basis: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what columns `(n, k)` add to a basis `(n, p)`; at most `k` columns."""
    rest = columns - basis @ (basis.T @ columns)
    vectors, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    new: np.ndarray = vectors[:, sizes > 1e-6 * max(1.0, float(sizes.max(initial=0.0)))]
    return new


def _strengths(permuted: np.ndarray, new: np.ndarray, p: int) -> np.ndarray:
    """Return F of the new columns for each row of residuals as a normal deviate, by which dimensions compare.

    By the cube root of Wilson and Hilferty (1931): F itself means more with few columns than with many.
    """
    k = new.shape[1]
    freedom = permuted.shape[1] - p - k
    if k == 0 or freedom < 3:
        return np.full(len(permuted), -np.inf)
    explained = ((permuted @ new) ** 2).sum(axis=1)
    unexplained = np.maximum((permuted**2).sum(axis=1) - explained, 1e-12)
    root = np.cbrt((explained / k) / (unexplained / freedom))
    a, b = 2 / (9 * k), 2 / (9 * freedom)
    deviates: np.ndarray = ((1 - b) * root - (1 - a)) / np.sqrt(a + b * root**2)
    return deviates


def _share(
    ranks: np.ndarray, dimensions: Mapping[str, DimensionColumns], name: str, selected: Sequence[str], mattered: bool
) -> tuple[float, float, float]:
    """Return the share of a dimension and its interval, from the model of it and of those that mattered.

    The interval holds the shares of coefficients drawn from their distribution; the variance of an estimate is larger
    than that of the truth by the variance of its errors, which is taken off: once here, twice for what is drawn.
    """
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
        variance = max(0.0, float(coefficients[own] @ weights @ coefficients[own]) - error)
        many = coefficients[own] + errors[:, own]
        drawn = np.maximum(0.0, np.einsum("ij,jk,ik->i", many, weights, many) - 2 * error)
        totals, drawn_totals = totals + variance, drawn_totals + drawn
    if totals <= 0:
        return 0.0, 0.0, 0.0
    share = variance / totals
    low, high = np.percentile(drawn / np.maximum(drawn_totals, 1e-12), _INTERVAL)
    return share, min(share, float(low)) if mattered else 0.0, max(share, float(high))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return R with R Rᵀ = matrix, which is symmetric and not negative."""
    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
