"""Which rows depend on each other: those of a group, and those that follow each other in an order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import RawData

_STRETCHES = 10


@dataclass(frozen=True)
class Dependence:
    """What is known of the dependence of rows.

    Attributes:
        groups: Number of the group of each row, `(n,)`, or None if there are none.
        ranks: Place of each row in the order of the rows, `(n,)`, or None without an order.
    """

    groups: Array | None = None
    ranks: Array | None = None

    @classmethod
    def of_rows(cls, raw: RawData) -> Dependence:
        """Read it from the columns that decide on the split."""
        numbers = {
            key: np.unique(values.astype(str) if key == "group" else values, return_inverse=True)[1]
            for key, values in raw.split_columns.items()
            if key != "split"
        }
        return cls(numbers.get("group"), numbers.get("order"))

    def units(self, rows: Array) -> Array | None:
        """Return the number of the independent unit that each of these rows belongs to, or None if all are their own.

        Units are the groups; of rows in an order, `_STRETCHES` stretches of about as many rows, each with all rows of
        its places.  So few, because what changes slowly makes long stretches alike (the batch means of Schmeiser 1982,
        https://doi.org/10.1287/opre.30.3.556, who takes 10 to 30).
        """
        if self.groups is not None:
            return self.groups[rows]
        if self.ranks is None:
            return None
        _, place, counts = np.unique(self.ranks[rows], return_inverse=True, return_counts=True)
        before = np.cumsum(counts) - counts
        stretches: Array = (before * _STRETCHES // len(rows))[place]
        return stretches
