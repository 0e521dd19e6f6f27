"""When a training is lost: numbers that are no longer finite."""

from __future__ import annotations

import math

from tuner.health.finding import Finding


def check_finite(what: str, value: float, epoch: int, learning_rate: float, fold: int = 0) -> Finding | None:
    """That a training has diverged, with a next step; None while the value is finite.

    Args:
        what: What was measured ("training loss").
        value: Its value.
        epoch: Epoch in which it was measured, from 1.
        learning_rate: In force at that time.
        fold: Index of the split.
    """
    if math.isfinite(value):
        return None
    text = (
        f"the {what} became {value} in epoch {epoch} at learning rate {learning_rate:.3g}; "
        "lower the learning rate or clip the gradients"
    )
    return Finding("diverged", text, None, epoch, value, None, fold)
