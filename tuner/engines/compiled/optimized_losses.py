"""Losses of Keras written for few operations; see `optimized_layers`.

Notation: n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tuner.catalog import IntegerLabelLoss


def row_losses(loss: keras.losses.Loss, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return the loss of each row, as `loss.call` does.

    Args:
        loss: A loss of the catalog; its numbers may be runtime scalars.
        y: Targets, `(n, k)`.
        outputs: Outputs, `(n, k)`.
    """
    inner = loss.loss if type(loss) is IntegerLabelLoss else loss
    is_focal = type(inner) is keras.losses.CategoricalFocalCrossentropy and inner.axis == -1 and not inner.from_logits
    if is_focal and y.shape.as_list() == outputs.shape.as_list() and outputs.shape[-1] > 1:
        return _categorical_focal_crossentropy(inner, y, outputs)
    return tf.convert_to_tensor(loss.call(y, outputs))


def _categorical_focal_crossentropy(
    loss: keras.losses.CategoricalFocalCrossentropy, y: tf.Tensor, outputs: tf.Tensor
) -> tf.Tensor:
    """Compute what Keras does, with a gradient of our own: both have 32 operations instead of 66.

    TensorFlow's gradient looks at shapes that are equal, sums over no axis and reshapes to the same shape.
    """
    if loss.label_smoothing:
        y = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / y.shape[-1]
    gamma, gamma_less_1 = (keras.ops.convert_to_tensor(each, "float32") for each in (loss.gamma, loss.gamma - 1))
    lowest = keras.config.epsilon()
    highest = 1.0 - lowest

    def losses_and_gradient(p: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
        total = tf.reduce_sum(p, -1, keepdims=True)
        unclipped = p / total
        share = tf.clip_by_value(unclipped, lowest, highest)
        rest, logarithm = 1.0 - share, tf.math.log(share)
        factor, entropy = tf.pow(rest, gamma) * loss.alpha, -y * logarithm

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            of_factor = entropy * tf.pow(rest, gamma_less_1) * (gamma * loss.alpha)
            of_share = -(factor * y / share + of_factor) * tf.expand_dims(upstream, -1)
            is_clipped = tf.logical_or(unclipped < lowest, unclipped > highest)
            of_unclipped = tf.where(is_clipped, tf.zeros_like(of_share), of_share)
            return (of_unclipped - tf.reduce_sum(of_unclipped * unclipped, -1, keepdims=True)) / total

        return tf.reduce_sum(factor * entropy, -1), gradient

    return tf.custom_gradient(losses_and_gradient)(outputs)
