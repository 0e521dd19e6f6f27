"""Spaces that the tests of search share."""

from __future__ import annotations

import pytest

from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Space


@pytest.fixture
def space() -> Space:
    """Thirteen searched dimensions, five of them conditional, and two fixed ones."""
    return Space(
        [
            Dimension("loss", Categorical(("categorical_crossentropy", "mean_squared_error"))),
            Dimension("optimizer", Categorical(("sgd", "rmsprop", "adagrad", "adam", "adamw"))),
            Dimension("optimizer.sgd.nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),)),
            Dimension("learning_rate", Float(1e-4, 1e-1, log=True)),
            Dimension("momentum", Float(0.0, 0.99), (Condition("optimizer", ("sgd", "rmsprop", "adam", "adamw")),)),
            Dimension("weight_decay", Float(1e-6, 1e-1, log=True), (Condition("optimizer", ("adamw",)),)),
            Dimension("schedule", Categorical(("constant", "step", "cosine"))),
            Dimension("schedule.step.gamma", Float(0.1, 0.9, step=0.1), (Condition("schedule", ("step",)),)),
            Dimension("schedule.cosine.cycles", Int(1, 8, log=True), (Condition("schedule", ("cosine",)),)),
            Dimension("schedule.cosine.floor", Fixed(0.0), (Condition("schedule", ("cosine",)),)),
            Dimension("initializer", Categorical(("glorot_uniform", "he_normal"))),
            Dimension("activation", Categorical(("relu", "elu"))),
            Dimension("model.units", Categorical(((32,), (64, 32), None))),
            Dimension("batch_size", Int(16, 128, step=16)),
            Dimension("model.norm", Fixed(True)),
        ]
    )


@pytest.fixture
def finite() -> Space:
    """Nine settings: three rates, with sgd twice each."""
    return Space(
        [
            Dimension("optimizer", Categorical(("sgd", "adam"))),
            Dimension("learning_rate", Float(0.1, 0.5, step=0.2)),
            Dimension("nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),)),
            Dimension("units", Fixed((8, 8))),
        ]
    )
