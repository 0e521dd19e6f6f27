"""Gradient probes, reusing the training functions if possible.

If a network is the same in training and inference (no dropout, batch normalization or penalties), the gradient of a
step is that of a probe.  For others there is one more function: the backward pass in inference, from the gradient of
the loss for the raw outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.data import Split
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.prober import ProbeMeasurement, Prober, constant_outputs, steps_per_epoch
from tuner.errors import UnsupportedError
from tuner.health import probe_rows
from tuner.text import format_error


def make_prober(
    program: TrainingProgram, recipe: Recipe, split: Split, train: Sequence[tf.Tensor], probes: Sequence[int]
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
    gradient = _gradient_function(program, rows)

    def measure() -> ProbeMeasurement:
        _, raw, shares = program.outputs(rows[0])
        loss, gradients = gradient(raw)
        return ProbeMeasurement(loss, gradients, shares.numpy())

    def constant_loss() -> float:
        weight = rows[2].numpy() if len(rows) > 2 else None
        outputs = constant_outputs(rows[1].numpy(), weight, network.layers.head)
        return float(program.validation_loss(outputs, *rows[1:])[0])

    return Prober(network.layers, measure, constant_loss, weights.arrays, steps_per_epoch(split.train, recipe), probes)


def _gradient_function(
    program: TrainingProgram, rows: Sequence[tf.Tensor]
) -> Callable[[tf.Tensor], tuple[float, list[np.ndarray]]]:
    """Return a function from raw outputs to the loss and its gradient for each weight."""
    network, weights, (x, *rest) = program.network, program.weights, rows

    def from_step(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
        loss, *gradients = program.gradient(*rows)
        return float(loss), weights.unflatten(gradients)

    if network.same_in_training:
        return from_step
    try:
        backward = program.backward()
    except Exception as error:  # custom layers may rely on Keras's own training loop
        raise UnsupportedError(f"it could not be probed: {format_error(error)}") from error

    def from_functions(raw: tf.Tensor) -> tuple[float, list[np.ndarray]]:
        loss, by_raw = program.loss_gradient(raw, *rest)
        return float(loss), [tensor.numpy() for tensor in backward(x, by_raw)]

    return from_functions
