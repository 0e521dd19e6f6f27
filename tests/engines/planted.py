"""Trainings that go wrong in a way that is known, and good ones; on digits, small enough for every test run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras

from tuner.catalog import Recipe
from tuner.data import PreparedData, Subset, prepare
from tuner.engines import Engine, EpochRecord, TrainingResult, run_trial
from tuner.health import HealthOptions
from tuner.study import StudySpec, read_study_dict, resolve_recipe
from tuner.user_code import Reference, load

PROJECT = Path(__file__).parents[2]


def negative_biases(inputs: Sequence[int], outputs: int, *, activation: Any, initializer: Any) -> keras.Model:
    """ReLU layers that no row reaches."""
    rows = x = keras.Input(tuple(inputs))
    for number in (1, 2):
        bias = keras.initializers.Constant(-20.0)
        kernel = keras.initializers.get(initializer).clone()
        name = f"hidden_{number}"
        x = keras.layers.Dense(64, activation=activation, kernel_initializer=kernel, bias_initializer=bias, name=name)(
            x
        )
    return keras.Model(rows, keras.layers.Dense(outputs, name="outputs")(x))


def huge_weights(inputs: Sequence[int], outputs: int, *, activation: Any, initializer: Any) -> keras.Model:
    """Layers whose activations lie at their ends."""
    rows = x = keras.Input(tuple(inputs))
    for number in (1, 2):
        kernel = keras.initializers.RandomNormal(stddev=5.0, seed=number)
        x = keras.layers.Dense(64, activation=activation, kernel_initializer=kernel, name=f"hidden_{number}")(x)
    return keras.Model(rows, keras.layers.Dense(outputs, name="outputs")(x))


CASES: dict[str, dict[str, Any]] = {
    "vanishing": {
        "search": {"activation": "sigmoid", "initializer": "random_normal", "optimizer": "sgd", "learning_rate": 0.01},
        "model": {"layers": 10, "units": 32},
    },
    "exploding": {"search": {"optimizer": "sgd", "learning_rate": 10.0}},
    "exploding, adam": {"search": {"optimizer": "adam", "learning_rate": 10.0}},
    "exploding, tanh": {"search": {"optimizer": "sgd", "learning_rate": 10.0, "activation": "tanh"}},
    "dead units": {"search": {"optimizer": "adam", "learning_rate": 1e-3}, "build": negative_biases},
    "saturated": {
        "search": {"optimizer": "adam", "learning_rate": 1e-3, "activation": "tanh"},
        "build": huge_weights,
    },
    "no progress": {"search": {"optimizer": "adam", "learning_rate": 1e-7}},
    "overfitting": {
        "search": {"optimizer": "adam", "learning_rate": 0.01},
        "model": {"units": 128},
        "rows": 50,
        "epochs": 40,
    },
    "healthy": {"search": {"optimizer": "adam", "learning_rate": 3e-3}},
    "healthy, tanh": {
        "search": {"optimizer": "sgd", "learning_rate": 0.05, "activation": "tanh", "initializer": "glorot_uniform"}
    },
}
"""By the verdict that is expected: search dimensions, options of the MLP or another model, rows and epochs."""


@cache
def _prepared(seed: int) -> PreparedData:
    spec = _spec(seed, {"learning_rate": 0.1}, {}, 1)
    return prepare(spec.data, PROJECT, spec.seed)


def _spec(seed: int, search: dict[str, Any], model: dict[str, Any], epochs: int) -> StudySpec:
    rate = search["learning_rate"]
    content: dict[str, Any] = {"name": "planted", "model": "models/mlp.py", "seed": seed, "data": {"source": "digits"}}
    found = {"initializer": "he_normal", **search, "learning_rate": [rate, rate / 2]}
    if model:
        found["model"] = model
    return read_study_dict({**content, "search": found, "budget": {"epochs": epochs}}, PROJECT)


def train(
    engine: Engine,
    case: str,
    seed: int,
    on_epoch: Callable[[EpochRecord, Any], bool] = lambda *_: True,
    health: HealthOptions | None = None,
) -> TrainingResult:
    """Train one of the cases."""
    of = CASES[case]
    prepared, rows = _prepared(seed), of.get("rows", 500)
    split = prepared.splits[0]
    split = dataclasses.replace(split, train=Subset(split.train.x[:rows], split.train.y[:rows], None))
    spec = _spec(seed, of["search"], of.get("model", {}), of.get("epochs", 6))
    first: Recipe = resolve_recipe(spec, spec.space.resolve(lambda dimension: dimension.parameter.choices[0]), 0)  # type: ignore[union-attr]
    build = of.get("build")
    if build is None:
        build = load(PROJECT, Reference.parse(first.model.reference, "build"))
    else:  # programs are found by the name of their model
        model = first.model.model_copy(update={"reference": f"planted.py:{build.__name__}"})
        first = first.model_copy(update={"model": model})
    given = SimpleNamespace(splits=[split], facts=prepared.facts)
    return run_trial(engine, first, given, build, on_epoch, health)  # type: ignore[arg-type]
