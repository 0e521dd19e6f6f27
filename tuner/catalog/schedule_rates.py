"""The learning rates of a recipe, for every engine alike.  No Keras here."""

from __future__ import annotations

import numpy as np

from tuner.catalog.metrics import find_metric
from tuner.catalog.recipe import Recipe
from tuner.catalog.schedules import SCHEDULES
from tuner.catalog.schedules.reduce_on_plateau import ReduceOnPlateau

OBJECTIVE = "objective"
"""The entry of an epoch's logs in which an engine leaves the objective, exact and on the validation part."""


def learning_rates(recipe: Recipe, total_steps: int) -> np.ndarray | None:
    """The rate of each step of a training.

    Args:
        recipe: Its schedule and base rate are used.
        total_steps: Optimizer steps of the whole training, at least 1.

    Returns:
        float64 of shape `(total_steps,)`; None where the rate depends on what is measured (see `plateau`).
    """
    row = SCHEDULES[recipe.schedule.name]
    if row.stateful:
        return None
    rates: np.ndarray = row.build(np.arange(total_steps), total_steps, recipe.learning_rate, **recipe.schedule.options)
    return rates


def plateau_state(recipe: Recipe, maximize: bool | None = None) -> ReduceOnPlateau | None:
    """The state machine of a schedule that depends on what is measured, at its start; None for the others.

    Args:
        recipe: Its schedule, base rate and objective are used.
        maximize: Whether the value it will observe is better when it is higher; None for the objective's direction.
    """
    row = SCHEDULES[recipe.schedule.name]
    if not row.stateful:
        return None
    if maximize is None:
        maximize = find_metric(recipe.metric).direction == "maximize"
    machine: ReduceOnPlateau = row.build(recipe.learning_rate, maximize, **recipe.schedule.options)
    return machine
