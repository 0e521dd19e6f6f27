"""Clipping by a function of gradients and weights, in front of any Keras optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf


def clip_by(
    optimizer: keras.optimizers.Optimizer, function: Callable[..., Any], options: Mapping[str, Any]
) -> keras.optimizers.Optimizer:
    """Let `function(gradients, weights, **options)` change the gradients of each step before the optimizer takes them.

    Args:
        optimizer: Is changed.
        function: Takes two lists of tensors of the same shapes, and returns one for the gradients.
        options: Its keyword arguments.

    Returns:
        The same optimizer.
    """
    apply = optimizer.apply

    def apply_clipped(grads: Iterable[Any], trainable_variables: Iterable[Any]) -> Any:
        pairs = [pair for pair in zip(grads, trainable_variables, strict=True) if pair[0] is not None]
        weights = [weight for _, weight in pairs]
        # Those of an embedding come as rows and their indices, of which the function knows nothing.
        gradients = [tf.convert_to_tensor(gradient) for gradient, _ in pairs]
        return apply(function(gradients, [keras.ops.convert_to_tensor(one) for one in weights], **options), weights)

    optimizer.apply = apply_clipped
    return optimizer
