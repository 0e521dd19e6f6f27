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
    engine: Engine, recipe: Recipe, prepared: Prepared, build: Callable[..., Any], on_epoch: OnEpoch
) -> Training:
    """Train a recipe on each split in turn.

    A hold-out study reports every epoch.  A study with folds reports every fold, by its last epoch: values of the
    same fold can be compared between trials, values of different folds cannot.  The objective of the
    trial is the last epoch's value, or the mean of it over the folds: what the recipe gives when it is trained again.
    """
    folds, values = len(prepared.splits), []
    for fold, split in enumerate(prepared.splits):

        def decide(record: EpochRecord) -> bool:
            if folds == 1:
                return on_epoch(record, (record.epoch, record.metric))
            last = record.epoch == recipe.epochs
            return on_epoch(record, (record.fold + 1, record.metric) if last else None)

        training = engine.train(recipe, split, prepared.facts, build, fold, decide)
        if training.state != "complete" or training.value is None:
            return training
        values.append(training.value)
    return Training("complete", math.fsum(values) / folds)
