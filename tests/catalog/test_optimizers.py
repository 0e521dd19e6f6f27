"""Each optimizer as Keras builds it, and what one step of it does."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuner.catalog import CLIPPINGS, OPTIMIZERS, OptimizerEntry
from tuner.space import Categorical, Float

ROWS = [pytest.param(row, id=name) for name, row in OPTIMIZERS.items()]


def stepped(optimizer: keras.optimizers.Optimizer, gradients: list[np.ndarray]) -> np.ndarray:
    """A 2 × 2 matrix of ones after one step for each gradient."""
    weights = keras.Variable(np.ones((2, 2), np.float32))
    optimizer.build([weights])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))])
    return keras.ops.convert_to_numpy(weights)


@pytest.mark.parametrize("row", ROWS)
def test_the_table_states_the_defaults_of_keras(row) -> None:
    built = row.build(row.learning_rate)
    keras_own = type(built)()
    assert float(keras_own.learning_rate) == pytest.approx(row.learning_rate)
    config = keras_own.get_config()
    for option in row.options:
        assert config[option.name] == option.default, option.name
    assert {k: v for k, v in built.get_config().items() if k != "name"} == {
        k: v for k, v in config.items() if k != "name"
    }


@pytest.mark.parametrize("row", ROWS)
def test_momentum_reaches_its_keyword(row) -> None:
    optimizer = row.build(0.01, 0.5)
    if row.momentum is None:
        assert not hasattr(optimizer, "momentum")
        assert not hasattr(optimizer, "beta_1")
    else:
        assert getattr(optimizer, row.momentum) == 0.5


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("clipping", CLIPPINGS)
def test_one_step_with_clipping_and_weight_decay(row, clipping: str) -> None:
    options = {
        option.name: option.auto.low if isinstance(option.auto, Float) else option.default for option in row.options
    }
    optimizer = row.build(0.01, 0.9, 0.1, CLIPPINGS[clipping].build(), **options)
    assert optimizer.weight_decay == 0.1
    assert getattr(optimizer, clipping, 1.0 if clipping != "clipvalue" else 0.5) in (1.0, 0.5)
    weights = stepped(optimizer, [np.array([[3.0, -4.0], [0.5, 100.0]])])
    assert np.isfinite(weights).all()
    assert not np.allclose(weights, 1.0)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_both_ends_of_momentum_give_numbers(row, momentum: float) -> None:
    steps = [np.array([[1.0, -1.0], [2.0, 0.0]])] * 3
    assert np.isfinite(stepped(row.build(1e-3, momentum), steps)).all()


@pytest.mark.parametrize("row", ROWS)
def test_an_optimizer_survives_serialisation(row) -> None:
    options = {option.name: option.default for option in row.options}
    optimizer = row.build(0.02, 0.8, 0.01, {"global_clipnorm": 2.0}, **options)
    # As a saved model is loaded; keras.optimizers.deserialize of Keras 3.15 does not know Lamb.
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


def test_weight_decay_left_out_is_the_default_of_keras() -> None:
    assert OPTIMIZERS["adamw"].build(1e-3).weight_decay == keras.optimizers.AdamW().weight_decay
    assert OPTIMIZERS["adamw"].build(1e-3, weight_decay=0.0).weight_decay == 0.0
    assert OPTIMIZERS["sgd"].build(1e-3).weight_decay is None


def test_muon_decays_what_it_trains_with_adamw_too() -> None:
    assert OPTIMIZERS["muon"].build(1e-3, weight_decay=0.3).adam_weight_decay == 0.3


def test_sgd_with_nesterov_decay_and_clipping_is_its_formula() -> None:
    gradients = [np.array([[0.3, -2.0], [5.0, 0.1]]), np.array([[-0.2, 1.0], [0.0, -9.0]])]
    built = OPTIMIZERS["sgd"].build(0.1, 0.9, 0.01, CLIPPINGS["clipvalue"].build(value=1.0), nesterov=True)
    weights, velocity = np.ones((2, 2)), np.zeros((2, 2))
    for gradient in gradients:
        weights -= 0.1 * 0.01 * weights
        clipped = np.clip(gradient, -1, 1)
        velocity = 0.9 * velocity - 0.1 * clipped
        weights += 0.9 * velocity - 0.1 * clipped
    np.testing.assert_allclose(stepped(built, gradients), weights, rtol=1e-6)


def test_adam_is_its_formula() -> None:
    gradients = [np.array([[0.3, -2.0], [5.0, 0.1]]), np.array([[-0.2, 1.0], [0.5, -9.0]])]
    built = OPTIMIZERS["adam"].build(0.1, 0.8, None, CLIPPINGS["global_clipnorm"].build(norm=1.0), beta_2=0.95)
    weights, m, v = np.ones((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))
    for step, gradient in enumerate(gradients, start=1):
        g = gradient / max(1.0, float(np.sqrt((gradient**2).sum())))
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        weights -= 0.1 * (m / (1 - 0.8**step)) / (np.sqrt(v / (1 - 0.95**step)) + 1e-7)
    np.testing.assert_allclose(stepped(built, gradients), weights, rtol=1e-5)


@pytest.mark.parametrize("row", ROWS)
def test_keras_takes_both_ends_of_every_option(row) -> None:
    for option in row.options:
        ends = (
            option.allowed.choices
            if isinstance(option.allowed, Categorical)
            else (option.allowed.low, option.allowed.high)
        )
        for value in ends:
            built = row.build(1e-3, **{option.name: value})
            assert built.get_config()[option.name] == value
            assert np.isfinite(stepped(built, [np.full((2, 2), 0.5)] * 2)).all(), (option.name, value)


def changed(row, clipping, weights: list[np.ndarray], gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The weights after a step for each list of gradients."""
    optimizer = row.build(0.05, None if row.momentum is None else 0.8, None, clipping.build())
    variables = [keras.Variable(weight) for weight in weights]
    optimizer.build(variables)
    for each in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in each])
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def is_per_tensor(row, clipping) -> bool:
    """Whether two matrices are trained otherwise than one vector of all their elements."""
    random = np.random.default_rng(0)
    weights = [random.normal(size=shape).astype("float32") for shape in ((3, 4), (2, 5))]
    gradients = [[random.normal(size=weight.shape).astype("float32") for weight in weights] for _ in range(3)]

    def flat(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([array.ravel() for array in arrays])

    parts = flat(changed(row, clipping, weights, gradients))
    (whole,) = changed(row, clipping, [flat(weights)], [[flat(each)] for each in gradients])
    return not np.allclose(parts, whole, rtol=1e-5, atol=1e-7)


def is_linear(row, clipping) -> bool:
    """Whether rows of the sparse gradient of an embedding that repeat come to the same as their sum."""
    found = []
    for sparse in (True, False):
        random = np.random.default_rng(1)
        layer = keras.layers.Embedding(3, 4, embeddings_initializer=keras.initializers.RandomNormal(seed=2))
        layer.build()
        optimizer = row.build(0.05, None if row.momentum is None else 0.8, None, clipping.build())
        optimizer.build(layer.trainable_variables)
        for _ in range(3):
            gradient = tf.IndexedSlices(random.normal(size=(4, 4)).astype("float32"), np.array([0, 2, 0, 0]), (3, 4))
            optimizer.apply([gradient if sparse else tf.convert_to_tensor(gradient)])
        found.append(keras.ops.convert_to_numpy(layer.embeddings))
    return np.allclose(*found, rtol=1e-4)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_its_optimizer_looks_at(row) -> None:
    """The compiled engine takes a row at its word: a wrong one would train otherwise, without an error."""
    none = CLIPPINGS["none"]
    assert (is_per_tensor(row, none), is_linear(row, none)) == (row.per_tensor, row.linear)


@pytest.mark.parametrize("clipping", CLIPPINGS.values(), ids=list(CLIPPINGS))
def test_a_row_says_what_its_clipping_looks_at(clipping) -> None:
    sgd = OPTIMIZERS["sgd"]
    tight = dataclasses.replace(clipping, build=lambda: clipping.build(*(0.5 for _ in clipping.options)))
    assert (is_per_tensor(sgd, tight), is_linear(sgd, tight)) == (clipping.per_tensor, clipping.linear)


def test_a_row_cannot_leave_out_what_it_looks_at() -> None:
    with pytest.raises(TypeError, match="per_tensor"):
        OptimizerEntry("new", "", "", OPTIMIZERS["sgd"].build)
