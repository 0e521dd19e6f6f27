"""Rows in an order, as of time: what is measured comes after what is trained on.

Rows of one place in the order, as of one day, are never in two parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.data.data_config import DataOptions, Folds
from tuner.data.dataset import Array
from tuner.errors import DataError


@dataclass(frozen=True)
class OrderSplitter:
    """Assigns the latest rows; see `Splitter`.  Nothing is random.

    Attributes:
        ranks: Place of each row in the order, `(n,)`.
        options: For messages.
    """

    ranks: Array
    options: DataOptions

    def check(self, rows: Array, needed: int, tested: bool) -> None:
        """Each part must be able to have a place in the order; the first stretch of folds is for training only."""
        total = needed + tested + isinstance(self.options.validation, Folds)
        found = len(np.unique(self.ranks[rows]))
        if found < total:
            raise DataError(
                f"The parts need at least {total} different values of the order column, but {self.options.order!r} has "
                f"{found} ({self.options.source}). Use fewer folds, or set `test = 0`.",
                key="order",
            )

    def draw(self, rows: Array, wanted: float, leave: int, each: bool, random: np.random.Generator) -> Array:
        """Return about `wanted` of the rows, the latest; `leave` places remain."""
        (start,) = self._cuts(rows, [len(rows) - wanted], max(1, leave))
        return rows[self.ranks[rows] >= start]

    def fold(self, rows: Array, folds: int, random: np.random.Generator) -> list[tuple[Array, Array]]:
        """Return folds that expand: of `folds + 1` stretches each but the first is measured after those before it.

        The latest is the first: what is said of the first split is said of most rows.
        """
        cuts = self._cuts(rows, [len(rows) * number / (folds + 1) for number in range(1, folds + 1)], 1)
        places = self.ranks[rows]
        ends = [*cuts[1:], places.max() + 1]
        pairs = [
            (rows[places < cut], rows[(places >= cut) & (places < end)]) for cut, end in zip(cuts, ends, strict=True)
        ]
        return pairs[::-1]

    def _cuts(self, rows: Array, wanted: list[float], leave: int) -> list[int]:
        """Return the places at which parts start, each as close to that many rows before it as possible.

        At least `leave` places are before the first, and one between two of them.
        """
        places, counts = np.unique(self.ranks[rows], return_counts=True)
        before = np.cumsum(counts) - counts
        chosen: list[int] = []
        for number, rows_before in enumerate(wanted):
            low = chosen[-1] + 1 if chosen else leave
            high = len(places) - (len(wanted) - number)
            low = min(low, high)
            chosen.append(low + int(np.abs(before[low : high + 1] - rows_before).argmin()))
        return [int(places[index]) for index in chosen]
