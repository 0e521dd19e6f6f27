"""The last training of a chosen recipe: on all rows but those of the test, which are answered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tuner.catalog import SCHEDULES, Recipe, TrialState
from tuner.data import HeldOut, PreparedData, Split, Subset
from tuner.engines import Engine, EpochRecord, ReportCallback, TrainingResult, TrainingTask
from tuner.protocol import TrainingArtifacts
from tuner.refit.revalidation import predict_outputs

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
    """Train on a final split, keep the outputs on the test rows, and the model as a file that takes rows of the source.

    Args:
        engine: Trains.
        recipe: What to train.
        prepared: The data as the search had them.
        held: As for `final_split`.
        split: What that gave; the same one for all trainings, as engines keep their rows.
        build: The function of the model file.
        on_epoch: Is told of each epoch.
        kept: Where both are kept.

    Raises:
        ContentError: Plain Keras cannot load the model again.
    """

    def decide(record: EpochRecord) -> bool:
        return on_epoch(record, None)

    training = engine.train(TrainingTask(recipe, split, prepared.facts, build), decide)
    if training.state != TrialState.COMPLETE:
        return training
    from tuner.refit.serving_model import build_serving_model, find_custom_objects, save_checked

    model = engine.trained_model()
    test = held.validation
    outputs = predict_outputs(model, test.x) if len(test) else np.empty((0, prepared.facts.outputs), np.float32)
    save_checked(build_serving_model(model, recipe, held), kept.model, held, recipe, model)
    kept.keep([outputs], find_custom_objects(model))
    return training
