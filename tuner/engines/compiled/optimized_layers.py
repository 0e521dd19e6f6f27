"""Layers of Keras written for few operations: a small step costs as much as it has operations.

Each function makes the `call` of a layer, with runtime scalars in place of its numbers; None for Keras's own.  Shapes
are not known while it is traced, so that the gradients of `x + bias` and of `tf.where` would look at them in each step,
and sum over no axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from tuner.engines.compiled.runtime_scalar import RuntimeScalar

Call: TypeAlias = Callable[..., Any]


def dense(layer: keras.layers.Dense, scalars: Mapping[str, RuntimeScalar]) -> Call:
    """Multiply rows by `_matmul`, and add the bias by `BiasAdd`, which saves 7 operations."""

    def call(inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        kernel = keras.ops.convert_to_tensor(layer.kernel)
        outputs = _matmul(inputs, kernel) if inputs.shape.rank == 2 else keras.ops.matmul(inputs, kernel)
        if layer.bias is not None:
            outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


def dropout(layer: keras.layers.Dropout, scalars: Mapping[str, RuntimeScalar]) -> Call | None:
    """Draw what Keras draws, and multiply by one factor, forward and backward; saves 26 operations.

    Keras sets what is dropped to 0, and this multiplies it by 0: not the same if it is not finite.
    """
    if layer.noise_shape is not None or "rate" not in scalars:
        return None
    rate = scalars["rate"]

    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        seed = _next_seed(layer.seed_generator)
        drawn = tf.raw_ops.StatelessRandomUniform(shape=tf.shape(inputs), seed=seed)
        return _multiply(inputs, tf.cast(drawn >= rate.value, tf.float32) * (1.0 / (1 - rate)))

    return call


def leaky_relu(layer: keras.layers.LeakyReLU, scalars: Mapping[str, RuntimeScalar]) -> Call | None:
    """Take a slope that is read: the operation of TensorFlow has it as an attribute."""
    if "negative_slope" not in scalars:
        return None
    slope = scalars["negative_slope"]
    return lambda inputs: tf.where(inputs > 0, inputs, slope.value * inputs)


def _matrix_product(rows: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Return rows `(n, i)` times a kernel `(i, o)`, and its gradient.

    TensorFlow reads a transposed second factor at about 1 ns a number, so the gradient of the rows transposes the
    smaller one: 45 instead of 108 us for 32 rows and a kernel of 256 x 256.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_rows = tf.raw_ops.MatMul(a=kernel, b=upstream, transpose_b=True)
        return tf.transpose(of_rows, [1, 0]), tf.raw_ops.MatMul(a=rows, b=upstream, transpose_a=True)

    return tf.raw_ops.MatMul(a=rows, b=kernel), gradient


_matmul = tf.custom_gradient(_matrix_product)


def _next_seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Return the seed of the next draw as Keras does, int64 `(2,)`, and advance the generator."""
    state = generator.state.value
    seed = tf.math.floormod(state, tf.int32.max - 1)
    generator.state.assign(state + tf.constant([0, 1], state.dtype))
    return seed


def _product(inputs: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Return the product with a factor of the same shape that depends on no weight, and its gradient."""
    return inputs * factor, lambda upstream: (upstream * factor, None)


_multiply = tf.custom_gradient(_product)
