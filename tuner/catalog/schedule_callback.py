"""A learning-rate schedule as a Keras callback, for `model.fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tuner.catalog.metrics import find_metric
from tuner.catalog.recipe import Choice
from tuner.catalog.schedule_rates import OBJECTIVE, learning_rates, plateau_state
from tuner.catalog.schedules.reduce_on_plateau import ReduceOnPlateau
from tuner.errors import UsageError


class ScheduleCallback(keras.callbacks.Callback):
    """Sets the optimizer's learning rate before each training step.

    The schedule spans the epochs and steps that `fit` was given; with `initial_epoch` it starts in the middle.
    A `reduce_on_plateau` observes one value at the end of each epoch: the first of `objective`, `val_<metric>`,
    `val_loss`, `<metric>` and `loss` that the logs of the first epoch hold.  So callbacks that write to the logs
    must come before this one.

    Args:
        schedule: The row and its options.
        base: The base rate.
        metric: Name of the objective.
        epochs: Epochs that it spans if `fit` ends earlier; None for those of `fit`.
    """

    def __init__(self, schedule: Choice, base: float, metric: str, epochs: int | None = None) -> None:
        super().__init__()
        self._planned = epochs
        self._schedule, self._base, self._metric = schedule, base, find_metric(metric)
        self._rates: np.ndarray | None = None
        self._plateau: ReduceOnPlateau | None = None
        self._monitor = ""
        self._steps = 0
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Compute the rates of all steps."""
        self._plateau, self._monitor = None, ""
        steps = self.params.get("steps")
        if steps is None:
            raise UsageError(
                "A schedule needs the number of steps, but the length of these data is unknown. "
                "Give `steps_per_epoch` to `fit`."
            )
        self._steps = int(steps)
        epochs = self._planned or int(self.params["epochs"])
        self._rates = learning_rates(self._schedule, self._base, max(1, self._steps * epochs))
        if self._rates is None:
            self._set(self._base)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch, for its place in the schedule."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate of this step."""
        if self._rates is not None:
            self._set(self._rates[min(self._epoch * self._steps + batch, len(self._rates) - 1)])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Let a plateau schedule observe what was measured."""
        if self._rates is not None or not logs:
            return
        if self._plateau is None:
            self._monitor, maximize = self._watched(logs)
            self._plateau = plateau_state(self._schedule, self._base, maximize)
        if self._plateau is not None and self._monitor in logs:
            self._set(self._plateau.observe(float(logs[self._monitor])))

    def _watched(self, logs: dict[str, Any]) -> tuple[str, bool]:
        """Choose the entry of the logs to watch; return its key and whether higher is better."""
        name, up = self._metric.name, self._metric.objective.maximize
        candidates = {OBJECTIVE: up, f"val_{name}": up, "val_loss": False, name: up, "loss": False}
        found = next(key for key in (*candidates, *logs) if key in logs)
        return found, candidates.get(found, False)

    def _set(self, rate: float) -> None:
        self.model.optimizer.learning_rate = float(rate)
