"""Gradient probes, reusing the training functions if possible.

If a network is the same in training and inference (no dropout, batch normalisation or penalties), the gradient of a
step is that of a probe.  For others, one more function is traced for each network: the backward pass in inference, from
the gradient of the loss for the raw outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from cachetools import LRUCache

from tuner.catalog import Recipe
from tuner.data import Split
from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.training_functions import GraphFunction, row_specs, trace
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.prober import ProbeMeasurement, Prober, constant_outputs, steps_per_epoch
from tuner.errors import UnsupportedError
from tuner.health import probe_rows
from tuner.text import format_error

_MAX_FUNCTIONS = 256


class ProbeFunctions:
    """The backward passes of a worker, for networks that differ in training and inference.

    Args:
        timer: Counts them.
    """

    def __init__(self, timer: BuildTimer) -> None:
        self._timer = timer
        self._backward: LRUCache[tuple[Network, Weights], GraphFunction] = LRUCache(_MAX_FUNCTIONS)

    def make_prober(
        self, program: TrainingProgram, recipe: Recipe, split: Split, train: Sequence[tf.Tensor], probes: Sequence[int]
    ) -> Prober:
        """Return the prober of a training that is about to begin.

        Args:
            program: Trains it.
            recipe: Its recipe.
            split: Its data.
            train: The training rows as tensors.
            probes: Epochs after which to probe.

        Raises:
            UnsupportedError: A layer cannot be traced.
        """
        network, weights, chosen = program.network, program.weights, probe_rows(len(split.train))
        rows = [tf.gather(part, chosen) for part in train]
        gradient = self._gradient_function(program, rows)

        def measure() -> ProbeMeasurement:
            _, raw, shares = program.outputs(rows[0])
            loss, gradients = gradient(raw)
            return ProbeMeasurement(loss, gradients, shares.numpy())

        def constant_loss() -> float:
            weight = rows[2].numpy() if len(rows) > 2 else None
            outputs = constant_outputs(rows[1].numpy(), weight, network.layers.head)
            return float(program.validation_loss(outputs, *rows[1:])[0])

        return Prober(
            network.layers, measure, constant_loss, weights.arrays, steps_per_epoch(split.train, recipe), probes
        )

    def _gradient_function(
        self, program: TrainingProgram, rows: Sequence[tf.Tensor]
    ) -> Callable[[tf.Tensor], tuple[float, list[np.ndarray]]]:
        """Return a function from raw outputs to the loss and its gradient for each weight."""
        network, weights, (x, *rest) = program.network, program.weights, rows

        def from_step(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
            loss, *gradients = program.gradient(*rows)
            return float(loss), weights.unflatten(gradients)

        if network.same_in_training:
            return from_step
        specs = row_specs(x.shape[1:], rows[1].shape[1], len(rows) > 2)
        try:
            backward = self._timer.get_or_build(
                self._backward, (network, weights), lambda: build_backward(network, weights, specs, self._timer)
            )
        except Exception as error:  # custom layers may rely on Keras's own training loop
            raise UnsupportedError(f"it could not be probed: {format_error(error)}") from error

        def from_functions(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
            loss, by_raw = program.loss_gradient(raw, *rest)
            return float(loss), [tensor.numpy() for tensor in backward(x, by_raw)]

        return from_functions


def build_backward(
    network: Network, weights: Weights, specs: Sequence[tf.TensorSpec], timer: BuildTimer
) -> GraphFunction:
    """Build `(x, gradient of the raw outputs)` → the gradient for each weight, in its shape."""

    def backward(x: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        parts = weights.tensors()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            with network.layers.record_activations() as activations:
                outputs = network.call(parts, x, training=False)[0]
            raw = outputs if activations.raw is None else activations.raw
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(raw, parts, output_gradients=gradient, unconnected_gradients=zero)
        return [tf.convert_to_tensor(tensor) for tensor in found]

    return trace(backward, specs[:2], timer)
