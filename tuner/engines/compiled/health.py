"""Probes of a training by pieces of their own, beside those that train.

A probe is three calls, at most nine times in a training: the outputs before the head, which the piece for validation
gives as well; the gradient of the loss for these, a piece a loss; and the backward pass, a piece a network.  One piece
for each pair of network and loss would be traced three times as often.  The loss begins before the head, as
Keras computes cross-entropies from there: probabilities that are rounded to 0 have lost their gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tuner.data import Split
from tuner.engines.compiled.kept import Clock, Kept
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.numbers_of import SharedLoss
from tuner.engines.compiled.pieces import Piece, row_specs
from tuner.engines.compiled.weights import Weights
from tuner.engines.prober import Look, Prober, constant_answer, rows_of, steps_of
from tuner.errors import UnsupportedError
from tuner.training import Recipe

_KEPT = 256


class HealthPieces:
    """The pieces of a worker, found by the objects whose variables they read.

    Args:
        clock: Counts them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backward: Kept[Piece] = Kept(_KEPT, clock)
        self._loss: Kept[Piece] = Kept(_KEPT, clock)

    def prober(
        self,
        network: Network,
        weights: Weights,
        loss: SharedLoss,
        outputs: Piece,
        recipe: Recipe,
        split: Split,
        probes: Sequence[int],
    ) -> Prober:
        """Makes the probes of a training that is about to begin.

        Args:
            network: The network that is trained.
            weights: Its weights.
            loss: The loss.
            outputs: See `outputs_piece`.
            recipe: What is trained.
            split: Its data.
            probes: Epochs after which there is a probe.

        Raises:
            UnsupportedError: A layer cannot be traced in this way.
        """
        x, y, weight = rows_of(split.train, recipe)
        rows, head = row_specs(x.shape[1:], y.shape[1], weight is not None), network.layers.head
        given = [tf.constant(part) for part in (x, y, *([] if weight is None else [weight]))]
        key = (loss, None if head is None else head.__name__, len(rows), y.shape[1])
        try:
            backward = self._backward.get(
                (network, weights), lambda: backward_piece(network, weights, rows, self._clock)
            )
            loss_gradient = self._loss.get(key, lambda: loss_gradient_piece(loss, head, rows, self._clock))
        except Exception as error:  # layers of others may do what only a Keras training allows
            text = " ".join(str(error).split())[:300]
            raise UnsupportedError(f"it could not be probed: {type(error).__name__}: {text}") from error

        def look() -> Look:
            value, gradient = loss_gradient(outputs(given[0])[1], *given[1:])
            shares, *gradients = backward(given[0], gradient)
            return Look(float(value), [tensor.numpy() for tensor in gradients], shares.numpy())

        def constant_loss() -> float:
            return float(loss_gradient(tf.constant(constant_answer(y, weight, head)), *given[1:])[0])

        return Prober(network.layers, look, constant_loss, weights.arrays, steps_of(split.train, recipe), probes)


def backward_piece(network: Network, weights: Weights, rows: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """`(x, gradient of the outputs before the head)` → `Layers.shares`, then the gradient for each weight."""

    def backward(x: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        parts = weights.parts()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            with network.layers.watching() as noted:
                outputs = network.call(parts, x, training=False)[0]
            raw = outputs if noted.raw is None else noted.raw
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(raw, parts, output_gradients=gradient, unconnected_gradients=zero)
        return [network.layers.shares(noted), *(tf.convert_to_tensor(tensor) for tensor in found)]

    return Piece(backward, rows[:2], clock)


def loss_gradient_piece(
    loss: SharedLoss, head: Callable[[Any], Any] | None, rows: Sequence[tf.TensorSpec], clock: Clock
) -> Piece:
    """`(outputs before the head, y[, weight])` → the loss without penalties, and its gradient for these outputs."""

    def gradient(raw: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            value = loss.loss(y, raw if head is None else head(raw), sample_weight=weight)
        return [value, tape.gradient(value, raw)]

    return Piece(gradient, [rows[1], *rows[1:]], clock)
