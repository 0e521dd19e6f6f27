"""The last trainings of a chosen recipe: on all rows but those of the test, which are answered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tuner.catalog import SCHEDULES, Recipe, TrialState
from tuner.data import HeldOut, PreparedData, Split, Subset
from tuner.engines import Engine, EpochRecord, ReportCallback, TrainingResult, TrainingTask
from tuner.protocol import TrainingArtifacts
from tuner.refit.worker_revalidation import predict_outputs

_WATCHED = 4096


def watches_validation(recipe: Recipe) -> bool:
    """Return whether the schedule needs validation rows, which must then not be trained on."""
    return SCHEDULES[recipe.schedule.name].stateful


def final_split(prepared: PreparedData, held: HeldOut, recipe: Recipe) -> Split:
    """Return the training and monitoring rows of a final training.

    Args:
        prepared: The data as the search had them.
        held: `held_out(..., keep_validation=watches_validation(recipe))`.
        recipe: What will be trained.

    Returns:
        The first split of the search if the schedule watches the validation part; else `held.train` with some of its
        own rows to measure on, as the test rows must not be seen.
    """
    if watches_validation(recipe):
        return prepared.splits[0]
    train, every = held.train, max(1, len(held.train) // _WATCHED)
    weight = None if train.weight is None else train.weight[::every]
    some = Subset(train.x[::every], train.y[::every], weight)
    return Split(train, some, held.target_center, held.target_scale, held.preprocessing)


def fit_final_model(
    engine: Engine,
    recipe: Recipe,
    prepared: PreparedData,
    held: HeldOut,
    split: Split,
    build: Callable[..., Any],
    on_epoch: ReportCallback,
    kept: TrainingArtifacts,
) -> TrainingResult:
    """Train on a final split, and keep the network, with its outputs on the test rows and on the sample.

    Args:
        engine: Trains.
        recipe: What to train.
        prepared: The data as the search had them.
        held: As for `final_split`.
        split: What that gave; the same one for all trainings, as engines keep their rows.
        build: The function of the model file.
        on_epoch: Is told of each epoch.
        kept: Where all of it is kept.

    Raises:
        ContentError: Plain Keras cannot load the model again.
    """

    def decide(record: EpochRecord) -> bool:
        return on_epoch(record, None)

    training = engine.train(TrainingTask(recipe, split, prepared.facts, build), decide)
    if training.state != TrialState.COMPLETE:
        return training
    from tuner.refit.serving_model import find_custom_objects, save_loadable

    assert held.preprocessing is not None
    model, test = engine.trained_model(), held.validation
    outputs = predict_outputs(model, test.x) if len(test) else np.empty((0, prepared.facts.outputs), np.float32)
    sample = predict_outputs(model, held.preprocessing.apply(held.sample))
    save_loadable(model, kept.model, recipe.model.reference)
    kept.keep([outputs], find_custom_objects(model), sample=sample)
    return training
