"""The rate falls by the same factor at every step."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import ScheduleEntry
from tuner.catalog.schedules._options import end_ratio as _end_ratio
from tuner.space import Float


def exponential(steps: np.ndarray, total_steps: int, base: float, end_ratio: float = 0.01) -> np.ndarray:
    """`rate = base * end_ratio ** (step / total_steps)`.

    This is Keras's `ExponentialDecay` with `decay_steps = total_steps` and `decay_rate = end_ratio`.

    Args:
        steps: Integers, shape `(k,)`, counted from 0; steps beyond the end keep its rate.
        total_steps: Steps of the whole training, at least 1.
        base: Rate of the first step.
        end_ratio: Rate after `total_steps` steps, as a share of `base`; above 0.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    done = np.minimum(np.asarray(steps, dtype=np.float64), total_steps) / total_steps
    return base * np.power(float(end_ratio), done)


EXPONENTIAL = ScheduleEntry(
    "exponential",
    "falls by the same factor at every step",
    "https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/",
    exponential,
    (_end_ratio(0.01, Float(1e-3, 0.5, log=True), lowest=1e-12),),
    default=True,
)
