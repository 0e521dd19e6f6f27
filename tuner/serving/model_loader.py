"""Load the model of a `.keras` file that a stranger may have made.

Keras's safe mode refuses code.  What it does not refuse is a small file that asks for much: layers whose weights the
file does not hold, and parts that swell when they are read.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tuner.untrusted_files import open_zip, read_member

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
MAX_CONFIG_BYTES = 40_000_000
MAX_CONFIG_OBJECTS = 90_000
"""Layers with their initializers and policies; a network of 800 layers has about 4,000, and an ensemble 20 networks."""
_SPARE_VALUES = 1_000_000
"""What a model may hold besides its weights: seeds, states."""
_one_at_a_time = threading.Lock()


def load_model(file: Path) -> keras.Model:
    """Load a model, not compiled.

    Raises:
        ValueError: The file asks for more than it holds, or holds no model of rows.
        Exception: Whatever Keras raises of a damaged file.
    """
    with open_zip(file) as archive:
        config = read_member(archive, _CONFIG, MAX_CONFIG_BYTES)
        objects = config.count(b'"class_name"')
        if objects > MAX_CONFIG_OBJECTS:
            raise ValueError(f"its model is made of {objects:,} objects, more than {MAX_CONFIG_OBJECTS:,}")
        held = archive.getinfo(_WEIGHTS).file_size
        _check_weights(archive.read(_WEIGHTS))
    with _one_at_a_time, _limited_values(held + _SPARE_VALUES):
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    shapes = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if not isinstance(model, keras.Model) or not all(map(_is_of_rows, shapes)):
        raise ValueError("it holds no model with one input and one output")
    return model


def _is_of_rows(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) > 1 and all(size is None or type(size) is int for size in shape)


def _check_weights(content: bytes) -> None:
    """Refuse weights that claim more than the file holds, and links out of it."""
    claimed = 0

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal claimed
        if isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise ValueError(f"{name[:80]!r} in {_WEIGHTS} is in another file")
            claimed += item.nbytes
            if claimed > len(content):
                raise ValueError(f"{_WEIGHTS} claims more than the {len(content):,} bytes that it holds")

    with h5py.File(io.BytesIO(content), "r") as weights:
        weights.visititems(add)


@contextmanager
def _limited_values(limit: int) -> Iterator[None]:
    """Refuse variables of more than `limit` values in all, before they are made.

    A value has one byte at least: what a file holds bounds what its layers may have.
    """
    original, thread = keras.Variable.__init__, threading.get_ident()
    left = limit

    def limited(self: Any, initializer: Any, shape: Any = None, *given: Any, **named: Any) -> None:
        nonlocal left
        if shape is not None and threading.get_ident() == thread:
            left -= math.prod(int(size) for size in np.atleast_1d(shape))
            if left < 0:
                raise ValueError("its layers have more weights than the file holds")
        original(self, initializer, shape, *given, **named)

    keras.Variable.__init__ = limited
    try:
        yield
    finally:
        keras.Variable.__init__ = original
