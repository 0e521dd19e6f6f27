"""Initial points that are known to do well for the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.catalog import Task, choice_dimension
from tuner.search.distributions import to_optuna_params
from tuner.search.projection import project
from tuner.space import Space, Value

_LOSS = {
    Task.MULTICLASS: "categorical_crossentropy",
    Task.BINARY: "binary_crossentropy",
    Task.MULTILABEL: "binary_crossentropy",
    Task.REGRESSION: "mean_squared_error",
}

# What the settings below have in common: little regularisation, so that what they show is the optimizer.
_COMMON: dict[str, Value] = {
    "activation": "relu",
    "initializer": "he_normal",
    "batch_size": 32,
    "dropout": 0.1,
    "l1": 1e-6,
    "l2": 1e-5,
    "label_smoothing": 0.0,
    "class_weight": 0.0,
    "clipping": "none",
}

# Kingma and Ba 2015; He et al. 2016 with Loshchilov and Hutter 2017; Loshchilov and Hutter 2019; Keras's RMSprop.
_SETTINGS: tuple[dict[str, Value], ...] = (
    {"optimizer": "adam", "learning_rate": 1e-3, "momentum": 0.9, "schedule": "constant", "weight_decay": 1e-5},
    {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "schedule": "cosine", "weight_decay": 1e-4},
    {"optimizer": "adamw", "learning_rate": 1e-3, "momentum": 0.9, "schedule": "cosine", "weight_decay": 1e-2},
    {"optimizer": "rmsprop", "learning_rate": 1e-3, "momentum": 0.0, "schedule": "constant", "weight_decay": 1e-5},
)
_MAX_REGRESSION_RATE = 0.01
"""The gradients of a squared error are not bounded, as those of a cross-entropy are."""


def initial_points(space: Space, task: Task) -> list[dict[str, Any]]:
    """List known good settings, as far as the space allows them.

    A setting is left out if the space does not allow its optimizer.  Of the others only what is searched and allowed is
    kept: a value of a list, a value inside a range (the nearest step of it).  The sampler draws the rest.

    Returns:
        Parameters for `study.enqueue_trial`, without duplicates; the surest one first.
    """
    found: list[dict[str, Any]] = []
    for setting in _SETTINGS:
        known = {**_COMMON, "loss": _LOSS[task], **setting}
        rate = known["learning_rate"]
        if task is Task.REGRESSION and isinstance(rate, float):
            known["learning_rate"] = min(rate, _MAX_REGRESSION_RATE)
        if not _allows_optimizer(space, known):
            continue
        point = to_optuna_params(project(space, known), space)
        if point and point not in found:
            found.append(point)
    return found


def _allows_optimizer(space: Space, known: Mapping[str, Value]) -> bool:
    """Return whether the optimizer may be chosen; a space that does not name one trains with Adam."""
    if "optimizer" not in space:
        return known["optimizer"] == choice_dimension("optimizer").default
    return known["optimizer"] in space["optimizer"].parameter
