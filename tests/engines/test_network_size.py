"""Weights and multiply-adds of a network equal counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import oracle
import pytest

from tuner.engines import ENGINES
from tuner.engines.network_size import NetworkSize, count_multiply_adds
from tuner.user_code import Reference, load

keras = pytest.importorskip("keras")
layers = keras.layers

PROJECT = Path(__file__).parents[2]


def model_of(name: str, inputs: tuple[int, ...], **options: Any) -> Any:
    build = load(PROJECT, Reference.parse(f"models/{name}.py", "build"))
    return build(inputs, 10, activation="relu", initializer="he_normal", **options)


def test_a_multilayer_perceptron() -> None:
    model = model_of("mlp", (8, 8), units=[32, 16], batch_norm=True)
    products = 64 * 32 + 32 * 16 + 16 * 10
    trained = products + 2 * (32 + 16) + 10  # scale and shift of each norm, biases of the output
    assert NetworkSize.of(model) == NetworkSize(trained + 2 * (32 + 16), trained, products)


def test_a_convolutional_network() -> None:
    model = model_of("cnn", (8, 8), filters=[16, 32], dense=64)
    kernels = 9 * 1 * 16, 9 * 16 * 32, (2 * 2 * 32) * 64, 64 * 10
    products = 64 * kernels[0] + 16 * kernels[1] + kernels[2] + kernels[3]  # 8 × 8 positions, then 4 × 4
    weights = sum(kernels) + 16 + 32 + 64 + 10
    assert NetworkSize.of(model) == NetworkSize(weights, weights, products)


COUNTS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], int]] = {
    "dense at each step": ((7, 6), layers.Dense(4), 7 * 6 * 4),
    "time distributed": ((7, 6), layers.TimeDistributed(layers.Dense(4)), 7 * 6 * 4),
    "strides": ((16, 3), layers.Conv1D(5, 3, strides=2, padding="same"), 8 * 3 * 3 * 5),
    "groups": ((8, 8, 4), layers.Conv2D(6, 3, groups=2, padding="same"), 64 * 9 * 2 * 6),
    "depthwise": ((8, 8, 4), layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 64 * 9 * 4 * 2),
    "separable": ((8, 8, 4), layers.SeparableConv2D(6, 3, padding="same"), 64 * (9 * 4 + 4 * 6)),
    "transposed": ((4, 4, 2), layers.Conv2DTranspose(6, 3, strides=2), 16 * 9 * 2 * 6),
    "lstm": ((7, 6), layers.LSTM(5), 7 * 4 * (6 * 5 + 5 * 5)),
    "two gru": ((7, 6), layers.Bidirectional(layers.GRU(5, return_sequences=True)), 2 * 7 * 3 * (6 * 5 + 5 * 5)),
    "lookup": ((7,), layers.Embedding(50, 6), 0),
    "elementwise": ((7, 6), layers.PReLU(), 0),
    "projections of attention": ((7, 6), lambda x: layers.MultiHeadAttention(2, 3)(x, x), 7 * 4 * (6 * 2 * 3)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_layers(name: str) -> None:
    shape, layer, expected = COUNTS[name]
    rows = keras.Input(shape)
    assert count_multiply_adds(keras.Model(rows, layer(rows))) == expected


def test_a_shared_layer_counts_at_each_call_and_a_model_inside_counts_too() -> None:
    rows, shared = keras.Input((4,)), layers.Dense(4)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    assert count_multiply_adds(keras.Model(rows, inner(shared(shared(rows))))) == 16 + 16 + 12


def test_what_has_no_graph_or_no_size_has_no_count() -> None:
    class Subclassed(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, rows: Any) -> Any:
            return self.dense(rows)

    subclassed = Subclassed()
    subclassed(keras.ops.zeros((1, 4)))
    assert NetworkSize.of(subclassed) == NetworkSize(15, 15, None)
    steps = keras.Input((None, 6))
    assert count_multiply_adds(keras.Model(steps, layers.Dense(4)(steps))) is None


@pytest.mark.parametrize("name", ["fit", "compiled"])
def test_engines_say_what_they_have_trained(name: str) -> None:
    engine = ENGINES[name].make()
    assert engine.network_size is None
    recipe = oracle.recipe("mean_squared_error", "sgd", epochs=1)
    split, facts = oracle.data(recipe.task)
    oracle.by_engine(engine, recipe, split, facts)
    assert engine.network_size == NetworkSize.of(engine.trained_model())
