"""Decide whether XLA compiles the epochs of a trial, by a measurement for each network of long trainings.

XLA makes a step of a dense network two to three times faster, and takes a second to compile.  On a CPU it makes
convolutions twenty times slower.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.data import DataFacts
from tuner.engines.base import StepTimes
from tuner.engines.compiled.epoch_runner import run_epoch_graph
from tuner.engines.compiled.training_functions import GraphFunction
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.network_key import network_key

MIN_TOTAL_S = 8.0
"""Estimated time of all trainings of one kind from which XLA is measured."""
MIN_SPEEDUP = 1.25
"""Required speedup; above 1, so that noise does not change the choice for a network."""
_STEP_OVERHEAD_S = 1e-4
"""Overhead of a step in TensorFlow."""
_FLOPS = 4e10
"""Floating-point operations a second on one core."""
_PROBE_STEPS, _XLA_PROBE_STEPS, _MAX_SLOWDOWN = 8, 2, 5.0
"""Steps of the first measurement, and the slowdown by XLA above which it is the last."""
_ROUNDS, _ROUND_MS = 5, 20.0


class XlaPolicy:
    """The choice, by measurements and the expected work of a study.

    It depends on the recipe, the study and `step_times`, never on earlier trials of a worker: otherwise rounding would
    differ from run to run.

    Args:
        trainings: Trainings of one kind that the study may have.

    Attributes:
        step_times: Measurements by network; entries put here are not measured again.
    """

    def __init__(self, trainings: float) -> None:
        self._trainings = trainings
        self.step_times: dict[str, StepTimes] = {}

    def decide(
        self,
        program: TrainingProgram,
        recipe: Recipe,
        facts: DataFacts,
        rows: Sequence[tf.Tensor],
        sizes: Sequence[int],
        reset: Callable[[], object],
    ) -> bool:
        """Return whether XLA compiles the epochs of a training.

        Args:
            program: Trains the recipe.
            recipe: Of the training.
            facts: Of the data.
            rows: The training rows.
            sizes: Rows of each batch.
            reset: Prepares the program again for its first step; called after a measurement with it.
        """
        expected = self._trainings * estimate_seconds(program.network.size, sizes, recipe.epochs)
        if expected < MIN_TOTAL_S or not program.xla_equivalent:
            return False
        key = hashlib.sha256(network_key(recipe, facts).encode()).hexdigest()[:12]
        if key not in self.step_times:
            self.step_times[key] = measure_step_times(program, rows, sizes)
            reset()
        run, compiled = self.step_times[key]
        return compiled is not None and run >= MIN_SPEEDUP * compiled


def estimate_seconds(weights: int, sizes: Sequence[int], epochs: int) -> float:
    """Estimate how long a training takes without XLA, at six operations for each weight and row.

    Args:
        weights: Number of trainable parameters.
        sizes: Rows of each batch.
        epochs: Number of epochs.
    """
    return epochs * (len(sizes) * _STEP_OVERHEAD_S + sum(sizes) * weights * 6 / _FLOPS)


def measure_step_times(program: TrainingProgram, rows: Sequence[tf.Tensor], sizes: Sequence[int]) -> StepTimes:
    """Measure the milliseconds of a step, medians of alternating rounds; changes the variables of the program."""
    order, rates = np.arange(sum(sizes), dtype=np.int32), np.zeros(len(sizes), np.float32)
    whole = sum(size == sizes[0] for size in sizes)

    def took(epoch: GraphFunction, steps: int) -> float:
        began = time.perf_counter()
        run_epoch_graph(epoch, steps, rows, order, sizes[0], rates)
        return 1e3 * (time.perf_counter() - began) / steps

    run = program.epochs.epoch_graph()
    compiled = program.epochs.xla_epoch_graph(program.xla_gradient(), rows, sizes[0])
    took(run, 1)  # TensorFlow prepares it
    by_run = took(run, min(whole, _PROBE_STEPS))
    if compiled is None:
        return round(by_run, 4), None
    took(compiled, 1)
    by_xla = took(compiled, min(whole, _XLA_PROBE_STEPS))
    if by_xla < _MAX_SLOWDOWN * by_run:
        steps = max(1, min(whole, int(_ROUND_MS / by_run)))
        rounds = [(took(run, steps), took(compiled, steps)) for _ in range(_ROUNDS)]
        by_run, by_xla = (median(times) for times in zip(*rounds, strict=True))
    return round(by_run, 4), round(by_xla, 4)
