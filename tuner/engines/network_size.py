"""The size of a network: its weights, and the multiply-adds that answer one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

BYTES_PER_WEIGHT = 4
"""Of float32."""
_ELEMENTWISE = ("bias", "gamma", "beta", "alpha", "embeddings")
"""Names of weights that no product of matrices uses: added, multiplied by element, or looked up."""


@dataclass(frozen=True)
class NetworkSize:
    """What a network costs to store and to use.

    Attributes:
        weights: Number of its parameters, those that are not trained included.
        trainable_weights: Number of those that are trained.
        multiply_adds: Multiplications, each with an addition, that answer one row (`count_multiply_adds`); None if
            the model is not a graph of layers with known shapes.
    """

    weights: int
    trainable_weights: int
    multiply_adds: int | None

    @classmethod
    def of(cls, model: keras.Model) -> NetworkSize:
        """Measure a built model; its variables may have no values yet."""
        return cls(_count(model.weights), _count(model.trainable_weights), count_multiply_adds(model))


def count_multiply_adds(model: keras.Model) -> int | None:
    """Count the multiply-adds that answer one row: the sum over the calls of the layers.

    A weight with two or more axes is multiplied once at each position of the layer's output, which are all its axes but
    the batch and the features: this is exact for Dense and EinsumDense layers, and for convolutions of every kind.
    Transposed convolutions count the positions of their input, recurrent layers its steps.  Lookups, biases,
    normalization, activations, pooling, and products of two activations (as in attention) count nothing.

    Returns:
        The count, or None if the model is not a graph of layers, or a dimension of a shape is unknown.
    """
    from tuner.keras_internals import get_calls

    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    counts = [_count_call(*call) for call in get_calls(*outputs)]
    return None if None in counts else sum(count for count in counts if count is not None)


def _count_call(layer: Any, arguments: Sequence[Any], keywords: object, results: Sequence[Any]) -> int | None:
    import keras

    if isinstance(layer, keras.Model):
        return count_multiply_adds(layer)
    if not isinstance(layer, keras.layers.Layer):
        return 0
    products = _count(weight for weight in layer.weights if _is_matrix(weight))
    if not products:
        return 0
    given = arguments[0][0] if isinstance(arguments[0], list | tuple) else arguments[0]
    positions = _positions(layer)(layer, tuple(given.shape), tuple(results[0].shape))
    return None if None in positions else products * math.prod(size for size in positions if size is not None)


Shape = tuple[int | None, ...]


def _positions(layer: keras.layers.Layer) -> Callable[[Any, Shape, Shape], Shape]:
    """Return the rule for where a layer uses its weights."""
    import keras

    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        return lambda layer, given, result: (given[1], *_spatial(layer, result)[int(layer.return_sequences) :])
    if type(layer).__name__.endswith("Transpose"):
        return lambda layer, given, result: _spatial(layer, given)
    return lambda layer, given, result: _spatial(layer, result)


def _spatial(layer: Any, shape: Shape) -> Shape:
    """Return the axes of a shape but the batch and the features."""
    return shape[2:] if getattr(layer, "data_format", None) == "channels_first" else shape[1:-1]


def _is_matrix(weight: Any) -> bool:
    return len(weight.shape) > 1 and weight.name not in _ELEMENTWISE


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
