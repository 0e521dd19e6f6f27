"""The weights of the epoch that gives the model of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import EpochSelector, Recipe
from tuner.engines.variable_io import preserved, read, write


class SelectedWeights:
    """Holds the weights of the selected epoch of one training while others are trained.

    Args:
        recipe: What is trained.
        weights: Variables that are trained.
        statistics: Other variables that prediction depends on.
        optimizer: May keep averages of the weights.

    Attributes:
        selector: Selects the epoch.
    """

    def __init__(
        self, recipe: Recipe, weights: Sequence[Any], statistics: Sequence[Any], optimizer: keras.optimizers.Optimizer
    ) -> None:
        self.selector = EpochSelector(recipe)
        self._weights, self._statistics, self._optimizer = list(weights), list(statistics), optimizer
        self._averages = bool(getattr(optimizer, "inner_optimizer", optimizer).use_ema)
        self._losses: list[float] = []
        self._held: list[tf.Tensor] = []

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        """Set the weights to what a model of this epoch has: their averages, if the optimizer keeps any."""
        if not self._averages:
            yield
            return
        with preserved(self._weights):
            self._optimizer.finalize_variable_values(self._weights)
            yield

    def observe(self, value: float, loss: float) -> None:
        """Observe an epoch's objective and loss on the validation part, and hold its weights if it is selected."""
        self._losses.append(loss)
        if not self.selector.observe(value, loss):
            return
        if self._averages or not self.selector.selects_last:
            with self.evaluated():
                self._held = read([*self._weights, *self._statistics])

    def select(self) -> None:
        """Set the weights to those of the selected epoch, at the end of the training."""
        if self._held:
            write([*self._weights, *self._statistics], self._held)

    def state(self) -> tuple[Sequence[np.ndarray], dict[str, Any]]:
        """Return the state for `restore`: arrays and plain JSON."""
        return [tensor.numpy() for tensor in self._held], {"val_losses": list(self._losses)}

    def restore(self, values: Sequence[float], held: Sequence[np.ndarray], plain: Mapping[str, Any]) -> None:
        """Resume from a state.

        Args:
            values: The objective after each epoch so far.
            held: The arrays of `state`.
            plain: The JSON of `state`.
        """
        self._losses, self._held = [*plain["val_losses"]], [tf.constant(array) for array in held]
        self.selector.observe_all(zip(values, self._losses, strict=True))
