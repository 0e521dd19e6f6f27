"""The values of Keras variables, taken out of one training and put into another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tuner.errors import CheckpointError


def values_of(variables: Sequence[Any]) -> list[np.ndarray]:
    """Their values; the arrays stay as they are."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@contextlib.contextmanager
def kept(variables: Sequence[Any]) -> Iterator[None]:
    """Put back afterwards what the variables were before: a look at a model must not change what it will do."""
    before = values_of(variables)
    try:
        yield
    finally:
        assign(variables, before)


def assign(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    """Set variables to the arrays of `values_of`.

    Raises:
        CheckpointError: They are of other variables.
    """
    expected = [(tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)) for variable in variables]
    if (found := [(array.shape, array.dtype.name) for array in arrays]) != expected:
        at = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
        what = f"{len(found)} for {len(expected)}" if at is None else f"{found[at]} for {expected[at]}"
        raise CheckpointError(f"its variables are not those of the model and its optimizer ({what})")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
