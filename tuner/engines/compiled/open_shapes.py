"""Weights whose sizes are read when a function runs: one function serves networks of all widths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, nth_output
from tuner.engines.variable_io import set_value
from tuner.keras_internals import open_shape


def open_vector() -> keras.Variable:
    """Return a float32 variable that takes vectors of any length; slots of optimizers are made from it."""
    vector = keras.Variable(np.zeros(1, np.float32), name="weights")
    open_shape(vector)
    return vector


def open_variable(rank: int, dtype: str) -> tf.Variable:
    """Return a variable for any shape of its rank; integers are the state of a generator, which has one shape."""
    if dtype.startswith("float"):
        return tf.Variable(np.zeros([1] * rank, dtype), shape=tf.TensorShape([None] * rank), trainable=False)
    return tf.Variable(np.zeros([2] * rank, dtype), trainable=False)


class OpenShapes:
    """The sizes of the weights of a network, as variables.

    Args:
        ranks: Of each weight.
    """

    def __init__(self, ranks: Sequence[int]) -> None:
        self._ranks = list(ranks)
        self._sizes = tf.Variable(np.zeros(len(self._ranks), np.int32), trainable=False)
        self._shapes = [tf.Variable(np.zeros(rank, np.int32), trainable=False) for rank in self._ranks if rank != 1]

    @property
    def handles(self) -> list[tf.Tensor]:
        """Handles of the variables."""
        return [variable.handle for variable in (self._sizes, *self._shapes)]

    def load(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Set the shapes of all weights."""
        set_value(self._sizes, [int(np.prod(shape)) for shape in shapes])
        for variable, shape in zip(self._shapes, (each for each in shapes if len(each) != 1), strict=True):
            set_value(variable, shape)

    def add_split(self, builder: FunctionDefBuilder, vector: str, handles: Sequence[str]) -> list[str]:
        """Add operations that split a flat vector into the weights, and return references to these."""
        sizes, *shapes = (read_variable(builder, handle, tf.int32) for handle in handles)
        return split_vector(builder, vector, sizes, shapes, self._ranks)


def split_vector(
    builder: FunctionDefBuilder, vector: str, sizes: str, shapes: Sequence[str], ranks: Sequence[int]
) -> list[str]:
    """Add operations that split a flat vector; sizes and the shapes of all but vectors are references."""
    axis, count = builder.constant(0, tf.int32), len(ranks)
    split = builder.add_op("SplitV", [vector, sizes, axis], "output", T=tf.float32, Tlen=tf.int32, num_split=count)
    parts, remaining = list[str](), iter(shapes)
    for index, rank in enumerate(ranks):
        part = nth_output(split, index)
        parts.append(part if rank == 1 else reshape(builder, part, next(remaining)))
    return parts


def concatenate(builder: FunctionDefBuilder, parts: Sequence[str], ranks: Sequence[int]) -> str:
    """Add operations that flatten and concatenate tensors, and return a reference to the vector."""
    flat = builder.constant([-1], tf.int32)
    vectors = [part if rank == 1 else reshape(builder, part, flat) for part, rank in zip(parts, ranks, strict=True)]
    if len(vectors) == 1:
        return vectors[0]
    axis = builder.constant(0, tf.int32)
    return builder.add_op("ConcatV2", [*vectors, axis], "output", T=tf.float32, Tidx=tf.int32, N=len(vectors))


def reshape(builder: FunctionDefBuilder, tensor: str, shape: str) -> str:
    """Add a change of shape."""
    return builder.add_op("Reshape", [tensor, shape], "output", T=tf.float32, Tshape=tf.int32)


def read_variable(builder: FunctionDefBuilder, handle: str, dtype: Any) -> str:
    """Add a read of a variable."""
    return builder.add_op("ReadVariableOp", [handle], "value", dtype=dtype)
