"""Initial points that are known to do well for the task: a learned portfolio, and the published settings before it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tuner.catalog import Task, choice_dimension
from tuner.search.distributions import to_optuna_params
from tuner.search.portfolio import Portfolio, load_portfolio
from tuner.search.projection import project, shared_name
from tuner.space import Dimension, Space, Value

FIRST_TRIALS = 10
"""Settings of the portfolio that a study begins with: chosen by `benchmarks/portfolio.py` and `search_quality.py`."""

_LOSS = {
    Task.MULTICLASS: "categorical_crossentropy",
    Task.BINARY: "binary_crossentropy",
    Task.MULTILABEL: "binary_crossentropy",
    Task.REGRESSION: "mean_squared_error",
}

# What the settings have in common: little regularization, so that what they show is the optimizer.
_COMMON: dict[str, Value] = {
    "dropout": 0.1,
    "weight_decay": 1e-5,
    "l1": 1e-6,
    "l2": 1e-5,
    "label_smoothing": 0.0,
    "class_weight": 0.0,
    "clipping": "none",
}
_OF_PUBLISHED: dict[str, Value] = {"activation": "relu", "initializer": "he_normal", "batch_size": 32}

# Kingma and Ba 2015; He et al. 2016 with Loshchilov and Hutter 2017; Loshchilov and Hutter 2019; Keras's RMSprop.
_PUBLISHED: tuple[dict[str, Value], ...] = (
    {"optimizer": "adam", "learning_rate": 1e-3, "momentum": 0.9, "schedule": "constant", "weight_decay": 1e-5},
    {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "schedule": "cosine", "weight_decay": 1e-4},
    {"optimizer": "adamw", "learning_rate": 1e-3, "momentum": 0.9, "schedule": "cosine", "weight_decay": 1e-2},
    {"optimizer": "rmsprop", "learning_rate": 1e-3, "momentum": 0.0, "schedule": "constant", "weight_decay": 1e-5},
)
_MAX_REGRESSION_RATE = 0.01
"""The gradients of a squared error are not bounded, as those of a cross-entropy are."""


def initial_points(space: Space, task: Task) -> list[dict[str, Any]]:
    """List the settings of the portfolio that a study tries first if it learns nothing from their results.

    Returns:
        Parameters for `study.enqueue_trial`, without duplicates; the best one first.
    """
    points, portfolio = portfolio_points(space, task)
    return [points[index] for index in portfolio.choose(FIRST_TRIALS, {})]


def portfolio_points(space: Space, task: Task) -> tuple[list[dict[str, Any]], Portfolio]:
    """Project the portfolio of the task on the space.

    A setting is left out if the space does not allow its optimizer.  Of the others only what is searched and allowed is
    kept: a value of a list, a value inside a range (the nearest step of it).  The sampler draws the rest.  Settings of
    which less is allowed are left out if `FIRST_TRIALS` others suit the space better.  Those that are the same on the
    space are one, with the mean of their regrets.

    Returns:
        Parameters for `study.enqueue_trial`, without duplicates, and the portfolio of as many settings.
    """
    whole = load_portfolio(task)
    found: dict[str, tuple[int, dict[str, Any], list[int]]] = {}  # misfits, point, positions
    for index, setting in enumerate(whole.settings):
        known = {**_COMMON, **setting}
        point = _point(space, known)
        if point:
            misfits = _misfits(space, known)
            key = json.dumps(point, sort_keys=True)
            before, _, indices = found.get(key, (misfits, point, []))
            found[key] = min(before, misfits), point, [*indices, index]
    most = sorted(misfits for misfits, _, _ in found.values())[:FIRST_TRIALS]
    kept = [(point, indices) for misfits, point, indices in found.values() if misfits <= most[-1]]
    regrets = [whole.regrets[:, indices].mean(axis=1) for _, indices in kept]
    points = [point for point, _ in kept]
    return points, Portfolio(tuple(points), np.array(regrets).reshape(len(points), len(whole.regrets)).T)


def published_points(space: Space, task: Task) -> list[dict[str, Any]]:
    """List the published settings that a study began with before there was a portfolio; see `initial_points`."""
    settings = []
    for setting in _PUBLISHED:
        known = {**_COMMON, **_OF_PUBLISHED, "loss": _LOSS[task], **setting}
        rate = known["learning_rate"]
        if task is Task.REGRESSION and isinstance(rate, float):
            known["learning_rate"] = min(rate, _MAX_REGRESSION_RATE)
        settings.append(known)
    return _points(space, settings)


def _points(space: Space, settings: Iterable[Mapping[str, Value]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for known in settings:
        point = _point(space, known)
        if point and point not in found:
            found.append(point)
    return found


def _point(space: Space, known: Mapping[str, Value]) -> dict[str, Any]:
    """Return the parameters of a setting; none if the space does not allow its optimizer."""
    return to_optuna_params(project(space, known), space) if _allows_optimizer(space, known) else {}


def _misfits(space: Space, known: Mapping[str, Value]) -> int:
    """Count the known values that the space does not allow, fixed dimensions included."""

    def is_misfit(dimension: Dimension) -> bool:
        name = dimension.name if dimension.name in known else shared_name(dimension.name)
        return name is not None and name in known and known[name] not in dimension.parameter

    return sum(is_misfit(dimension) for dimension in space if dimension.is_active(known))


def _allows_optimizer(space: Space, known: Mapping[str, Value]) -> bool:
    """Return whether the optimizer may be chosen; a space that does not name one trains with Adam."""
    if "optimizer" not in space:
        return known["optimizer"] == choice_dimension("optimizer").default
    return known["optimizer"] in space["optimizer"].parameter
