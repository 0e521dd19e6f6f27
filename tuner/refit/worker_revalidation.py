"""A recipe trained again as the search trained it, with its outputs on the validation rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Recipe, TrialState
from tuner.data import DataFacts, PreparedData, Split
from tuner.engines import Engine, ReportCallback, TrainingResult, run_trial
from tuner.health import HealthOptions
from tuner.protocol import TrainingArtifacts
from tuner.refit.worker_model_assembly import measure_cost

if TYPE_CHECKING:
    import keras

_ROWS_AT_ONCE = 4096


def revalidate(
    engine: Engine,
    recipe: Recipe,
    prepared: PreparedData,
    build: Callable[..., Any],
    on_epoch: ReportCallback,
    kept: TrainingArtifacts,
    health: HealthOptions,
) -> TrainingResult:
    """Train on each split as `run_trial` does.

    Outputs of the trained models on the validation rows are kept, and what the last one costs.
    """
    outputs: list[np.ndarray] = []

    def after_split(split: Split) -> None:
        outputs.append(predict_outputs(engine.trained_model(), split.validation.x))

    training = run_trial(engine, recipe, prepared, build, on_epoch, health, after_split)
    if training.state == TrialState.COMPLETE:
        kept.keep(outputs, cost=measure_cost(engine.trained_model(), prepared.splits[-1].validation.x))
    return training


class SaveCheck:
    """Save and load an untrained network of each kind: a layer that Keras cannot load is found before any training."""

    def __init__(self) -> None:
        self._loaded: set[str] = set()

    def __call__(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], kept: TrainingArtifacts) -> None:
        """Check the network of a recipe, unless one with the same options and activation was loaded before.

        Args:
            recipe: What will be trained.
            facts: Shapes of its rows and outputs.
            build: The function of the model file.
            kept: Where the file may be written; it is removed.

        Raises:
            ContentError: Plain Keras cannot load the model again.
        """
        kind = json.dumps([recipe.model.options, recipe.activation, recipe.initializer.name], sort_keys=True)
        if kind in self._loaded:
            return
        from tuner.catalog import build_model
        from tuner.refit.serving_model import save_loadable

        model = build_model(recipe, facts.input_shape, facts.outputs, build)
        if model.built:  # one that its first rows build has no weights to save yet
            save_loadable(model, kept.model, recipe.model.reference)
            kept.model.unlink()
        self._loaded.add(kind)


def predict_outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return the model's outputs for rows, `(n, k)`."""
    outputs: np.ndarray = model.predict(x, batch_size=_ROWS_AT_ONCE, verbose=0)
    return outputs
