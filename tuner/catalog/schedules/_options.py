"""The option that several schedules share."""

from __future__ import annotations

from tuner.catalog.entries import Option
from tuner.space import Float


def end_ratio(default: float, auto: Float, lowest: float = 0.0) -> Option:
    """Make the option for the rate at the end of the training, as a share of the base rate."""
    return Option("end_ratio", default, auto, Float(lowest, 1.0), "rate at the end, as a share of the base rate")
