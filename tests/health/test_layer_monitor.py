"""Which layers of a model are measured, and what is noted when it is called."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

from tuner.catalog import output_activation  # noqa: E402 – needs Keras
from tuner.health import LayerMonitor  # noqa: E402 – needs Keras

X = np.linspace(-3.0, 3.0, 40, dtype=np.float32).reshape(20, 2)


def shares(model: keras.Model, x: np.ndarray = X) -> dict[str, tuple[float, float]]:
    layers = LayerMonitor(model)
    with layers.record_activations() as noted:
        model(x)
    found = layers.unit_shares(noted).numpy()
    return {name: (float(found[0, i]), float(found[1, i])) for i, name in enumerate(layers.names)}


def test_every_way_to_write_an_activation_is_seen():
    dead = keras.initializers.Constant([-100.0, 0.0, 0.0, -100.0])
    rows = x = keras.Input((2,))
    x = keras.layers.Dense(4, activation="relu", bias_initializer=dead, name="within")(x)
    x = keras.layers.Dense(4, bias_initializer=dead, name="before")(x)
    x = keras.layers.Activation("relu", name="behind")(x)
    x = keras.layers.Dense(4, bias_initializer=dead, name="more")(x)
    x = keras.layers.ReLU(name="layer")(x)
    x = keras.layers.Dense(2, activation="tanh", bias_initializer=keras.initializers.Constant(9.0), name="flat")(x)
    x = keras.layers.Dense(2, activation="sigmoid", bias_initializer=keras.initializers.Constant(-9.0), name="low")(x)
    x = keras.layers.Dense(2, activation="leaky_relu", name="leaky")(x)
    model = keras.Model(rows, keras.layers.Dense(1, activation="sigmoid", name="outputs")(x))
    found = shares(model)
    assert list(found) == ["within", "before", "behind", "more", "layer", "flat", "low", "leaky", "outputs"]
    for name in ("within", "behind", "layer"):
        assert found[name][0] >= 0.5, name
        assert found[name][1] == -1, name
    assert found["flat"] == (-1, 1.0)
    assert found["low"] == (-1, 1.0)
    for name in ("before", "more", "leaky", "outputs"):  # the last is the answer, not a hidden unit
        assert found[name] == (-1, -1), name


def test_channels_of_an_image_are_units():
    bias = keras.initializers.Constant([-1000.0, 1000.0])
    rows = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(2, 3, activation="relu", bias_initializer=bias, name="conv")(rows)
    model = keras.Model(rows, keras.layers.Dense(1, name="outputs")(keras.layers.Flatten()(x)))
    assert shares(model, np.ones((3, 6, 6, 1), np.float32))["conv"] == (0.5, -1)


def test_layers_inside_others_are_seen_and_those_of_time_steps_are_not():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="relu", name="inner_dense")])
    rows = keras.Input((5, 2))
    x = keras.layers.LSTM(3, name="lstm")(rows)
    model = keras.Model(rows, keras.layers.Dense(1, name="outputs")(inner(x)))
    layers = LayerMonitor(model)
    assert layers.names == ["lstm", "inner_dense", "outputs"]
    found = shares(model, np.ones((4, 5, 2), np.float32))
    assert found["lstm"] == (-1, -1)
    assert found["inner_dense"][0] >= 0
    arrays = [np.ones(variable.shape) for variable in model.trainable_variables]
    sizes = [sum(int(np.prod(v.shape)) for v in model.get_layer("lstm").trainable_variables), 8, 3]
    np.testing.assert_allclose(layers.norms(arrays), np.sqrt(sizes))


def test_the_model_is_as_before():
    rows = keras.Input((2,))
    x = keras.layers.ReLU(name="relu")(keras.layers.Dense(4, activation="tanh", name="tanh")(rows))
    model = keras.Model(rows, keras.layers.Dense(3, activation="softmax", name="outputs")(x))
    before = {layer.name: dict(vars(layer)) for layer in model.layers}
    layers = LayerMonitor(model)
    with pytest.raises(RuntimeError, match="mine"), layers.record_activations():
        raise RuntimeError("mine")
    with layers.record_activations() as noted:
        outputs = model(X)
    assert layers.head is keras.activations.softmax
    np.testing.assert_allclose(keras.ops.softmax(noted.raw), outputs, rtol=1e-6)
    for layer in model.layers:
        assert vars(layer).get("activation") is before[layer.name].get("activation")
        assert "call" not in vars(layer)


def test_frozen_layers_have_no_gradient():
    rows = keras.Input((2,))
    frozen = keras.layers.Dense(4, name="frozen")
    model = keras.Model(rows, keras.layers.Dense(1, name="outputs")(frozen(rows)))
    frozen.trainable = False
    assert LayerMonitor(model).names == ["outputs"]


@pytest.mark.parametrize(
    ("end", "found"),
    [
        (lambda x: keras.layers.Dense(3, "softmax", name="out")(x), ("softmax", "out")),
        (lambda x: keras.layers.Dense(3, "sigmoid", name="out")(x), ("sigmoid", "out")),
        (lambda x: keras.layers.Softmax(name="out")(x), ("softmax", "out")),
        (lambda x: keras.layers.Activation("softmax", name="out")(x), ("softmax", "out")),
        (lambda x: keras.Sequential([keras.layers.Dense(3, "softmax", name="out")])(x), ("softmax", "out")),
        (lambda x: keras.ops.softmax(x), ("softmax", "softmax")),
        (lambda x: keras.layers.Dense(3, name="out")(x), ("linear", "out")),
        (lambda x: keras.layers.Dense(3, "relu", name="out")(x), ("relu", "out")),
        (lambda x: keras.layers.Dense(3, lambda y: y)(x), None),
        (lambda x: keras.layers.Reshape((4,))(x), None),
    ],
)
def test_the_activation_that_a_model_ends_in(end, found):
    rows = keras.Input((4,))
    name = output_activation(keras.Model(rows, end(rows)))
    assert (name and (name[0], name[1].rstrip("_0123456789"))) == found


def test_nothing_is_measured_of_what_training_cannot_change():
    rows = keras.Input((2,))
    frozen = keras.layers.Dense(4, "relu", name="frozen")
    x = keras.layers.Activation("tanh", name="before")(frozen(rows))
    x = keras.layers.Dense(4, name="trained")(x)
    x = keras.layers.ReLU(name="behind")(x)
    model = keras.Model(rows, keras.layers.Dense(1, name="outputs")(x))
    frozen.trainable = False
    assert LayerMonitor(model).names == ["trained", "behind", "outputs"]
