"""The rate drops by a factor at equal intervals."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.space import Float, Int


def step(steps: np.ndarray, total_steps: int, base: float, drops: int = 2, factor: float = 0.1) -> np.ndarray:
    """`rate = base * factor ** floor(step * (drops + 1) / total_steps)`.

    Where `drops + 1` divides `total_steps`, this is Keras's `ExponentialDecay(staircase=True)` with
    `decay_steps = total_steps / (drops + 1)` and `decay_rate = factor`.

    Args:
        steps: Integers, shape `(k,)`, counted from 0; steps beyond the last keep its rate.
        total_steps: Steps of the whole training, at least 1.
        base: Rate of the first step.
        drops: How often the rate drops.
        factor: What it is multiplied by.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    within = np.minimum(np.asarray(steps, dtype=np.int64), total_steps - 1)
    ratios: np.ndarray = np.power(float(factor), within * (drops + 1) // total_steps)
    return base * ratios


STEP = ScheduleEntry(
    "step",
    "drops by a factor at equal intervals",
    "https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/ (staircase)",
    step,
    (
        Option("drops", 2, Int(1, 5), Int(1, 1000), "how often the rate drops"),
        Option("factor", 0.1, Float(0.1, 0.9), Float(1e-6, 1.0), "what the rate is multiplied by at a drop"),
    ),
    default=True,
)
