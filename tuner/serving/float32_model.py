"""A saved model whose layers around the network compute in float32, for formats that have nothing else.

The file of `tuner train` computes in float64 up to the network, as the training did.  Runtimes of phones know float32
alone.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def to_float32(model: keras.Model) -> keras.Model:
    """Return a model that takes rows in float32 and shares the network of the given one.

    Numbers of the preprocessing become constants of the graph: converters know no tensors that are kept beside it, as
    those of `Normalization` are.
    """
    rows = keras.Input(model.input_shape[1:], dtype="float32", name=model.inputs[0].name)
    return keras.models.clone_model(model, input_tensors=rows, clone_function=_in_float32, call_function=_call)


def _in_float32(layer: Any) -> Any:
    if not isinstance(layer, keras.layers.Layer) or layer.compute_dtype != "float64" or layer.weights:
        return layer
    if isinstance(layer, keras.layers.Normalization) and layer.input_mean is not None:
        return _constant_normalization(layer)
    return type(layer).from_config({**layer.get_config(), "dtype": "float32"})


def _constant_normalization(layer: keras.layers.Normalization) -> keras.Sequential:
    """Compute what a `Normalization` does; the mean is taken off first, so that few digits are lost."""
    mean, deviation = np.asarray(layer.input_mean), np.sqrt(np.asarray(layer.input_variance))
    steps: list[tuple[Any, Any]] = [(deviation, mean)] if layer.invert else [(1.0, -mean), (1.0 / deviation, 0.0)]
    return keras.Sequential(
        [keras.layers.Rescaling(np.float32(scale), np.float32(offset), dtype="float32") for scale, offset in steps],
        name=layer.name,
    )


def _call(operation: Any, *arguments: Any, **options: Any) -> Any:
    """Call a layer or an operation, its constants in float32."""
    arguments, options = keras.tree.map_structure(_constant, (arguments, options))
    return operation(*arguments, **options)


def _constant(value: Any) -> Any:
    if isinstance(value, keras.KerasTensor) or getattr(value, "dtype", None) is None:
        return value
    return np.asarray(value, np.float32) if "float64" in str(value.dtype) else value
