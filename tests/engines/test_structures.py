"""What is traced once serves networks of all sizes and numbers, in any order, as `model.fit` trains them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import Choice, ModelChoice, Task
from tuner.engines import ENGINES, TrainingTask

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def mlp(inputs: Any, outputs: int, *, activation: str, initializer: Any, units: int, rate: float) -> Any:
    """Two hidden layers, and a shortcut."""
    rows = keras.Input(inputs)
    first = keras.layers.Dense(units, activation, kernel_initializer=initializer.clone())(rows)
    first = keras.layers.Dropout(rate)(first)
    second = keras.layers.Dense(units, kernel_initializer=initializer.clone())(first)
    both = keras.layers.Concatenate()([keras.layers.Add()([first, second]), rows])
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer.clone())(both))


def numbers(inputs: Any, outputs: int, *, initializer: Any, units: int, number: float, **_: Any) -> Any:
    """Each layer that has numbers."""
    layers = keras.layers
    rows = keras.Input(inputs)
    x = layers.Dense(
        units,
        use_bias=False,  # the normalisation leaves it a gradient of rounding errors, which Adam makes large
        kernel_initializer=initializer.clone(),
        kernel_regularizer=keras.regularizers.L2(number),
    )(rows)
    x = layers.BatchNormalization(momentum=1.0 - number, epsilon=number)(x)
    x = layers.LeakyReLU(negative_slope=number)(x)
    x = layers.GaussianNoise(number)(x)
    x = layers.Dense(units, kernel_initializer=initializer.clone())(x)
    x = layers.AlphaDropout(number)(layers.ELU(alpha=number)(x))
    return keras.Model(rows, layers.Dense(outputs, kernel_initializer=initializer.clone())(x))


def convolutions(inputs: Any, outputs: int, *, activation: str, initializer: Any, units: int, **_: Any) -> Any:
    """Filters, pooling and spatial dropout."""
    layers = keras.layers
    rows = keras.Input(inputs)
    x = layers.Reshape((*inputs, 1))(rows)
    x = layers.Conv2D(units, 3, padding="same", activation=activation, kernel_initializer=initializer.clone())(x)
    x = layers.SpatialDropout2D(0.1 + 0.01 * units)(x)
    x = layers.Conv2D(units + 1, 2, use_bias=False, kernel_initializer=initializer.clone())(layers.MaxPooling2D()(x))
    x = layers.Dense(units)(layers.Flatten()(layers.BatchNormalization()(x)))
    return keras.Model(rows, layers.Dense(outputs, kernel_initializer=initializer.clone())(x))


def normalized(inputs: Any, outputs: int, *, activation: str, initializer: Any, units: int, **_: Any) -> Any:
    """A layer of Keras whose graph holds its sizes."""
    rows = keras.Input(inputs)
    hidden = keras.layers.Dense(units, activation, kernel_initializer=initializer.clone())(rows)
    hidden = keras.layers.LayerNormalization()(hidden)
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer.clone())(hidden))


class Scaled(keras.layers.Layer):
    """Divides by the number of its inputs, which its graph holds as a constant."""

    def call(self, x: Any) -> Any:
        return x / x.shape[-1]


def scaled(inputs: Any, outputs: int, *, activation: str, initializer: Any, units: int, **_: Any) -> Any:
    """A layer that is not a Keras layer."""
    rows = keras.Input(inputs)
    hidden = Scaled()(keras.layers.Dense(units, activation, kernel_initializer=initializer.clone())(rows))
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer.clone())(hidden))


def assert_equal(engine: Any, build: Callable[..., Any], shape: tuple[int, ...] = (4,), **given: Any) -> None:
    """Train by the engine and by `model.fit`."""
    options = given.pop("options")
    model = ModelChoice(reference=f"own.py:{build.__name__}", sha256="", options=options)
    recipe = oracle.recipe("categorical_crossentropy", given.pop("optimizer", "adam"), model=model, **given)
    split, facts = oracle.data(Task.MULTICLASS, shape=shape)
    records: list[Any] = []
    training = engine.train(TrainingTask(recipe, split, facts, build), lambda record: not records.append(record))
    found = engine.weights()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "build_of", lambda recipe: build)
        expected, measured, _ = oracle.by_fit(recipe, split, facts)
    assert training.state == "complete"
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6, err_msg=str(options))
    ours = [(record.loss, record.val_loss, record.metric, record.learning_rate) for record in records]
    np.testing.assert_allclose(ours, measured, rtol=1e-4, err_msg=str(options))


@pytest.mark.parametrize("optimizer", ["adam", "ftrl", "lamb"])
def test_one_program_serves_all_widths_and_rates_of_dropout(optimizer: str) -> None:
    """From small to large and back; the update of LAMB looks at each weight, so it is one for each width."""
    engine, made = ENGINES["compiled"].make(), list[int]()
    for units, rate in ((3, 0.5), (11, 0.1), (2, 0.2313), (3, 0.25)):
        before = engine.compile_stats[0]
        assert_equal(engine, mlp, options={"units": units, "rate": rate}, optimizer=optimizer, l2=0.001 * units)
        made.append(engine.compile_stats[0] - before)
    assert made[1:] == ([0, 0, 0] if optimizer != "lamb" else [3, 3, 0])
    assert engine._cache.networks_by_size == {}


def test_numbers_of_layers_are_no_part_of_a_program() -> None:
    engine = ENGINES["compiled"].make()
    assert_equal(engine, numbers, options={"units": 5, "number": 0.1})
    made = engine.compile_stats[0]
    assert_equal(engine, numbers, options={"units": 3, "number": 0.35})
    assert_equal(engine, numbers, options={"units": 6, "number": 0.01}, ema_momentum=0.5, epochs=2)
    assert engine.compile_stats[0] == made + 1, "an average of the weights is another update"
    assert engine._cache.networks_by_size == {}


def test_convolutions_of_all_sizes() -> None:
    engine = ENGINES["compiled"].make()
    assert_equal(engine, convolutions, shape=(6, 5), options={"units": 4})
    made = engine.compile_stats[0]
    assert_equal(engine, convolutions, shape=(6, 5), options={"units": 2})
    assert engine.compile_stats[0] == made
    assert engine._cache.networks_by_size == {}


def test_a_layer_of_keras_that_holds_its_sizes_is_traced_for_each() -> None:
    engine = ENGINES["compiled"].make()
    for units in (3, 5):
        assert_equal(engine, normalized, options={"units": units})
    assert engine._cache.networks_by_size == {}


def test_depth_and_activation_are_other_structures() -> None:
    engine, made = ENGINES["compiled"].make(), list[int]()
    for options in ({"layers": 1, "units": 3}, {"layers": 2, "units": 3}, {"layers": 2, "units": [4, 5]}):
        before = engine.compile_stats[0]
        model = ModelChoice(reference="models/mlp.py", sha256="", options=options)
        recipe = oracle.recipe("categorical_crossentropy", "adam", model=model, clipping=Choice(name="none"))
        oracle.by_engine(engine, recipe, *oracle.data(Task.MULTICLASS))
        made.append(engine.compile_stats[0] - before)
    assert made == [4, 2, 0]


def test_a_graph_that_holds_a_size_is_traced_for_each() -> None:
    engine = ENGINES["compiled"].make()
    for units in (3, 5, 3):
        assert_equal(engine, scaled, options={"units": units})
    assert engine._cache.networks_by_size == {"scaled is not a Keras layer (Scaled)": 2}
