"""Probes of a training, by the pieces that train it as far as these will do.

Where a network is plain (no dropout, no batch normalisation, no penalties: see `is_plain`), the gradient of a step is
what a probe asks for, and nothing is traced.  For others there is one piece more, one a network: the backward pass as
in prediction, from the gradient of the loss for the raw outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.data import Split
from tuner.engines.compiled.flat_weights import Weights
from tuner.engines.compiled.graph_functions import GraphFunction, row_specs, trace
from tuner.engines.compiled.lru_cache import BuildTimer, LruCache
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.prober import ProbeMeasurement, Prober, constant_prediction, steps_of
from tuner.errors import UnsupportedError
from tuner.health import probe_rows

_KEPT = 256


class HealthPieces:
    """The pieces of a worker for networks that are not plain, found by the objects whose variables they read.

    Args:
        clock: Counts them.
    """

    def __init__(self, clock: BuildTimer) -> None:
        self._clock = clock
        self._backward: LruCache[GraphFunction] = LruCache(_KEPT, clock)

    def prober(
        self, program: TrainingProgram, recipe: Recipe, split: Split, train: Sequence[tf.Tensor], probes: Sequence[int]
    ) -> Prober:
        """Makes the probes of a training that is about to begin.

        Args:
            program: What trains.
            recipe: What is trained.
            split: Its data.
            train: The training rows as pieces take them.
            probes: Epochs after which there is a probe.

        Raises:
            UnsupportedError: A layer cannot be traced in this way.
        """
        network, weights, chosen = program.network, program.weights, probe_rows(len(split.train))
        rows = [tf.gather(part, chosen) for part in train]
        gradient = self._gradient(program, rows)

        def look() -> ProbeMeasurement:
            _, raw, shares = program.outputs(rows[0])
            loss, gradients = gradient(raw)
            return ProbeMeasurement(loss, gradients, shares.numpy())

        def constant_loss() -> float:
            weight = rows[2].numpy() if len(rows) > 2 else None
            answer = tf.constant(constant_prediction(rows[1].numpy(), weight, network.layers.head))
            outputs = answer if network.layers.head is None else network.layers.head(answer)
            return float(program.measured(outputs, *rows[1:])[0])

        return Prober(network.layers, look, constant_loss, weights.arrays, steps_of(split.train, recipe), probes)

    def _gradient(
        self, program: TrainingProgram, rows: Sequence[tf.Tensor]
    ) -> Callable[[tf.Tensor], tuple[float, list[np.ndarray]]]:
        """Gives the loss, and its gradient for each weight, from the outputs before the head."""
        network, weights, (x, *rest) = program.network, program.weights, rows

        def of_a_step(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
            loss, *gradients = program.gradient(*rows)
            return float(loss), weights.in_shapes(gradients)

        if network.plain:
            return of_a_step
        specs = row_specs(x.shape[1:], rows[1].shape[1], len(rows) > 2)
        try:
            backward = self._backward.get(
                (network, weights), lambda: backward_piece(network, weights, specs, self._clock)
            )
        except Exception as error:  # layers of others may do what only a Keras training allows
            text = " ".join(str(error).split())[:300]
            raise UnsupportedError(f"it could not be probed: {type(error).__name__}: {text}") from error

        def by_pieces(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
            loss, by_raw = program.loss_gradient(raw, *rest)
            return float(loss), [tensor.numpy() for tensor in backward(x, by_raw)]

        return by_pieces


def backward_piece(
    network: Network, weights: Weights, specs: Sequence[tf.TensorSpec], clock: BuildTimer
) -> GraphFunction:
    """`(x, gradient of the outputs before the head)` → the gradient for each weight, in its shape."""

    def backward(x: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        parts = weights.parts()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            with network.layers.record_activations() as noted:
                outputs = network.call(parts, x, training=False)[0]
            raw = outputs if noted.raw is None else noted.raw
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(raw, parts, output_gradients=gradient, unconnected_gradients=zero)
        return [tf.convert_to_tensor(tensor) for tensor in found]

    return trace(backward, specs[:2], clock)
