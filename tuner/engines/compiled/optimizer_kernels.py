"""Update weights by TensorFlow's kernel of an optimizer, where it computes what Keras does.

Keras writes an update as up to 16 operations, each of which reads and writes vectors as long as the weights; a kernel
passes over them once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tuner.engines.compiled.runtime_scalar import rounding_root
from tuner.keras_internals import get_momentum_product, get_slot

Step: TypeAlias = Callable[[tf.Tensor, Any, tf.Tensor], None]
"""`Optimizer.update_step` of Keras: gradient, variable, learning rate."""

_MAX_ERROR = 1e-5
"""Largest relative error of a step by a kernel, from the rounding of `1 - beta`."""
_MIN_DECAY = 0.5
"""Smallest rho or beta_2 of a kernel: `(1 - rho) (g^2 - mean)`, which it adds to the mean square, cancels near 0."""


@dataclass(frozen=True)
class KernelStep:
    """An update by a kernel.

    Attributes:
        make: Makes the step of an optimizer, whose numbers may be runtime scalars.
        applies: Tells from a configuration of the optimizer whether the kernel computes what Keras does.
    """

    make: Callable[[Any], Step]
    applies: Callable[[Mapping[str, Any]], bool]


def _sgd_step(optimizer: keras.optimizers.SGD) -> Step:
    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=get_handle(variable),
            accum=get_handle(get_slot(optimizer, "momentums", variable)),
            lr=learning_rate,
            grad=gradient,
            momentum=_scalar(optimizer.momentum),
            use_nesterov=optimizer.nesterov,
        )

    return step


def _adam_step(optimizer: keras.optimizers.Adam) -> Step:
    """Return the step of Adam and AdamW; Keras applies the decay of AdamW separately.

    The kernel takes the mean square with `1 - beta_2` of the rounded beta, Keras with the rounded difference.  In the
    first steps the roots of both differ by a factor, which the rate and epsilon make up for.
    """
    rounding_root(optimizer.beta_2)  # makes its variable: made in `step`, it would have TensorFlow trace `step` twice

    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        number, beta_1, beta_2 = _step_number(optimizer), _scalar(optimizer.beta_1), _scalar(optimizer.beta_2)
        powers, root = (tf.pow(beta_1, number), tf.pow(beta_2, number)), rounding_root(optimizer.beta_2)
        epsilon = _scalar(optimizer.epsilon) * root
        _apply_adam(optimizer, gradient, variable, learning_rate * root, powers, epsilon)

    return step


def _nadam_step(optimizer: keras.optimizers.Nadam) -> Step:
    """Return the step of Nadam, whose two running means are updated by the kernel of Adam with a rate of 0.

    Keras divides the mean square by `1 - beta_2^t`; here the root of that is part of the rate and of epsilon.
    """

    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        number, beta_1, beta_2 = _step_number(optimizer), _scalar(optimizer.beta_1), _scalar(optimizer.beta_2)
        now, following = (beta_1 * (1.0 - 0.5 * tf.pow(0.96, at)) for at in (number, number + 1.0))
        product = _scalar(get_momentum_product(optimizer))
        root = tf.sqrt(1.0 - tf.pow(beta_2, number))
        rate = learning_rate * root
        zero = tf.constant(0.0)
        _apply_adam(optimizer, gradient, variable, zero, (zero, zero), tf.constant(1.0))
        mean, square = (_read(get_slot(optimizer, name, variable)) for name in ("_momentums", "_velocities"))
        mean_step = mean * (rate * following / (1.0 - product * following))
        gradient_step = gradient * (rate * (1.0 - now) / (1.0 - product))
        change = (mean_step + gradient_step) / (tf.sqrt(square) + _scalar(optimizer.epsilon) * root)
        tf.raw_ops.AssignSubVariableOp(resource=get_handle(variable), value=change)

    return step


def _rmsprop_step(optimizer: keras.optimizers.RMSprop) -> Step:
    def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=get_handle(variable),
            ms=get_handle(get_slot(optimizer, "_velocities", variable)),
            mom=get_handle(get_slot(optimizer, "_momentums", variable)),
            lr=learning_rate,
            rho=_scalar(optimizer.rho),
            momentum=_scalar(optimizer.momentum),
            epsilon=_scalar(optimizer.epsilon),
            grad=gradient,
        )

    return step


def _apply_adam(
    optimizer: Any,
    gradient: tf.Tensor,
    variable: Any,
    rate: tf.Tensor,
    powers: tuple[tf.Tensor, tf.Tensor],
    epsilon: tf.Tensor,
) -> None:
    tf.raw_ops.ResourceApplyAdam(
        var=get_handle(variable),
        m=get_handle(get_slot(optimizer, "_momentums", variable)),
        v=get_handle(get_slot(optimizer, "_velocities", variable)),
        beta1_power=powers[0],
        beta2_power=powers[1],
        lr=rate,
        beta1=_scalar(optimizer.beta_1),
        beta2=_scalar(optimizer.beta_2),
        epsilon=epsilon,
        grad=gradient,
    )


def _rounds_well(beta: float, limit: float) -> bool:
    """Return whether `1 - beta` of the float32 that is nearest to beta is near that of beta itself.

    Keras rounds the difference, a kernel computes it from the rounded beta.
    """
    exact = 1.0 - beta
    return abs(1.0 - float(np.float32(beta)) - exact) <= limit * exact


def _adam_applies(config: Mapping[str, Any]) -> bool:
    # A step is proportional to the mean of the gradient, and to the root of that of its square.
    rounds_well = _rounds_well(config["beta_1"], _MAX_ERROR) and _rounds_well(config["beta_2"], 2 * _MAX_ERROR)
    return rounds_well and _nadam_applies(config) and not config["amsgrad"]


def _nadam_applies(config: Mapping[str, Any]) -> bool:
    return bool(config["beta_2"] >= _MIN_DECAY)


def _rmsprop_applies(config: Mapping[str, Any]) -> bool:
    rho = config["rho"]
    is_plain = config["momentum"] != 0 and not config["centered"]
    return is_plain and rho >= _MIN_DECAY and _rounds_well(rho, 2 * _MAX_ERROR)


_ADAM = KernelStep(_adam_step, _adam_applies)
KERNEL_STEPS: dict[type[keras.optimizers.Optimizer], KernelStep] = {
    keras.optimizers.SGD: KernelStep(_sgd_step, lambda config: config["momentum"] != 0),
    keras.optimizers.Adam: _ADAM,
    keras.optimizers.AdamW: _ADAM,
    keras.optimizers.Nadam: KernelStep(_nadam_step, _nadam_applies),
    keras.optimizers.RMSprop: KernelStep(_rmsprop_step, _rmsprop_applies),
}
"""By the class itself: a subclass may have another formula."""


def find_kernel_step(optimizer: keras.optimizers.Optimizer) -> KernelStep | None:
    """Return the update by a kernel for an optimizer whose numbers are plain, or None for Keras's own operations."""
    found = KERNEL_STEPS.get(type(optimizer))
    return found if found is not None and found.applies(optimizer.get_config()) else None


def _step_number(optimizer: Any) -> tf.Tensor:
    """Return the number of the step, from 1, as float32."""
    return tf.cast(optimizer.iterations + 1, tf.float32)


def get_handle(variable: Any) -> tf.Tensor:
    """Return the handle of a variable of TensorFlow or Keras."""
    return variable.handle if isinstance(variable, tf.Variable) else variable.value.handle


def _read(variable: Any) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=get_handle(variable), dtype=tf.float32)


def _scalar(value: Any) -> tf.Tensor:
    """Return a number or a Keras variable as a tensor; for a runtime scalar itself, `1 - value` is no subtraction."""
    return value.value.read_value() if isinstance(value, keras.Variable) else tf.constant(value, tf.float32)
