"""The rate drops when the objective has stopped improving."""

from __future__ import annotations

import math

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.space import Float, Int


class ReduceOnPlateau:
    """State machine: one value observed per epoch, one rate for the next epoch.

    It follows Keras's `ReduceLROnPlateau` with `min_lr = base * min_ratio`: an observation improves when it is better
    than the best one by more than `min_delta`; after `patience` observations without improvement the rate is
    multiplied by `factor`; during `cooldown` observations after a reduction nothing is counted.
    A NaN is not an improvement.

    States: the counters `waited` (observations without improvement) and `cooling` (observations left of the cooldown).

    Args:
        base: Rate of the first epoch.
        maximize: Whether the observed value is better when it is higher.
        factor: What the rate is multiplied by.
        patience: Epochs without improvement before a reduction.
        min_ratio: Lowest rate, as a share of `base`.
        min_delta: What counts as an improvement, in the unit of the observed value.
        cooldown: Epochs after a reduction in which nothing is counted.

    Attributes:
        rate: The rate now.
        best: The best value observed; None before the first.
    """

    def __init__(
        self,
        base: float,
        maximize: bool,
        factor: float = 0.1,
        patience: int = 3,
        min_ratio: float = 1e-4,
        min_delta: float = 1e-4,
        cooldown: int = 0,
    ) -> None:
        self.rate = float(base)
        self.best: float | None = None
        self._lowest = base * min_ratio
        self._sign = 1.0 if maximize else -1.0
        self._factor, self._patience = factor, patience
        self._min_delta, self._cooldown = min_delta, cooldown
        self._waited = self._cooling = 0

    def observe(self, value: float) -> float:
        """Observe the value of an epoch, and return the rate of the next one."""
        if self._cooling > 0:
            self._cooling -= 1
            self._waited = 0
        if self._improves(value):
            self.best = value
            self._waited = 0
        elif self._cooling == 0:
            self._waited += 1
            if self._waited >= self._patience and self.rate > self._lowest:
                self.rate = max(self.rate * self._factor, self._lowest)
                self._waited, self._cooling = 0, self._cooldown
        return self.rate

    def _improves(self, value: float) -> bool:
        if math.isnan(value):
            return False
        return self.best is None or self._sign * (value - self.best) > self._min_delta


REDUCE_ON_PLATEAU = ScheduleEntry(
    "reduce_on_plateau",
    "drops by a factor when the objective has stopped improving",
    "https://keras.io/api/callbacks/reduce_lr_on_plateau/",
    ReduceOnPlateau,
    (
        Option("factor", 0.1, Float(0.1, 0.7), Float(1e-6, 0.999), "what the rate is multiplied by"),
        Option("patience", 3, Int(1, 10), Int(1, 100_000), "epochs without improvement before a reduction"),
        Option(
            "min_ratio", 1e-4, Float(1e-5, 1e-1, log=True), Float(0.0, 1.0), "lowest rate, as a share of the base rate"
        ),
        Option(
            "min_delta",
            1e-4,
            Float(1e-5, 1e-2, log=True),
            Float(0.0, 1e6),
            "smallest change that counts as an improvement, in units of the objective",
        ),
        Option("cooldown", 0, Int(0, 5), Int(0, 100_000), "epochs after a reduction that do not count toward patience"),
    ),
    stateful=True,
)
