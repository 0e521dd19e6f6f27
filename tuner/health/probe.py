"""A probe: a look at the layers of a network at one moment of its training.

The same rows of the training part are sent through the network, forward and backward, as in prediction: dropout and
augmentation are off, and batch normalisation uses its moving statistics.  So a probe changes nothing, its numbers
can be compared from epoch to epoch, and its loss with `val_loss`.  The loss is weighted as in training, without
penalties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PROBE_EPOCHS = 100
"""A longer training is probed after so many of its epochs: what is stored of a trial stays bounded."""

_EACH = 10
_FEWEST_ROWS, _MOST_ROWS = 64, 256
_ROWS_OF_EPOCH = 8
_SEED = 256


@dataclass(frozen=True)
class LayerHealth:
    """What a probe found in one layer; None where there is nothing to measure.

    Attributes:
        layer: Its Keras name.
        gradient_norm: Euclidean norm of the gradient of the loss for all weights of the layer.
        update_ratio: Mean size of a step: the norm of the change of the weights since the probe before, over the steps
            between, over the norm that the weights had then.  None at the first probe.  Steps that cancel each other
            make it smaller than the size of a single one.
        dead_share: Share of the units (channels) of a ReLU that are 0 for every row.
        saturated_share: Share of the values of a sigmoid or tanh where its slope is below 2 % of the steepest one.
    """

    layer: str
    gradient_norm: float | None = None
    update_ratio: float | None = None
    dead_share: float | None = None
    saturated_share: float | None = None


@dataclass(frozen=True)
class Probe:
    """What was found at one moment.

    Attributes:
        epoch: Epochs trained until then; 0 for the initial weights.
        loss: On the probe's rows, without penalties.
        layers: Those with weights that are trained or an activation that is watched, from input to output.
        constant_loss: Loss of the mean target as the answer for every row, which needs no features: with the initial
            weights only.
    """

    epoch: int
    loss: float
    layers: tuple[LayerHealth, ...]
    constant_loss: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The probe as plain JSON."""
        return {**vars(self), "layers": [dict(vars(layer)) for layer in self.layers]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Probe:
        """The probe of `to_json`."""
        return cls(**{**content, "layers": tuple(LayerHealth(**layer) for layer in content["layers"])})


def probe_epochs(epochs: int) -> tuple[int, ...]:
    """Epochs after which a training is probed, besides its start: all of them up to `PROBE_EPOCHS`; of a longer
    training each of the first ten, the last, and others evenly between.
    """
    if epochs <= PROBE_EPOCHS:
        return tuple(range(1, epochs + 1))
    later = np.linspace(_EACH, epochs, PROBE_EPOCHS - _EACH + 1).round().astype(int)[1:]
    return (*range(1, _EACH + 1), *later.tolist())


def probe_rows(rows: int) -> np.ndarray:
    """Indices of the probe's rows in a training part: the same ones for each trial and engine, int64 `(m,)`.

    An eighth of the rows, so that probes cost a small share of any epoch; but at least 64 of them (or all), and at most
    256, by which shares of units are known to 3 %.
    """
    chosen = min(max(rows // _ROWS_OF_EPOCH, _FEWEST_ROWS), _MOST_ROWS)
    return np.random.default_rng(_SEED).permutation(rows)[:chosen]


def build_probe(
    epoch: int,
    loss: float,
    names: Sequence[str],
    gradients: np.ndarray,
    updates: np.ndarray | None,
    shares: np.ndarray,
    constant_loss: float | None = None,
) -> Probe:
    """The probe from numbers of L layers; -1 stands for nothing to measure.

    Args:
        epoch: Epochs trained until then.
        loss: On the probe's rows.
        names: Names of the layers.
        gradients: Norms of the gradients, `(L,)`.
        updates: Mean size of a step, `(L,)`; None at the first probe.
        shares: See `LayerMonitor.unit_shares`, `(2, L)`.
        constant_loss: See `Probe`.
    """
    dead, saturated = shares
    updates = np.full(len(names), -1.0) if updates is None else updates
    rows = zip(names, gradients, updates, dead, saturated, strict=True)
    layers = tuple(LayerHealth(name, *map(_number, numbers)) for name, *numbers in rows)
    return Probe(epoch, loss, layers, constant_loss)


def _number(value: float) -> float | None:
    return None if value == -1 else float(value)
