"""Which epoch of a training gives the model, and when a training ends: the one rule of all parts.

Engines follow it while they train; a reader of the records of a training finds the same epoch again.  Its numbers
were chosen by measurement (`benchmarks/best_epoch.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from tuner.catalog.metrics import find_metric

if TYPE_CHECKING:
    from tuner.catalog.recipe import Recipe

KeptEpoch: TypeAlias = Literal["best", "last"]
"""Which epoch gives the model."""

WINDOW_SHARE, MIN_WINDOW = 0.05, 3
"""Epochs whose mean is compared: a share of the planned ones, at least this many.  The value of a single epoch is too
noisy."""


@dataclass(frozen=True)
class TrainingLength:
    """How long each training of a study is, and which of its epochs gives the model.

    Attributes:
        epochs: Passes over the training part that are planned; schedules span them.
        keep: Whether the best epoch or the last one gives the model.
        patience: Epochs without improvement that end a training, or None to train all of them.
    """

    epochs: int
    keep: KeptEpoch = "last"
    patience: int | None = None


class EpochSelector:
    """Selects the epoch of one training that gives the model.

    The best epoch has the best mean objective over the window of epochs that ends with it; of equal ones the one with
    the lowest mean loss.  A training ends after `patience` epochs without a better one.

    It depends on what it has observed alone: a training that resumes lets it observe the earlier epochs again.

    Args:
        recipe: What is trained.

    Attributes:
        epoch: The selected epoch so far, from 1; 0 before the first.
        value: Objective after the selected epoch; NaN before the first.
        ended: Whether the training ends with the last observed epoch.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._objective = find_metric(recipe.metric).objective
        self._keep, self._patience = recipe.keep, recipe.patience
        self._last_epoch = recipe.last_epoch or recipe.epochs
        window = max(MIN_WINDOW, round(WINDOW_SHARE * recipe.epochs))
        self._values: deque[float] = deque(maxlen=window)
        self._losses: deque[float] = deque(maxlen=window)
        self._best = (math.inf, math.inf)
        self._epochs = self._best_epoch = 0
        self.epoch, self.value, self.ended = 0, math.nan, False

    @property
    def selects_last(self) -> bool:
        """Whether each epoch is selected in its turn."""
        return self._keep == "last"

    def observe(self, value: float, loss: float) -> bool:
        """Observe what was measured on the validation part after the next epoch.

        Args:
            value: The objective.
            loss: The loss.

        Returns:
            Whether this epoch is the selected one now.
        """
        self._epochs += 1
        self._values.append(value)
        self._losses.append(loss)
        key = self._objective.sort_key(_mean(self._values)), _mean(self._losses)
        best = key < self._best or self._epochs == 1
        if best:
            self._best, self._best_epoch = key, self._epochs
        waited = self._epochs - self._best_epoch
        self.ended = self._epochs >= self._last_epoch or (self._patience is not None and waited >= self._patience)
        if best or self.selects_last:
            self.epoch, self.value = self._epochs, value
        return best or self.selects_last

    def observe_all(self, epochs: Iterable[tuple[float, float]]) -> EpochSelector:
        """Observe the objective and the loss of several epochs; return itself."""
        for value, loss in epochs:
            self.observe(value, loss)
        return self


def _mean(values: Collection[float]) -> float:
    """Return the mean to ten digits: what differs by rounding alone is equal."""
    return float(f"{sum(values) / len(values):.10g}")
