"""A recipe trained again as the search trained it, with its outputs on the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Recipe, TrialState
from tuner.data import PreparedData, Split
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


def predict_outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return the model's outputs for rows, `(n, k)`."""
    outputs: np.ndarray = model.predict(x, batch_size=_ROWS_AT_ONCE, verbose=0)
    return outputs
