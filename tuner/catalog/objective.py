"""The objective of a study: a metric and its direction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Objective:
    """A metric to maximize or to minimize; the one place that knows which of two values is better.

    Attributes:
        metric: Name of the metric.
        direction: "maximize" or "minimize".
    """

    metric: str
    direction: str

    @property
    def maximize(self) -> bool:
        """True if higher is better."""
        return self.direction == "maximize"

    def gain(self, value: float, reference: float) -> float:
        """Compute by how much a value is better than a reference; negative if it is worse."""
        return value - reference if self.maximize else reference - value

    def better(self, value: float, other: float) -> bool:
        """Return whether a value is better than another one; NaN is never better."""
        return self.gain(value, other) > 0

    def improve(self, value: float, amount: float) -> float:
        """Move a value in the direction that is better; with a negative amount in the other one."""
        return value + amount if self.maximize else value - amount

    def sort_key(self, value: float | None) -> float:
        """Return a key that sorts the best value first, and None and what is not finite last."""
        if value is None or not math.isfinite(value):
            return math.inf
        return -value if self.maximize else value

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best of the values, or None if there are none."""
        return min(values, key=self.sort_key, default=None)

    def worst(self, values: Iterable[float]) -> float | None:
        """Return the worst of the values, or None if there are none."""
        return max(values, key=self.sort_key, default=None)
