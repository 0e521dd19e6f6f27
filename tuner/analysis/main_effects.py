"""The main effect of each dimension: its significance, its share of the variance of the ranks, its interval.

A dimension is tested twice, for two things that a trial can do: for its value among the trials that have one, and for
whether a trial diverges at all.  The share is of the ranks, which hold both.

`benchmarks/planted_effects.py` measures false alarms, power and coverage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.analysis.dimension_columns import DimensionColumns
from tuner.analysis.forward_selection import select_forward
from tuner.analysis.variance_share import variance_share

SIGNIFICANCE_LEVEL = 0.03
"""A dimension matters if its p is below.

Permutations assume that proposals do not follow the values, which those of an adaptive sampler do: with 0.03, up to 5 %
of its studies have a false alarm.
"""

_DIVERGENCE_WEIGHT = 1 / 6
"""Part of `SIGNIFICANCE_LEVEL` at which divergence is tested; rarely anything but the rate decides it, and clearly."""

_LEAST_DIVERGED = 3


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
        return self.p < SIGNIFICANCE_LEVEL


def main_effects(
    ranks: np.ndarray, values: np.ndarray, diverged: np.ndarray, dimensions: Mapping[str, DimensionColumns]
) -> dict[str, MainEffect]:
    """Estimate the main effect of each dimension.

    Args:
        ranks: Shape `(n,)`: see `trial_ranks`.
        values: Shape `(n,)`: see `trial_values`.
        diverged: Shape `(n,)`, whether each trial diverged.
        dimensions: The columns of each dimension.

    Returns:
        The effects by name; the same trials give the same numbers.
    """
    p = _significance(values, diverged, {name: columns.trials for name, columns in dimensions.items()})
    mattered = [name for name in dimensions if p[name] < SIGNIFICANCE_LEVEL]
    effects = {}
    for name in dimensions:
        share, low, high = variance_share(ranks, dimensions, name, mattered)
        effects[name] = MainEffect(p[name], share, low if name in mattered else 0.0, high)
    return effects


def adjusted_ranks(ranks: np.ndarray, dimension: DimensionColumns, others: Sequence[DimensionColumns]) -> np.ndarray:
    """Return the ranks less the main effects of the others, estimated beside that of the dimension; shape `(n,)`."""
    design = np.hstack([*(columns.trials for columns in others), dimension.trials, np.ones((len(ranks), 1))])
    coefficients = np.linalg.lstsq(design, ranks, rcond=None)[0]
    theirs = sum(columns.trials.shape[1] for columns in others)
    adjusted: np.ndarray = ranks - design[:, :theirs] @ coefficients[:theirs]
    return adjusted


def _significance(values: np.ndarray, diverged: np.ndarray, columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return p by name: the smaller of the two tests, corrected for their number (Bonferroni, with weights).

    What decides whether a trial diverges is taken into the model of the values, too.
    """
    p = dict.fromkeys(columns, 1.0)
    known: list[str] = []
    if _LEAST_DIVERGED <= diverged.sum() <= len(diverged) - _LEAST_DIVERGED:
        level = SIGNIFICANCE_LEVEL * _DIVERGENCE_WEIGHT
        found = select_forward(diverged.astype(np.float64), columns, level)
        p = {name: min(1.0, one / _DIVERGENCE_WEIGHT) for name, one in found.items()}
        known = [name for name, one in found.items() if one < level]
    valued = np.isfinite(values)
    if valued.sum() > _LEAST_DIVERGED:
        weight = 1 - _DIVERGENCE_WEIGHT
        own = {name: rows[valued] for name, rows in columns.items()}
        for name, one in select_forward(values[valued], own, SIGNIFICANCE_LEVEL * weight, known).items():
            p[name] = min(p[name], one / weight)
    return p
