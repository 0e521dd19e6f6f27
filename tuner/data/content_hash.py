"""A hash of what the data hold, the same for the same values in another file format."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import RawData
from tuner.data.targets_and_task import Targets


def content_hash(raw: RawData, targets: Targets, origin: Array) -> str:
    """SHA-256 over features, targets, weights, what decides on the split, and where each row comes from, row by row.

    Numbers count with the precision of float32, in which they are trained: a float64 that was written and read as
    float32 is the same value.
    """
    state = hashlib.sha256()
    for values in (raw.x, targets.y, origin):
        _add_numbers(state, values)
    for name, texts in raw.texts.items():
        words = {text: b"" if text is None else _encoded(f"={text}") for text in {*texts}}
        _add_texts(state, [_encoded(name), *map(words.__getitem__, texts)])
    _add_texts(state, [*map(_encoded, [targets.task.value, *targets.classes])])
    if raw.weight is not None:
        _add_numbers(state, raw.weight)
    for key, values in sorted(raw.split_columns.items()):
        texts = np.unique(values, return_inverse=True)[1].astype(str) if key == "order" else values
        _add_texts(state, [*map(_encoded, [f"split {key}", *texts])])
    return state.hexdigest()


def _add_numbers(state: hashlib._Hash, values: Array) -> None:
    state.update(f"numbers {values.shape} ".encode())
    numbers = values.astype("<f4", order="C") + np.float32(0)  # -0 becomes 0
    numbers[np.isnan(numbers)] = np.nan  # one bit pattern for all that is missing
    state.update(numbers.astype("<f4").tobytes())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _add_texts(state: hashlib._Hash, texts: Sequence[bytes]) -> None:
    state.update(f"texts {[*map(len, texts)]} ".encode())
    state.update(b"".join(texts))
