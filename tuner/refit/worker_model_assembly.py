"""Trained networks become one model: what a worker does last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tuner.catalog import Recipe, Task, TrialState
from tuner.data import HeldOut
from tuner.engines import TrainingResult, median_times_ms
from tuner.protocol import Member, ModelCost, TrainingArtifacts
from tuner.refit.seed_ensemble import average
from tuner.refit.temperature import calibrate

if TYPE_CHECKING:
    import keras


def assemble(
    members: Sequence[Member], temperature: float | None, held: HeldOut, kept: TrainingArtifacts
) -> TrainingResult:
    """Make one model of the networks that `fit_final_model` has kept, save it, and measure what it costs.

    Args:
        members: The networks, and their shares.
        temperature: Divides the logits of the answer; None to leave the probabilities as they are.
        held: What they were trained on.
        kept: Where the model is kept; the members are in the same folder.

    Raises:
        ContentError: Plain Keras cannot load the model again.
    """
    import keras

    from tuner.refit.serving_model import TrainedNetwork, build_serving_model, find_custom_objects, save_checked

    recipes = [Recipe.from_json(member.recipe) for member in members]
    files = [TrainingArtifacts(kept.folder, member.number) for member in members]
    networks = [
        TrainedNetwork(keras.saving.load_model(file.model), recipe, member.weight)
        for file, recipe, member in zip(files, recipes, members, strict=True)
    ]
    own = sorted({name for network in networks for name in find_custom_objects(network.model)})
    whole = build_serving_model(networks, held, temperature)
    sample = average(
        [[_sample_scores(file, recipe, held)] for file, recipe in zip(files, recipes, strict=True)],
        [member.weight for member in members],
    )
    task = recipes[0].task
    expected = sample if temperature is None or not task.classifies else calibrate(sample, temperature, task)
    save_checked(whole, kept.model, held, expected[0], recipes[0].model.reference)
    kept.keep([], own, measure_cost(whole, held.sample))
    return TrainingResult(TrialState.COMPLETE)


def _sample_scores(file: TrainingArtifacts, recipe: Recipe, held: HeldOut) -> np.ndarray:
    scores = recipe.scores(file.sample())
    return held.unscale(scores) if recipe.task is Task.REGRESSION else scores


def measure_cost(model: keras.Model, rows: np.ndarray) -> ModelCost:
    """Count the weights of a Keras model, and time its answers to rows like these."""
    one, batch = median_times_ms(model.predict_on_batch, rows)
    return ModelCost(int(model.count_params()), one, batch)
