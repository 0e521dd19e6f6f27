"""Which dimensions have an effect on a response, each distinguished from those that are stronger.

Dimensions are taken into a linear model one after another, the strongest first, as long as the next one is stronger
than chance; so what a later one seems to do because the sampler preferred some values of an earlier one is told apart.
Chance is measured by permuting the residuals of the model (Freedman and Lane 1983,
https://doi.org/10.1080/07350015.1983.10509354) and taking the strongest of the remaining dimensions each time (Westfall
and Young 1993), which corrects for the number of dimensions.

An adaptive sampler leaves bad values of several dimensions together in its first trials, and then the data do not say
which of them was bad.  So the p of a dimension is also at least its p, not corrected, beside each single other one.

Notation: `n` trials, `p` columns in the model with the constant, `k` columns of a dimension, `b` permutations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

_PERMUTATIONS = 999
_MOST_PERMUTED = 1_000_000
"""Most numbers that are permuted: with more than 1,000 trials there are fewer permutations."""
_LEAST_PERMUTATIONS = 299
_LEAST_FREEDOM = 3
"""Fewest trials more than columns, for a test."""


def select_forward(
    response: np.ndarray, columns: Mapping[str, np.ndarray], level: float, known: Sequence[str] = ()
) -> dict[str, float]:
    """Test the effect of each dimension on a response.

    Args:
        response: Shape `(n,)`.
        columns: Those of each dimension, shape `(n, k)`.
        level: A dimension is taken into the model if its corrected p is below.
        known: Dimensions that are in the model from the beginning, and not tested.

    Returns:
        p by name, for each dimension that is not known; the same response gives the same numbers.
    """
    n = len(response)
    permutations = max(_LEAST_PERMUTATIONS, min(_PERMUTATIONS, _MOST_PERMUTED // n))
    orders = np.argsort(np.random.default_rng(0).random((permutations, n)), axis=1)
    basis, largest = np.full((n, 1), n**-0.5), 0.0
    for name in known:
        basis = np.hstack([basis, added_directions(basis, columns[name])])
    left, found = [name for name in columns if name not in known], dict[str, float]()
    while left:
        residual = response - basis @ (basis.T @ response)
        permuted = np.vstack([residual, residual[orders]])  # (1 + b, n), the real order first
        permuted -= (permuted @ basis) @ basis.T
        squares = (permuted**2).sum(axis=1)
        news = [added_directions(basis, columns[name]) for name in left]
        strengths = np.array([_strengths(permuted, squares, new, basis.shape[1]) for new in news])
        by_chance = strengths.max(axis=0)
        corrected = [max(largest, float((by_chance >= own[0] - 1e-9).mean())) for own in strengths]
        strongest = int(strengths[:, 0].argmax())
        if corrected[strongest] >= level:
            found |= dict(zip(left, corrected, strict=True))
            break
        largest = corrected[strongest]
        found[left.pop(strongest)] = largest
        basis = np.hstack([basis, news[strongest]])
    selected = [*known, *(name for name, p in found.items() if p < level)]
    return {name: max(p, _p_beside_others(response, columns, selected, name)) for name, p in found.items()}


def added_directions(basis: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what columns `(n, k)` add to a basis `(n, p)`; at most `k` columns."""
    rest = columns - basis @ (basis.T @ columns)
    vectors, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    new: np.ndarray = vectors[:, sizes > 1e-6 * max(1.0, float(sizes.max(initial=0.0)))]
    return new


def _strengths(permuted: np.ndarray, squares: np.ndarray, new: np.ndarray, p: int) -> np.ndarray:
    """Return F of the new columns for each row of residuals as a normal deviate, by which dimensions compare.

    By the cube root of Wilson and Hilferty (1931): F itself means more with few columns than with many.
    """
    k = new.shape[1]
    freedom = permuted.shape[1] - p - k
    if k == 0 or freedom < _LEAST_FREEDOM:
        return np.full(len(permuted), -np.inf)
    explained = ((permuted @ new) ** 2).sum(axis=1)
    unexplained = np.maximum(squares - explained, 1e-12)
    root = np.cbrt((explained / k) / (unexplained / freedom))
    a, b = 2 / (9 * k), 2 / (9 * freedom)
    deviates: np.ndarray = ((1 - b) * root - (1 - a)) / np.sqrt(a + b * root**2)
    return deviates


def _p_beside_others(
    response: np.ndarray, columns: Mapping[str, np.ndarray], selected: Sequence[str], name: str
) -> float:
    """Return the largest p of a dimension in the model of those selected and any one other, by the F distribution."""
    basis = np.full((len(response), 1), len(response) ** -0.5)
    for other in selected:
        if other != name:
            basis = np.hstack([basis, added_directions(basis, columns[other])])
    nothing = np.zeros((len(response), 1))
    others = [rows for other, rows in columns.items() if other != name and other not in selected]
    largest = 0.0
    for other_columns in [nothing, *others]:
        both = np.hstack([basis, added_directions(basis, other_columns)])
        new = added_directions(both, columns[name])
        if new.shape[1] == 0:
            return 1.0  # the other one varies with it
        if len(response) - both.shape[1] - new.shape[1] >= _LEAST_FREEDOM:
            residual = (response - both @ (both.T @ response))[None]
            deviate = float(_strengths(residual, (residual**2).sum(axis=1), new, both.shape[1])[0])
            largest = max(largest, math.erfc(deviate / math.sqrt(2)) / 2)
    return largest
