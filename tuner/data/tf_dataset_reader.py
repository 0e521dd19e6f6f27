"""Read a `tf.data.Dataset` into arrays; TensorFlow is that of the caller, and is not imported here."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuner.data.dataset import Array
from tuner.data.raw_data import ROLES
from tuner.errors import DataError
from tuner.text import count
from tuner.untrusted_files import physical_memory

_INFINITE = -1
"""What `tf.data.Dataset.cardinality` says of a data set that never ends."""


def is_tf_dataset(value: Any) -> bool:
    """Tell whether a value is a `tf.data.Dataset`."""
    return type(value).__module__.split(".")[0] == "tensorflow" and hasattr(value, "element_spec")


def read_tf_dataset(dataset: Any, source: str) -> dict[str, Array]:
    """Read all elements of a data set, `(x, y)` or `(x, y, weight)`, in batches or row by row.

    Args:
        dataset: A `tf.data.Dataset`.
        source: Its name in messages.

    Returns:
        The arrays by name.

    Raises:
        DataError: It never ends, holds other elements, gives other rows the second time, or does not fit the memory.
    """
    specs = _specs(dataset.element_spec, source)
    if int(dataset.cardinality()) == _INFINITE:
        raise DataError(
            f"A data set must end, but {source} repeats forever. Leave out repeat(): the study sets the epochs."
        )
    batched = _is_batched(specs, source)
    first = _joined(dataset, len(specs), batched, source)
    again = _joined(dataset, len(specs), batched, source)
    if any(not np.array_equal(first[name], again[name], equal_nan=first[name].dtype.kind == "f") for name in first):
        raise DataError(
            f"A data set must give the same rows in the same order each time, but {source} gives others the second "
            "time. Leave out shuffle() and random augmentation: each epoch of a trial shuffles, and layers augment."
        )
    return first


def _specs(element: Any, source: str) -> tuple[Any, ...]:
    if isinstance(element, tuple) and len(element) in (2, 3) and all(hasattr(spec, "shape") for spec in element):
        return element
    raise DataError(
        f"A data set must give (x, y) or (x, y, weight), each one tensor, but {source} gives {element!r}. "
        "Convert it to this form with map()."
    )


def _is_batched(specs: tuple[Any, ...], source: str) -> bool:
    """Tell whether an element is a batch: then its tensors share their first axis, and y has one."""
    x, y = (tuple(spec.shape) for spec in specs[:2])
    if not y or not x:
        return False
    if len(x) == len(y) == 1 and x == y and x[0] is not None:
        raise DataError(
            f"It must be clear whether an element is a row or a batch, but x and y of {source} both have the shape "
            f"{x}. Add batch(32)."
        )
    return bool(x[0] == y[0])


def _joined(dataset: Any, parts: int, batched: bool, source: str) -> dict[str, Array]:
    chunks: list[list[Array]] = [[] for _ in range(parts)]
    size, room = 0, physical_memory()
    for element in dataset.as_numpy_iterator():
        for chunk, values in zip(chunks, element, strict=True):
            chunk.append(np.asarray(values) if batched else np.asarray(values)[None])
            size += chunk[-1].nbytes
        if room is not None and 2 * size > room:
            raise DataError(
                f"A data set must fit half of the memory, but {source} takes more than {size:,} bytes after "
                f"{count(len(chunks[0]), 'element')}. Take fewer rows with take(), or save smaller ones."
            )
    if not chunks[0]:
        raise DataError(f"The data must have rows, but {source} has none.")
    try:
        return {name: np.concatenate(chunk) for name, chunk in zip(ROLES, chunks, strict=False)}
    except ValueError:
        raise DataError(f"The rows must have one shape, but those of {source} differ. Resize or pad them.") from None
