"""Find reshapes of a traced function that change nothing.

Keras flattens the rows of a cross-entropy, which are flat already, to a shape that it computes in each step: a sixth of
the operations of a step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

Sizes = list[int | None]


def find_reshapes_to_same_shape(function: Any) -> Iterator[str]:
    """Yield the names of the reshapes of a `ConcreteFunction` whose result has the shape of what they are given.

    That is so if the ranks are equal, and all sizes but one.
    """
    for operation in function.graph.get_operations():
        if operation.type == "Reshape":
            given, shape = operation.inputs
            before, after = _known_shape(given), _known_values(shape)
            if before is not None and after is not None and _is_same(before, after):
                yield operation.name


def _is_same(before: Sequence[int | None], after: Sequence[int | None]) -> bool:
    if len(before) != len(after):
        return False
    equal = [size is not None and size > 0 and size == other for size, other in zip(before, after, strict=True)]
    return equal.count(False) <= 1


def _known_shape(tensor: tf.Tensor) -> Sizes | None:
    return None if tensor.shape.rank is None else list(tensor.shape.as_list())


def _known_values(tensor: tf.Tensor) -> Sizes | None:
    """Return the values of a vector or scalar of sizes, each None if it is not known; None if their number is not."""
    value, operation = tf.get_static_value(tensor), tensor.op
    if value is not None:
        return [int(each) for each in value.ravel()]
    match operation.type:
        case "Shape":
            return _known_shape(operation.inputs[0])
        case "Sub":
            first, second = map(_known_values, operation.inputs)
            if not first or not second or first[0] is None or second[0] is None or len(first) + len(second) > 2:
                return None
            return [first[0] - second[0]]
        case "Pack":
            return [(_known_values(each) or [None])[0] for each in operation.inputs]
        case "ConcatV2":
            parts = [_known_values(each) for each in operation.inputs[:-1]]
            known = [part for part in parts if part is not None]
            return list(itertools.chain(*known)) if len(known) == len(parts) else None
        case "Slice":
            values, begin, size = map(_known_values, operation.inputs)
            if values is None or not begin or not size or begin[0] is None or size[0] is None:
                return None
            return values[begin[0] :] if size[0] < 0 else values[begin[0] : begin[0] + size[0]]
    return None
