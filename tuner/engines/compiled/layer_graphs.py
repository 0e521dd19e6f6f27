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

_AUTO_SELECT = 3
"""The generator that `tf.random.stateless_uniform` takes if it is told none."""


def dense(layer: keras.layers.Dense, scalars: Mapping[str, RuntimeScalar]) -> Call:
    """Add the bias by the operation for it: 7 operations less, forward and backward."""

    def call(inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        outputs = keras.ops.matmul(inputs, layer.kernel)
        if layer.bias is not None:
            outputs = tf.nn.bias_add(outputs, keras.ops.convert_to_tensor(layer.bias))
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


def dropout(layer: keras.layers.Dropout, scalars: Mapping[str, RuntimeScalar]) -> Call | None:
    """Draw what Keras draws, and multiply by one factor, forward and backward: 22 operations less.

    Keras sets what is dropped to 0, and this multiplies it by 0: not the same if it is not finite.
    """
    if layer.noise_shape is not None or "rate" not in scalars:
        return None
    rate = scalars["rate"]

    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        seed = tf.cast(tf.math.floormod(layer.seed_generator.next(), tf.int32.max - 1), tf.int32)
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
        drawn = tf.raw_ops.StatelessRandomUniformV2(shape=tf.shape(inputs), key=key, counter=counter, alg=_AUTO_SELECT)
        return _multiply(inputs, tf.where(drawn >= rate.value, 1.0 / (1 - rate), 0.0))

    return call


def leaky_relu(layer: keras.layers.LeakyReLU, scalars: Mapping[str, RuntimeScalar]) -> Call | None:
    """Take a slope that is read: the operation of TensorFlow has it as an attribute."""
    if "negative_slope" not in scalars:
        return None
    slope = scalars["negative_slope"]
    return lambda inputs: tf.where(inputs > 0, inputs, slope.value * inputs)


def _product(inputs: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """Return the product with a factor of the same shape that depends on no weight, and its gradient."""
    return inputs * factor, lambda upstream: (upstream * factor, None)


_multiply = tf.custom_gradient(_product)
