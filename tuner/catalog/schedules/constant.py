"""The same rate at every step."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import ScheduleEntry


def constant(steps: np.ndarray, total_steps: int, base: float) -> np.ndarray:
    """`rate = base`, float64 of the shape of `steps`."""
    return np.full(np.shape(steps), base, dtype=np.float64)


CONSTANT = ScheduleEntry(
    "constant",
    "the base rate at every step",
    "https://keras.io/api/optimizers/",
    constant,
    default=True,
    constant=True,
)
