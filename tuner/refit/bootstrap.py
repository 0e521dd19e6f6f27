"""Bootstrap samples of the rows of a part.

A sample is drawn from independent units, whole: rows, or the groups that rows belong to (Davison and Hinkley 1997,
Bootstrap Methods and their Application, 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_MOST_DRAWN = 2_000
"""Rows of a part that a sample has: an area under the curve over 20,000 rows and ten classes takes 60 ms, and some
3,000 of them are taken."""
_FEWEST_GROUPS = 50
"""Of a sample.  Where they have too many rows, each is thinned out: then the spread is rather too large."""


class RowSampler:
    """Draws rows of one part, with replacement.

    Args:
        rows: Rows of the part.
        units: Number of the unit of each row, `(rows,)`, or None if each row is one.

    Attributes:
        units: Units of the part.
        drawn: Units of a sample.
        clustered: Whether units have several rows.
    """

    def __init__(self, rows: int, units: np.ndarray | None) -> None:
        self.clustered, self._members = units is not None, list[np.ndarray]()
        if units is None:
            self.units, self.drawn = rows, min(rows, _MOST_DRAWN)
            return
        order = np.argsort(units, kind="stable")
        self._members = np.split(order, np.flatnonzero(np.diff(units[order])) + 1)
        self.units = len(self._members)
        wanted = math.ceil(self.units * _MOST_DRAWN / rows)
        self.drawn = min(self.units, max(wanted, _FEWEST_GROUPS))
        if wanted < self.drawn:
            self._members = [some[:: math.ceil(self.drawn / wanted)] for some in self._members]

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Draw a sample: indices of rows."""
        chosen = random.integers(0, self.units, self.drawn)
        return np.concatenate([self._members[unit] for unit in chosen.tolist()]) if self.clustered else chosen


def rescale(draws: np.ndarray, samplers: Sequence[RowSampler]) -> np.ndarray:
    """Give the scores of samples, `(draws, k)`, the spread that those of whole samples have without bias.

    From many rows smaller samples are drawn (Bickel, Götze and van Zwet 1997, Resampling fewer than n observations).
    Samples of few groups vary too little, by `√(1 - parts / groups)`.  A single group says nothing about others: NaN.
    """
    drawn, units = (sum(getattr(sampler, name) for sampler in samplers) for name in ("drawn", "units"))
    grouped = [sampler.units for sampler in samplers if sampler.clustered]
    if min(grouped, default=2) < 2:
        return np.full_like(draws, np.nan)
    factor = (drawn / units) ** 0.5
    if grouped:
        factor *= (sum(grouped) / (sum(grouped) - len(grouped))) ** 0.5
    if factor == 1.0:
        return draws
    finite = np.isfinite(draws)
    center = np.where(finite, draws, 0.0).sum(axis=0) / np.maximum(1, finite.sum(axis=0))
    rescaled: np.ndarray = center + (draws - center) * factor
    return rescaled
