"""The probes of one training: which weights there were at the probe before, and how many steps ago.

Engines say how their network is called; what is measured, on which rows and with which loss is here and in
`tuner.health`, the same for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.catalog import Recipe
from tuner.data import Subset
from tuner.engines.evaluation import sample_weight
from tuner.errors import CheckpointError
from tuner.health import LayerMonitor, Probe, build_probe, probe_rows

_RARE = 1e-6
"""Least probability of a class in a constant answer."""


@dataclass(frozen=True)
class ProbeMeasurement:
    """What an engine measured with some weights.

    Attributes:
        loss: On the probe's rows, without penalties.
        gradients: Of this loss, for each of the model's `trainable_variables`.
        shares: See `LayerMonitor.unit_shares`.
    """

    loss: float
    gradients: Sequence[np.ndarray]
    shares: np.ndarray


class Prober:
    """Makes the probes of one training.

    Args:
        layers: What is measured.
        look: Measures with the weights as they are.
        constant_loss: Gives the loss of a constant answer.
        weights: Gives them, as the model's `trainable_variables`; these arrays stay as they are.
        steps: Steps an epoch.
        epochs: Epochs after which there is a probe; none at all where it is empty.

    Attributes:
        look: As given.
    """

    def __init__(
        self,
        layers: LayerMonitor,
        look: Callable[[], ProbeMeasurement],
        constant_loss: Callable[[], float],
        weights: Callable[[], Sequence[np.ndarray]],
        steps: int,
        epochs: Sequence[int],
    ) -> None:
        self._layers, self.look, self._weights, self._steps = layers, look, weights, steps
        self._constant_loss = constant_loss
        self._epochs = frozenset(epochs)
        self._before: tuple[int, Sequence[np.ndarray]] | None = None
        self._start: tuple[Probe, ...] = ()

    def start(self) -> None:
        """Measure the initial weights, for the record of the first epoch."""
        if self._epochs:
            self._start = (self._probe(0),)

    def probe_if_due(self, epoch: int) -> tuple[Probe, ...]:
        """The probes for the record of an epoch."""
        if epoch not in self._epochs:
            return ()
        found, self._start = (*self._start, self._probe(epoch)), ()
        return found

    def state(self) -> tuple[Sequence[np.ndarray], dict[str, Any]]:
        """What `go_on` needs: arrays, and plain JSON."""
        then, weights = self._before or (None, ())
        start = [probe.to_json() for probe in self._start]
        return weights, {"epochs": sorted(self._epochs), "then": then, "start": start}

    def restore(self, weights: Sequence[np.ndarray], plain: Mapping[str, Any]) -> None:
        """Stand where the prober of an earlier training stood, in place of `start`.

        Raises:
            CheckpointError: That one had other epochs to measure after.
        """
        if plain["epochs"] != sorted(self._epochs):
            raise CheckpointError("the layers were measured after other epochs ([health] measure)")
        self._before = None if plain["then"] is None else (plain["then"], weights)
        self._start = tuple(Probe.from_json(probe) for probe in plain["start"])

    def _probe(self, epoch: int) -> Probe:
        look, weights, layers = self.look(), self._weights(), self._layers
        updates, constant_loss = None, None
        if self._before is None:
            constant_loss = self._constant_loss()
        else:
            then, previous = self._before
            changes = layers.norms([now - before for now, before in zip(weights, previous, strict=True)])
            sizes, steps = layers.norms(previous), (epoch - then) * self._steps
            updates = np.full(len(sizes), -1.0)
            np.divide(changes, sizes * steps, out=updates, where=sizes > 0)
        self._before = epoch, weights
        gradients = layers.norms(look.gradients)
        return build_probe(epoch, look.loss, layers.names, gradients, updates, look.shares, constant_loss)


def rows_of(part: Subset, recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The rows that probes of a training part look at: features, targets, and weights where rows have any."""
    chosen, weight = probe_rows(len(part)), sample_weight(part, recipe)
    return part.x[chosen], part.y[chosen], None if weight is None else weight[chosen]


def steps_of(part: Subset, recipe: Recipe) -> int:
    """Steps an epoch; the last one takes what is left."""
    return math.ceil(len(part) / recipe.batch_size)


def constant_prediction(y: np.ndarray, weight: np.ndarray | None, head: Callable[..., Any] | None) -> np.ndarray:
    """The mean target for every row, as outputs before the head of `Layers`; float32 of the shape of `y`, `(n, k)`."""
    mean = np.average(y.astype(np.float64), axis=0, weights=weight)
    if head is not None:
        mean = np.clip(mean, _RARE, 1.0 - _RARE)
        mean = np.log(mean) - (np.log1p(-mean) if head.__name__ == "sigmoid" else 0.0)
    return np.broadcast_to(mean, y.shape).astype(np.float32)
