"""A model file for tests: one layer, so that a step of plain Keras is quick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


def build(inputs: Sequence[int], outputs: int, *, activation: str, initializer: Any) -> keras.Model:
    """One dense layer."""
    rows = keras.Input(tuple(inputs))
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(rows))
