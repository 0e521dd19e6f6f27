"""Get, set and restore the values of Keras variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tuner.errors import CheckpointError


def get_values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@contextlib.contextmanager
def preserved(variables: Sequence[Any]) -> Iterator[None]:
    """Restore the values of variables afterwards."""
    before = get_values(variables)
    try:
        yield
    finally:
        assign(variables, before)


def assign(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    """Set variables to the arrays of `get_values`.

    Raises:
        CheckpointError: Number, shapes or dtypes differ.
    """
    expected = [(tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)) for variable in variables]
    if (found := [(array.shape, array.dtype.name) for array in arrays]) != expected:
        at = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
        difference = f"{len(found)} for {len(expected)}" if at is None else f"{found[at]} for {expected[at]}"
        raise CheckpointError(f"its variables are not those of the model and its optimizer ({difference})")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
