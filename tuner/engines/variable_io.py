"""Get, set and restore the values of Keras variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.errors import CheckpointError


def get_values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [variable.numpy() for variable in variables]


def read(variables: Sequence[Any]) -> list[tf.Tensor]:
    """Return the values of variables as tensors, without copying them: later updates leave these as they are."""
    own = [_tensorflow_variable(variable) for variable in variables]
    return [tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype) for variable in own]


@contextlib.contextmanager
def preserved(variables: Sequence[Any]) -> Iterator[None]:
    """Restore the values of variables afterwards."""
    before = read(variables)
    try:
        yield
    finally:
        write(variables, before)


def write(variables: Sequence[Any], tensors: Sequence[tf.Tensor]) -> None:
    """Set variables to the tensors of `read`."""
    for variable, tensor in zip(variables, tensors, strict=True):
        _tensorflow_variable(variable).assign(tensor)


def assign(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    """Set variables to the arrays of `get_values`.

    Raises:
        CheckpointError: Number, shapes or dtypes differ.
    """
    own = [_tensorflow_variable(variable) for variable in variables]
    # The shape of a value: a variable may take values of any length.
    expected = [(tuple(variable.read_value().shape), variable.dtype.name) for variable in own]
    if (found := [(array.shape, array.dtype.name) for array in arrays]) != expected:
        at = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
        difference = f"{len(found)} for {len(expected)}" if at is None else f"{found[at]} for {expected[at]}"
        raise CheckpointError(f"its variables are not those of the model and its optimizer ({difference})")
    for variable, array in zip(own, arrays, strict=True):
        variable.assign(array)


def set_value(variable: Any, value: Any) -> None:
    """Set a variable without the checks of `assign`, which take three times as long.

    Args:
        variable: Of Keras or TensorFlow.
        value: A number or an array, of the shape of the variable and within the range of its dtype.
    """
    own = _tensorflow_variable(variable)
    tf.raw_ops.AssignVariableOp(resource=own.handle, value=tf.constant(value, own.dtype))


def _tensorflow_variable(variable: Any) -> tf.Variable:
    return variable.value if isinstance(variable, keras.Variable) else variable
