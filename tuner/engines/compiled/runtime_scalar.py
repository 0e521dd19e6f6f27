"""Scalar hyperparameters as variables, for code of Keras that expects Python floats."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.engines.variable_io import set_value


class RuntimeScalar(keras.Variable):
    """A nonzero float32 variable in place of a Python float of Keras; it can be set between calls.

    Keras computes `1 - beta_2` in float64 and rounds the difference.  From the float32 of 0.999 it would be off by
    5e-5, so the complement is stored as well.  Zero options are part of the signature, as Keras then leaves operations
    out; so a comparison with 0 is false without a look at the value.  So is one with 1: no option of a loss or an
    optimizer is compared with it, and a layer's that are 1 are part of the signature.

    Args:
        value: Its initial value.
    """

    def __init__(self, value: float) -> None:
        super().__init__(value, dtype="float32", trainable=False, name="number")
        self._complement = tf.Variable(1.0 - value, dtype=tf.float32, trainable=False)
        self._number = value
        self._rounding_root: tf.Variable | None = None

    def set(self, value: float) -> None:
        """Set the value, for all later calls of functions that read it."""
        self._number = value
        set_value(self, value)
        set_value(self._complement, 1.0 - value)
        if self._rounding_root is not None:
            set_value(self._rounding_root, _rounding_root(value))

    def read_rounding_root(self) -> tf.Tensor:
        """See `rounding_root`."""
        if self._rounding_root is None:
            with tf.init_scope():
                self._rounding_root = tf.Variable(_rounding_root(self._number), dtype=tf.float32, trainable=False)
        return self._rounding_root.read_value()

    @property
    def handles(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The handles of both variables, by which functions read them."""
        return self.value.handle, self._complement.handle

    def __rsub__(self, other: Any) -> Any:
        if isinstance(other, (int, float)) and other == 1:
            return self._complement.read_value()
        return super().__rsub__(other)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, (int, float)) and other == 1:
            return -self._complement.read_value()
        return super().__sub__(other)

    def __bool__(self) -> bool:
        return True

    def __ne__(self, other: Any) -> Any:
        return True if isinstance(other, (int, float)) and other == 0 else super().__ne__(other)

    def __gt__(self, other: Any) -> Any:
        return True if isinstance(other, (int, float)) and other == 0 else super().__gt__(other)

    def __eq__(self, other: Any) -> Any:
        return False if isinstance(other, (int, float)) and other in (0, 1) else super().__eq__(other)

    def get_shape(self) -> tf.TensorShape:
        """Return the shape, as a tensor does."""
        return self.shape

    def __hash__(self) -> int:
        return id(self)


def rounding_root(value: Any) -> tf.Tensor:
    """Return the root of `(1 - x) / y`, where x is a number below 1 rounded to float32, and y is `1 - number` rounded.

    Args:
        value: The number, or a runtime scalar.
    """
    return value.read_rounding_root() if isinstance(value, RuntimeScalar) else tf.constant(_rounding_root(value))


def _rounding_root(value: float) -> float:
    return float(np.sqrt((np.float32(1) - np.float32(value)) / np.float32(1 - value)))


def is_tunable_scalar(value: Any) -> bool:
    """Return whether an option can be a runtime scalar: a float other than 0."""
    return isinstance(value, float) and value != 0.0
