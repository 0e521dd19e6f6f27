"""Layers of Keras that are traced once for all sizes: what of their configuration is a size or a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.registry import Registry


@dataclass(frozen=True)
class LayerEntry:
    """A layer whose graph is the same for all sizes of its inputs and weights.

    Attributes:
        name: Class of Keras.
        sizes: Keys of its configuration that only decide the shapes of its weights.
        numbers: Attributes that are runtime scalars, if they are neither 0 nor 1, for which Keras has other graphs.
        call: Makes the `call` of a layer with runtime scalars, if Keras's own takes Python floats only.
    """

    name: str
    sizes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    call: Callable[[Mapping[str, RuntimeScalar]], Callable[..., Any]] | None = None


def _leaky_relu(scalars: Mapping[str, RuntimeScalar]) -> Callable[..., Any]:
    """TensorFlow's operation has its slope as an attribute."""
    return lambda inputs: tf.where(inputs > 0, inputs, scalars["negative_slope"].value * inputs)


LAYERS: Registry[LayerEntry] = Registry(
    "layer",
    LayerEntry("Dense", sizes=("units",)),
    LayerEntry("Conv1D", sizes=("filters",)),
    LayerEntry("Conv2D", sizes=("filters",)),
    LayerEntry("Conv3D", sizes=("filters",)),
    LayerEntry("Activation"),
    LayerEntry("ReLU"),
    LayerEntry("LeakyReLU", numbers=("negative_slope",), call=_leaky_relu),
    LayerEntry("ELU", numbers=("alpha",)),
    LayerEntry("Softmax"),
    LayerEntry("Dropout", numbers=("rate",)),
    LayerEntry("SpatialDropout1D", numbers=("rate",)),
    LayerEntry("SpatialDropout2D", numbers=("rate",)),
    LayerEntry("SpatialDropout3D", numbers=("rate",)),
    LayerEntry("AlphaDropout", numbers=("rate",)),
    LayerEntry("GaussianNoise", numbers=("stddev",)),
    LayerEntry("BatchNormalization", numbers=("momentum", "epsilon")),
    LayerEntry("Add"),
    LayerEntry("Subtract"),
    LayerEntry("Multiply"),
    LayerEntry("Average"),
    LayerEntry("Maximum"),
    LayerEntry("Concatenate"),
    LayerEntry("Flatten"),
    LayerEntry("MaxPooling1D"),
    LayerEntry("MaxPooling2D"),
    LayerEntry("AveragePooling1D"),
    LayerEntry("AveragePooling2D"),
    LayerEntry("GlobalAveragePooling1D"),
    LayerEntry("GlobalAveragePooling2D"),
    LayerEntry("GlobalMaxPooling1D"),
    LayerEntry("GlobalMaxPooling2D"),
)
"""Of other layers of Keras, the whole configuration and all shapes belong to the signature."""


def find_entry(layer: keras.layers.Layer) -> LayerEntry | None:
    """Return the row of a layer, or None if it has none."""
    name = type(layer).__name__
    return LAYERS[name] if name in LAYERS and type(layer) is getattr(keras.layers, name) else None
