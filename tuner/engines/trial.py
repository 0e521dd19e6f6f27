"""One trial: a recipe on every split, and what is reported of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from tuner.data import Prepared
from tuner.engines.base import Engine, EpochRecord, Training
from tuner.training import Recipe

OnEpoch: TypeAlias = Callable[[EpochRecord, "tuple[int, float] | None"], bool]
"""Told of each epoch and, where the pruner sees one, of the step (from 1) and its value; False ends the trial."""


def run_trial(
    engine: Engine,
    recipe: Recipe,
    prepared: Prepared,
    build: Callable[..., Any],
    on_epoch: OnEpoch,
) -> Training:
    """Train a recipe on each split in turn.

    A hold-out study reports every epoch.  A study with folds reports every fold, by its last epoch: values of the
    same fold can be compared between trials, values of different folds cannot.  The objective of the
    trial is the last epoch's value, or the mean of it over the folds: what the recipe gives when it is trained again.
    """
    folds, values, go_on = len(prepared.splits), [], True

    def decide(record: EpochRecord) -> bool:
        nonlocal go_on
        if folds == 1:
            go_on = on_epoch(record, (record.epoch, record.metric))
        else:
            last = record.epoch == recipe.epochs
            go_on = on_epoch(record, (record.fold + 1, record.metric) if last else None)
        return go_on

    for fold, split in enumerate(prepared.splits):
        training = engine.train(recipe, split, prepared.facts, build, fold, decide)
        if training.state != "complete" or training.value is None:
            return training
        values.append(training.value)
        if not go_on and fold + 1 < folds:
            return Training("pruned", math.fsum(values) / len(values), f"pruned after fold {fold + 1} of {folds}")
    return Training("complete", math.fsum(values) / folds)
