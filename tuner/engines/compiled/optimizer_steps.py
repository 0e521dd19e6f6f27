"""Updates in one operation: TensorFlow has kernels for the formulas of some optimizers of Keras.

Keras writes Adam as 12 operations, each of which reads and writes vectors as long as the weights.  Of 72,000 weights a
step of Adam takes 0.30 ms so, and 0.1 ms as one operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from tuner.keras_internals import get_slot

Step: TypeAlias = Callable[[tf.Tensor, Any, tf.Tensor], None]
"""`Optimizer.update_step` of Keras: gradient, variable, learning rate."""


def adam_step(optimizer: keras.optimizers.Adam) -> Step | None:
    """Return the step of Adam and AdamW, whose decay is a step of its own.

    The kernel averages squares by `1 - beta_2` of the rounded beta, Keras by the rounded difference.  In the first
    steps their roots differ by a factor, which rate and epsilon make up for.  After many steps they are equal, and the
    step is off by that factor: 6e-6 for a beta_2 of 0.999.
    """
    if optimizer.amsgrad:
        return None

    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        number = tf.cast(optimizer.iterations + 1, tf.float32)
        beta_1, beta_2 = _scalar(optimizer.beta_1), _scalar(optimizer.beta_2)
        factor = tf.sqrt((1.0 - beta_2) / _scalar(1 - optimizer.beta_2))
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(get_slot(optimizer, "_momentums", variable)),
            v=_handle(get_slot(optimizer, "_velocities", variable)),
            beta1_power=tf.pow(beta_1, number),
            beta2_power=tf.pow(beta_2, number),
            lr=learning_rate * factor,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=_scalar(optimizer.epsilon) * factor,
            grad=gradient,
        )

    return step


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
    keras.optimizers.Adam: adam_step,
    keras.optimizers.AdamW: adam_step,
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
