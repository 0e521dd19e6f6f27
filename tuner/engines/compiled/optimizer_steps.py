"""Updates in one operation: TensorFlow has kernels for the formulas of some optimizers of Keras.

Keras writes them as several operations, each of which reads and writes vectors as long as the weights.  The kernels of
Adam and RMSprop are not used, as they take `1 - beta_2` and `1 - rho` of the rounded number: with a beta_2 of 0.9999 a
weight was 5e-4 off after nine steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from tuner.keras_internals import get_slot

Step: TypeAlias = Callable[[tf.Tensor, Any, tf.Tensor], None]
"""`Optimizer.update_step` of Keras: gradient, variable, learning rate."""


def sgd_step(optimizer: keras.optimizers.SGD) -> Step | None:
    """Return the step of SGD with momentum."""
    if optimizer.momentum == 0:
        return None

    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=_handle(variable),
            accum=_handle(get_slot(optimizer, "momentums", variable)),
            lr=learning_rate,
            grad=gradient,
            momentum=_scalar(optimizer.momentum),
            use_nesterov=optimizer.nesterov,
        )

    return step


STEPS: dict[type[keras.optimizers.Optimizer], Callable[[Any], Step | None]] = {
    keras.optimizers.SGD: sgd_step,
}
"""By the class itself: a subclass may have another formula."""


def use_one_operation(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimizer update by one operation, if there is one for it."""
    make = STEPS.get(type(optimizer))
    step = None if make is None else make(optimizer)
    if step is not None:
        optimizer.update_step = step


def _handle(variable: Any) -> tf.Tensor:
    return variable.handle if isinstance(variable, tf.Variable) else variable.value.handle


def _scalar(value: Any) -> tf.Tensor:
    return keras.ops.convert_to_tensor(value, "float32")
