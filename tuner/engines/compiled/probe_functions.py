"""Probes by one function: loss, gradients and shares of one forward pass in inference."""

from __future__ import annotations

from collections.abc import Sequence

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
    rows = [tf.raw_ops.GatherV2(params=part, indices=chosen, axis=0) for part in train]
    try:
        probe = program.probe()
    except Exception as error:  # custom layers may rely on Keras's own training loop
        raise UnsupportedError(f"it could not be probed: {format_error(error)}") from error

    def measure() -> ProbeMeasurement:
        loss, *gradients, shares = probe(*rows)
        return ProbeMeasurement(float(loss), weights.unflatten(gradients), shares.numpy())

    def constant_loss() -> float:
        weight = rows[2].numpy() if len(rows) > 2 else None
        outputs = constant_outputs(rows[1].numpy(), weight, network.layers.head)
        return float(program.validation_loss(outputs, *rows[1:])[0])

    return Prober(network.layers, measure, constant_loss, weights.arrays, steps_per_epoch(split.train, recipe), probes)
