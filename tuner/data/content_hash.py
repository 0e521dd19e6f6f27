"""A hash of what the data hold, the same for the same values in another file format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

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


def encoded_hash(sha256: str, categories: Iterable[Sequence[str]]) -> str:
    """Return the hash of a study's data: another one where older versions encoded the same rows otherwise.

    They took the categories of `text` in the order of the alphabet, numbers as well.  A study of theirs must not go on
    with another encoding.

    Args:
        sha256: The content hash.
        categories: Of each column that `text` encodes, in the order of their codes.
    """
    as_before = all(list(words) == sorted(words) for words in categories)
    return sha256 if as_before else _in_numeric_order(sha256)


def matches_rows(sha256: str, rows: str) -> bool:
    """Check whether the hash of a study's data may be that of rows with this content hash, whatever their encoding."""
    return sha256 in (rows, _in_numeric_order(rows))


def _in_numeric_order(sha256: str) -> str:
    return hashlib.sha256(f"numeric order {sha256}".encode()).hexdigest()


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
