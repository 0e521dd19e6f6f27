"""A recipe trained again as the search trained it, with its outputs on the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Recipe
from tuner.data import Prepared, Split
from tuner.engines import Engine, OnEpoch, Training, run_trial
from tuner.health import HealthOptions
from tuner.protocol import Kept

if TYPE_CHECKING:
    import keras

_ROWS_AT_ONCE = 4096


def train_again(
    engine: Engine,
    recipe: Recipe,
    prepared: Prepared,
    build: Callable[..., Any],
    on_epoch: OnEpoch,
    kept: Kept,
    health: HealthOptions,
) -> Training:
    """Train on each split as `run_trial` does; outputs of the trained models on the validation rows are kept."""
    outputs: list[np.ndarray] = []

    def after_split(split: Split) -> None:
        outputs.append(outputs_of(engine.model(), split.validation.x))

    training = run_trial(engine, recipe, prepared, build, on_epoch, health, after_split)
    if training.state == "complete":
        kept.keep(outputs)
    return training


def outputs_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """The model's outputs for rows, `(n, k)`."""
    outputs: np.ndarray = model.predict(x, batch_size=_ROWS_AT_ONCE, verbose=0)
    return outputs
