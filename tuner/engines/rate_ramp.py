"""Range test of the learning rate: one short training while the rate rises, and the range in which its loss falls.

Smith, Cyclical Learning Rates for Training Neural Networks, 2017, https://arxiv.org/abs/1506.01186
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from tuner.catalog import Choice, Recipe
from tuner.data import PreparedData, Subset
from tuner.engines.base import Engine, TrainingResult, TrainingTask
from tuner.engines.trial_training import ReportCallback

LOWEST_RATE, HIGHEST_RATE = 1e-6, 10.0
POINTS = 56
"""Rates at which the loss is noted: eight a decade."""
STEPS_A_POINT = 16
_FALLEN_SHARE = 0.9
"""Share of the whole fall of the loss that is reached at the rate to which a range is related."""
_CENTER, _CENTER_IF_PROPORTIONAL = 2.8, 9.0
"""Typical best rates in terms of that rate; steps that are proportional to the gradient bear more after a while."""
_TRUSTED = 10**0.75
"""Factor by which the typical rate of an optimizer may differ from what the ramp says before the ramp overrules it."""
_AROUND, _AROUND_IF_PROPORTIONAL = (0.1, 4.5), (0.19, 8.5)
"""The range in terms of the rate in its middle: 1.65 decades.  All by `benchmarks/rate_range.py`.

A range that begins at 0.1 to 0.4 of the middle contains about as many of the best rates; the lowest one leaves out none
of Keras's defaults.
"""
_LEAST_FALL = 0.02
"""Share of the loss that it must fall by at all."""


def run_rate_ramp(
    engine: Engine, recipe: Recipe, prepared: PreparedData, build: Callable[..., Any], on_epoch: ReportCallback
) -> TrainingResult:
    """Train a recipe on the first rows while the rate rises by the same factor at each step.

    The loss is reported after each of `POINTS` short epochs.  The training may well end in divergence.
    """
    rising = Choice(name="exponential", options={"end_ratio": HIGHEST_RATE / LOWEST_RATE})
    changes = {"schedule": rising, "learning_rate": LOWEST_RATE, "epochs": POINTS, "keep": "last", "patience": None}
    recipe = recipe.model_copy(update=changes)
    split = prepared.splits[0]
    train = _first_rows(split.train, STEPS_A_POINT * recipe.batch_size)
    task = TrainingTask(recipe, dataclasses.replace(split, train=train), prepared.facts, build)
    return engine.train(task, lambda record: on_epoch(record, None))


def find_rate_range(
    rates: Sequence[float], losses: Sequence[float], proportional: bool, typical: float | None = None
) -> tuple[float, float] | None:
    """Return the rates between which the optimizer learns well, or None if the loss never falls.

    The middle of the range is the typical rate, moved as far as the ramp says otherwise: between usual sets a ramp
    does not tell which rate is the better one, but it sees what is unusual.

    Args:
        rates: Rising.
        losses: The mean training loss around each of them.
        proportional: Whether a step of the optimizer is proportional to the gradient.
        typical: The rate that is good on other data, if it is known.
    """
    reached = find_fallen_rate(rates, losses)
    if reached is None:
        return None
    center = reached * (_CENTER_IF_PROPORTIONAL if proportional else _CENTER)
    if typical is not None:
        center = min(max(typical, center / _TRUSTED), center * _TRUSTED)
    low, high = _AROUND_IF_PROPORTIONAL if proportional else _AROUND
    return float(f"{center * low:.2g}"), float(f"{center * high:.2g}")


def find_fallen_rate(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return the first rate at which most of the fall of the loss is reached, or None if it never falls."""
    known = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if math.isfinite(loss)]
    if len(known) < 3:
        return None
    smooth = [median(loss for _, loss in known[max(0, i - 1) : i + 2]) for i in range(len(known))]
    start = sum(smooth[:5]) / len(smooth[:5])
    fall = start - min(smooth)
    if fall < _LEAST_FALL * abs(start):
        return None
    return known[next(i for i, loss in enumerate(smooth) if loss <= start - _FALLEN_SHARE * fall)][0]


def _first_rows(part: Subset, rows: int) -> Subset:
    weight = None if part.weight is None else part.weight[:rows]
    return Subset(part.x[:rows], part.y[:rows], weight)
