"""The learning rates of a training, the same for every engine.  No Keras here."""

from __future__ import annotations

import numpy as np

from tuner.catalog.recipe import Choice
from tuner.catalog.schedules import SCHEDULES
from tuner.catalog.schedules.reduce_on_plateau import ReduceOnPlateau

OBJECTIVE = "objective"
"""Key of an epoch's logs under which an engine reports the objective on the validation part."""


def learning_rates(schedule: Choice, base: float, steps: int) -> np.ndarray | None:
    """Compute the rate of each step of a training.

    Args:
        schedule: The row and its options.
        base: The base rate.
        steps: Optimizer steps of the whole training, at least 1.

    Returns:
        float64 of shape `(steps,)`, or None if the rate depends on what is measured (see `plateau_state`).
    """
    row = SCHEDULES[schedule.name]
    if row.stateful:
        return None
    rates: np.ndarray = row.build(np.arange(steps), steps, base, **schedule.options)
    return rates


def plateau_state(schedule: Choice, base: float, maximize: bool) -> ReduceOnPlateau | None:
    """Create the state machine of a schedule that depends on what is measured; None for the others.

    Args:
        schedule: The row and its options.
        base: The rate it starts from.
        maximize: Whether the value that it will observe is better when it is higher.
    """
    row = SCHEDULES[schedule.name]
    if not row.stateful:
        return None
    machine: ReduceOnPlateau = row.build(base, maximize, **schedule.options)
    return machine
