"""Updates in one operation: TensorFlow has kernels for the formulas of some optimizers of Keras.

Keras writes them as several operations, each of which reads and writes vectors as long as the weights.  The kernel of
Adam takes `1 - beta_2` of the rounded beta: with 0.9999 a weight was 5e-4 off after nine steps, so it is not used.
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


def rmsprop_step(optimizer: keras.optimizers.RMSprop) -> Step | None:
    """Return the step of RMSprop with momentum; the kernel has no other."""
    if optimizer.momentum == 0 or optimizer.centered:
        return None

    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=_handle(variable),
            ms=_handle(get_slot(optimizer, "_velocities", variable)),
            mom=_handle(get_slot(optimizer, "_momentums", variable)),
            lr=learning_rate,
            rho=_scalar(optimizer.rho),
            momentum=_scalar(optimizer.momentum),
            epsilon=_scalar(optimizer.epsilon),
            grad=gradient,
        )

    return step


STEPS: dict[type[keras.optimizers.Optimizer], Callable[[Any], Step | None]] = {
    keras.optimizers.RMSprop: rmsprop_step,
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
