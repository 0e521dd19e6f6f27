"""Numbers that a program reads when it runs, where Keras's code has Python floats."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class RuntimeScalar(keras.Variable):
    """A float32 that differs from 0, can be set between calls, and stands where Keras expects a Python float.

    Keras writes `1 - beta_2` of Python floats, in float64, and rounds the difference.  From the rounded float32 of
    0.999 it would be off by 5e-5, so the difference is kept as well.  Whether an option is 0 decides in Keras's code
    which operations there are; it belongs to the signature of a program, and here the answer is always no.

    Args:
        value: Its value at first.
    """

    def __init__(self, value: float) -> None:
        super().__init__(value, dtype="float32", trainable=False, name="number")
        self._rest = tf.Variable(1.0 - value, dtype=tf.float32, trainable=False)

    def set(self, value: float) -> None:
        """Give it another value, for all later calls of the programs that read it."""
        self.assign(value)
        self._rest.assign(1.0 - value)

    def __rsub__(self, other: Any) -> Any:
        if isinstance(other, (int, float)) and other == 1:
            return self._rest.read_value()
        return super().__rsub__(other)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, (int, float)) and other == 1:
            return -self._rest.read_value()
        return super().__sub__(other)

    def __bool__(self) -> bool:
        return True

    def __ne__(self, other: Any) -> Any:
        return True if isinstance(other, (int, float)) and other == 0 else super().__ne__(other)

    def __gt__(self, other: Any) -> Any:
        return True if isinstance(other, (int, float)) and other == 0 else super().__gt__(other)

    def __hash__(self) -> int:
        return id(self)


def is_tunable_scalar(value: Any) -> bool:
    """Whether an option is one that a program reads when it runs: a float other than 0."""
    return isinstance(value, float) and value != 0.0
