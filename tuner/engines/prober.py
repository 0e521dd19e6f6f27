"""Probe one training by measurements of its engine.

Engines call their network; rows, loss and measured quantities are defined here and in `tuner.health`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tuner.catalog import Recipe
from tuner.data import Subset
from tuner.engines.objective_and_sample_weights import compute_sample_weight
from tuner.errors import CheckpointError
from tuner.health import LayerMonitor, Probe, build_probe, probe_rows

_MIN_PROBABILITY = 1e-6
"""Lowest probability of a class in a constant prediction."""


@dataclass(frozen=True)
class ProbeMeasurement:
    """An engine's measurement with the current weights.

    Attributes:
        loss: On the probe's rows, without penalties.
        gradients: Of this loss, for each of the model's `trainable_variables`.
        shares: See `LayerMonitor.unit_shares`.
    """

    loss: float
    gradients: Sequence[np.ndarray]
    shares: np.ndarray


class Prober:
    """Probes one training.

    Args:
        layers: The measured layers.
        measure: Measures with the current weights.
        constant_loss: Returns the loss of a constant prediction.
        weights: Returns copies of the weights, in the order of the model's `trainable_variables`.
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs after which to probe; if empty, there are no probes.

    Attributes:
        measure: As given.
    """

    def __init__(
        self,
        layers: LayerMonitor,
        measure: Callable[[], ProbeMeasurement],
        constant_loss: Callable[[], float],
        weights: Callable[[], Sequence[np.ndarray]],
        steps_per_epoch: int,
        epochs: Sequence[int],
    ) -> None:
        self._layers, self.measure, self._weights, self._steps_per_epoch = layers, measure, weights, steps_per_epoch
        self._constant_loss = constant_loss
        self._epochs = frozenset(epochs)
        self._previous: tuple[int, Sequence[np.ndarray]] | None = None
        self._start: tuple[Probe, ...] = ()

    def start(self) -> None:
        """Measure the initial weights, for the record of the first epoch."""
        if self._epochs:
            self._start = (self._probe(0),)

    def probe_if_due(self, epoch: int) -> tuple[Probe, ...]:
        """Return the probes for the record of an epoch."""
        if epoch not in self._epochs:
            return ()
        probes, self._start = (*self._start, self._probe(epoch)), ()
        return probes

    def state(self) -> tuple[Sequence[np.ndarray], dict[str, Any]]:
        """Return the state for `restore`: arrays and plain JSON."""
        then, weights = self._previous or (None, ())
        start = [probe.to_json() for probe in self._start]
        return weights, {"epochs": sorted(self._epochs), "then": then, "start": start}

    def restore(self, weights: Sequence[np.ndarray], plain: Mapping[str, Any]) -> None:
        """Restore the state of an earlier training, in place of `start`.

        Raises:
            CheckpointError: Its probes were due after other epochs.
        """
        if plain["epochs"] != sorted(self._epochs):
            raise CheckpointError("the layers were measured after different epochs ([health] measure)")
        self._previous = None if plain["then"] is None else (plain["then"], weights)
        self._start = tuple(Probe.from_json(probe) for probe in plain["start"])

    def _probe(self, epoch: int) -> Probe:
        measured, weights, layers = self.measure(), self._weights(), self._layers
        updates, constant_loss = None, None
        if self._previous is None:
            constant_loss = self._constant_loss()
        else:
            then, previous = self._previous
            changes = layers.norms([now - before for now, before in zip(weights, previous, strict=True)])
            sizes, steps = layers.norms(previous), (epoch - then) * self._steps_per_epoch
            updates = np.full(len(sizes), -1.0)
            np.divide(changes, sizes * steps, out=updates, where=sizes > 0)
        self._previous = epoch, weights
        gradients = layers.norms(measured.gradients)
        return build_probe(epoch, measured.loss, layers.names, gradients, updates, measured.shares, constant_loss)


def get_probe_rows(part: Subset, recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the rows of a training part that probes use: features, targets, and weights or None."""
    chosen, weight = probe_rows(len(part)), compute_sample_weight(part, recipe)
    return part.x[chosen], part.y[chosen], None if weight is None else weight[chosen]


def steps_per_epoch(part: Subset, recipe: Recipe) -> int:
    """Return the number of steps of an epoch, the last partial batch included."""
    return math.ceil(len(part) / recipe.batch_size)


def constant_outputs(y: np.ndarray, weight: np.ndarray | None, head: Callable[..., Any] | None) -> Any:
    """Return the mean target for every row as a tensor, `(n, k)` like `y`; by `LayerMonitor.head`, if there is one."""
    mean = np.average(y.astype(np.float64), axis=0, weights=weight)
    if head is not None:  # Keras computes cross-entropies from the logits
        mean = np.clip(mean, _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
        mean = np.log(mean) - (np.log1p(-mean) if head.__name__ == "sigmoid" else 0.0)
    outputs = keras.ops.convert_to_tensor(np.broadcast_to(mean, y.shape).astype(np.float32))
    return outputs if head is None else head(outputs)
