"""A hash of what the data hold, the same for the same values in another file format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import RawData
from tuner.data.targets import Targets


def content_hash(raw: RawData, targets: Targets, origin: Array) -> str:
    """SHA-256 over features, targets, weights, what decides on the split, and where each row comes from, row by row.

    Numbers count with the precision of float32, in which they are trained: a float64 that was written and read as
    float32 is the same value.
    """
    state = hashlib.sha256()
    for values in (raw.x, targets.y, origin):
        _add_numbers(state, values)
    for name, texts in raw.texts.items():
        _add_texts(state, [name, *("" if text is None else f"={text}" for text in texts)])
    _add_texts(state, [targets.task.value, *targets.classes])
    if raw.weight is not None:
        _add_numbers(state, raw.weight)
    for key, values in sorted(raw.split_columns.items()):
        texts = np.unique(values, return_inverse=True)[1].astype(str) if key == "order" else values
        _add_texts(state, [f"split {key}", *texts])
    return state.hexdigest()


def _add_numbers(state: hashlib._Hash, values: Array) -> None:
    state.update(f"numbers {values.shape} ".encode())
    numbers = values.astype("<f4", order="C") + np.float32(0)  # -0 becomes 0
    numbers[np.isnan(numbers)] = np.nan  # one bit pattern for all that is missing
    state.update(numbers.astype("<f4").tobytes())


def _add_texts(state: hashlib._Hash, texts: Iterable[str]) -> None:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    state.update(f"texts {[len(text) for text in encoded]} ".encode())
    state.update(b"".join(encoded))
