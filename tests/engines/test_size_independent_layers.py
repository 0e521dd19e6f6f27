"""Each layer of the table of those that are traced once: its graph serves another size than it was traced with."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import tensorflow as tf  # noqa: E402

from tuner.engines.compiled.build_timer import BuildTimer  # noqa: E402
from tuner.engines.compiled.joined_functions import JoinedFunctions  # noqa: E402
from tuner.engines.compiled.layer_calls import find_calls, structure_key  # noqa: E402
from tuner.engines.compiled.layer_functions import LayerFunctions  # noqa: E402
from tuner.engines.compiled.network_weights import Weights  # noqa: E402
from tuner.engines.compiled.open_shapes import open_vector  # noqa: E402
from tuner.engines.compiled.shared_architecture import Structure  # noqa: E402
from tuner.engines.compiled.size_independent_layers import LAYERS  # noqa: E402
from tuner.engines.compiled.training_functions import trace  # noqa: E402
from tuner.health import LayerMonitor  # noqa: E402

pytestmark = pytest.mark.slow

VECTORS, SERIES, IMAGES, VOLUMES = (4,), (6, 4), (6, 5, 4), (4, 3, 3, 4)
OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "Dense": lambda size: {"units": size, "activation": "relu"},
    "Conv1D": lambda size: {"filters": size, "kernel_size": 2},
    "Conv2D": lambda size: {"filters": size, "kernel_size": 3, "padding": "same"},
    "Conv3D": lambda size: {"filters": size, "kernel_size": 2},
    "Activation": lambda size: {"activation": "tanh"},
    "LeakyReLU": lambda size: {"negative_slope": 0.05 * size},
    "ELU": lambda size: {"alpha": 0.1 * size},
    "BatchNormalization": lambda size: {"epsilon": 0.01 * size},
    **dict.fromkeys(
        ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), lambda size: {"rate": 0.3}
    ),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), lambda size: {"pool_size": 2}),
    "AlphaDropout": lambda size: {"rate": 0.1 * size},
    "GaussianNoise": lambda size: {"stddev": 0.1 * size},
}
SHAPES = {"1D": SERIES, "2D": IMAGES, "3D": VOLUMES}
MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Concatenate")


def build(name: str, size: int) -> Any:
    """A model with the layer behind one of this width, and before another."""
    shape = IMAGES if name == "Flatten" else SHAPES.get(name[-2:], VECTORS)
    layer = getattr(keras.layers, name)(**OPTIONS.get(name, lambda size: {})(size))
    rows = keras.Input(shape)
    x = keras.layers.Dense(size)(rows)
    x = layer([x, keras.layers.Dense(size)(rows)] if name in MERGING else x)
    x = keras.layers.Flatten()(x) if len(x.shape) > 2 else x
    return keras.Model(rows, keras.layers.Dense(2)(x))


@pytest.fixture(scope="module")
def functions() -> LayerFunctions:
    return LayerFunctions(BuildTimer())


@pytest.mark.parametrize("name", list(LAYERS))
def test_a_layer_serves_other_sizes(functions: LayerFunctions, name: str) -> None:
    traced, other = build(name, 3), build(name, 5)
    calls, others = (find_calls(model, LayerMonitor(model), None) for model in (traced, other))
    assert structure_key(calls) == structure_key(others)
    structure = Structure(calls, LayerMonitor(traced), functions)
    shapes = [tuple(variable.shape) for variable in other.trainable_variables]
    weights = Weights(shapes, [False] * len(shapes), open_vector())
    weights.load([variable.numpy() for variable in other.trainable_variables])
    structure.load(others, SimpleNamespace(), shapes, [variable.numpy() for variable in other.non_trainable_variables])
    x = tf.constant(np.random.default_rng(0).normal(size=(7, *other.input_shape[1:])), tf.float32)
    specs = tf.TensorSpec((None, *other.input_shape[1:])), tf.TensorSpec((None, 2))
    joined = JoinedFunctions(structure, weights, *specs, BuildTimer())
    with tf.GradientTape() as tape:
        expected = other(x, training=False)
    gradients = tape.gradient(expected, [variable.value for variable in other.trainable_variables])
    total = trace(lambda raw, y: [tf.reduce_sum(raw * y), y], [specs[1]] * 2, BuildTimer())
    probe = joined.probe(total, specs)
    own = [node for node in probe.function.collect_ops() if node.name.startswith("layer_")]  # none of a callee
    operations = [node.op for node in own]
    assert operations.count("Identity") <= 2, "of a layer that returns its inputs, and their gradient"
    assert name != "Dense" or "BroadcastGradientArgs" not in operations, "a bias has an operation of its own"
    np.testing.assert_allclose(joined.outputs()(x)[0], expected, rtol=1e-5, atol=1e-6)
    loss, flat, _ = probe(x, tf.ones((7, 2)))
    np.testing.assert_allclose(loss, tf.reduce_sum(expected), rtol=1e-4)
    for found, gradient in zip(weights.unflatten([flat]), gradients, strict=True):
        np.testing.assert_allclose(found, gradient, rtol=1e-4, atol=1e-5)
