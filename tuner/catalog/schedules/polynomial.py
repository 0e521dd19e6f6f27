"""The rate falls as a power of what remains of the training."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.catalog.schedules._options import end_ratio as _end_ratio
from tuner.space import Float


def polynomial(
    steps: np.ndarray, total_steps: int, base: float, power: float = 1.0, end_ratio: float = 0.0
) -> np.ndarray:
    """`rate = base * (end_ratio + (1 - end_ratio) * (1 - step / total_steps) ** power)`.

    This is Keras's `PolynomialDecay` with `decay_steps = total_steps` and `end_learning_rate = base * end_ratio`.

    Args:
        steps: Integers, shape `(k,)`, counted from 0; steps beyond the end keep its rate.
        total_steps: Steps of the whole training, at least 1.
        base: Rate of the first step.
        power: 1 is a straight line, 2 a parabola.
        end_ratio: Rate after `total_steps` steps, as a share of `base`.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    done = np.minimum(np.asarray(steps, dtype=np.float64), total_steps) / total_steps
    return base * (end_ratio + (1.0 - end_ratio) * np.power(1.0 - done, power))


POLYNOMIAL = ScheduleEntry(
    "polynomial",
    "falls as a power of what remains; a straight line by default",
    "https://keras.io/api/optimizers/learning_rate_schedules/polynomial_decay/",
    polynomial,
    (
        Option("power", 1.0, Float(0.5, 3.0), Float(0.01, 100.0), "1 is a straight line, 2 a parabola"),
        _end_ratio(0.0, Float(0.0, 0.2)),
    ),
)
