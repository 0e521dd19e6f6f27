"""A probe: measurements of a network's layers at one moment of its training.

The same training rows pass through the network, forward and backward, in inference mode (no dropout, moving statistics
in batch normalization).  So a probe changes nothing, its numbers are comparable between epochs, and its loss with
`val_loss`.  The loss has the sample weights of training, and no penalties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_PROBE_GROWTH = 0.2
"""Share of the epochs so far after which the next probe comes, rounded up."""
_MIN_ROWS, _MAX_ROWS = 64, 256
_ROWS_DIVISOR = 8
_SEED = 256


@dataclass(frozen=True)
class LayerHealth:
    """A probe of one layer; None if there is nothing to measure.

    Attributes:
        layer: Its Keras name.
        gradient_norm: Euclidean norm of the gradient of the loss for all weights of the layer.
        update_ratio: Mean size of a step: the norm of the change of the weights since the previous probe, over the
            steps between and the norm of the weights then.  None at the first probe.  Steps that cancel each other
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
    """The measurements at one moment.

    Attributes:
        epoch: Epochs trained until then; 0 for the initial weights.
        loss: On the probe's rows, without penalties.
        layers: Those with trainable weights or a measured activation, from input to output.
        constant_loss: Loss if the mean target is predicted for every row; with the initial weights only.
    """

    epoch: int
    loss: float
    layers: tuple[LayerHealth, ...]
    constant_loss: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the probe as plain JSON."""
        return {**vars(self), "layers": [dict(vars(layer)) for layer in self.layers]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Probe:
        """Restore a probe from `to_json`."""
        return cls(**{**content, "layers": tuple(LayerHealth(**layer) for layer in content["layers"])})


def probe_epochs(epochs: int) -> tuple[int, ...]:
    """Return the epochs after which a training is probed: the first six, each a fifth later from then on, and the last.

    So it is probed the more seldom, the less changes from epoch to epoch: 10 times in 15 epochs, 20 times in 100.
    """
    found = [1]
    while found[-1] < epochs:
        found.append(min(found[-1] + math.ceil(_PROBE_GROWTH * found[-1]), epochs))
    return tuple(found)


def probe_rows(rows: int) -> np.ndarray:
    """Return the indices of the probe's rows in a training part, the same for each trial and engine, int64 `(m,)`.

    An eighth of the rows, so that probes cost a small share of any epoch, but at least 64 of them (or all), and at most
    256, which measures shares of units to 3 %.
    """
    chosen = min(max(rows // _ROWS_DIVISOR, _MIN_ROWS), _MAX_ROWS)
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
    """Build a probe from measurements of L layers; -1 if not measured.

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
    layers = tuple(LayerHealth(name, *map(_none_if_unmeasured, numbers)) for name, *numbers in rows)
    return Probe(epoch, loss, layers, constant_loss)


def _none_if_unmeasured(value: float) -> float | None:
    return None if value == -1 else float(value)
