"""Whether XLA compiles the epochs of a trial: where that is worth it, it is measured once for each network.

XLA makes a step of a dense network two to three times faster, and needs a second for each program.  On a CPU it makes
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
from tuner.engines.compiled.epoch_runner import call
from tuner.engines.compiled.graph_functions import GraphFunction
from tuner.engines.compiled.program_cache import network_key
from tuner.engines.compiled.training_program import TrainingProgram

MIN_TOTAL_S = 8.0
"""Time of all trainings of one kind, by the estimate, from which XLA is looked at."""
FASTER = 1.25
"""So much faster it must be: a network for which both are nearly the same should get the same choice each time."""
_STEP_S = 1e-4
"""A step without its arithmetic, as TensorFlow runs it."""
_OPERATIONS = 4e10
"""Additions and multiplications a second, on one core."""
_FIRST, _FIRST_BY_XLA, _HOPELESS = 8, 2, 5.0
"""Steps that are looked at first, and how much slower one by XLA is then not looked at again."""
_ROUNDS, _ROUND_MS = 5, 20.0


class XlaPolicy:
    """The choice, by what is measured and by what a study expects.

    Whether a trial is trained by XLA follows from its recipe, the study and `measured`, and not from what a worker has
    trained before: else its numbers would differ in rounding from one run to the next.

    Args:
        trainings: How many trainings of one kind the study may have.

    Attributes:
        measured: By network, milliseconds of a step.
    """

    def __init__(self, trainings: float) -> None:
        self._trainings = trainings
        self.measured: dict[str, StepTimes] = {}

    def decide(
        self,
        program: TrainingProgram,
        recipe: Recipe,
        facts: DataFacts,
        rows: Sequence[tf.Tensor],
        sizes: Sequence[int],
        anew: Callable[[], object],
    ) -> bool:
        """The choice for a training.

        Args:
            program: Trains the recipe.
            recipe: Of the training.
            facts: Of the data.
            rows: The training rows.
            sizes: Rows of each batch.
            anew: Makes the program ready for its first step; called where something was measured with it.
        """
        expected = self._trainings * seconds(program.network.size, sizes, recipe.epochs)
        if expected < MIN_TOTAL_S or not program.same_by_xla:
            return False
        key = hashlib.sha256(network_key(recipe, facts).encode()).hexdigest()[:12]
        if key not in self.measured:
            self.measured[key] = step_times(program, rows, sizes)
            anew()
        run, compiled = self.measured[key]
        return compiled is not None and run >= FASTER * compiled


def seconds(weights: int, sizes: Sequence[int], epochs: int) -> float:
    """About how long a training takes without XLA: each weight takes part in six operations a row.

    Args:
        weights: How many numbers are trained.
        sizes: Rows of each batch.
        epochs: How often they are passed.
    """
    return epochs * (len(sizes) * _STEP_S + sum(sizes) * weights * 6 / _OPERATIONS)


def step_times(program: TrainingProgram, rows: Sequence[tf.Tensor], sizes: Sequence[int]) -> StepTimes:
    """Milliseconds of a step, medians of rounds in turn; what the program holds is other numbers afterwards."""
    order, rates = np.arange(sum(sizes), dtype=np.int32), np.zeros(len(sizes), np.float32)
    whole = sum(size == sizes[0] for size in sizes)

    def took(epoch: GraphFunction, steps: int) -> float:
        began = time.perf_counter()
        call(epoch, steps, rows, order, sizes[0], rates)
        return 1e3 * (time.perf_counter() - began) / steps

    run, compiled = program.epochs.in_one(), program.epochs.compiled(rows, sizes[0])
    took(run, 1)  # TensorFlow prepares it
    by_run = took(run, min(whole, _FIRST))
    if compiled is None:
        return round(by_run, 4), None
    took(compiled, 1)
    by_xla = took(compiled, min(whole, _FIRST_BY_XLA))
    if by_xla < _HOPELESS * by_run:
        steps = max(1, min(whole, int(_ROUND_MS / by_run)))
        rounds = [(took(run, steps), took(compiled, steps)) for _ in range(_ROUNDS)]
        by_run, by_xla = (median(times) for times in zip(*rounds, strict=True))
    return round(by_run, 4), round(by_xla, 4)
