"""Layers of Keras that are traced once for all sizes: what of their configuration is a size or a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from tuner.engines.compiled.optimized_layers import Call, dense, dropout, leaky_relu
from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.registry import Registry


@dataclass(frozen=True)
class LayerEntry:
    """A layer whose graph is the same for all sizes of its inputs and weights.

    Attributes:
        name: Class of Keras.
        sizes: Keys of its configuration that only decide the shapes of its weights.
        numbers: Attributes that are runtime scalars, if they are neither 0 nor 1, for which Keras has other graphs.
        call: Makes the `call` of a layer with runtime scalars, if it is not Keras's own (`optimized_layers`).
    """

    name: str
    sizes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    call: Callable[[Any, Mapping[str, RuntimeScalar]], Call | None] | None = None


LAYERS: Registry[LayerEntry] = Registry(
    "layer",
    LayerEntry("Dense", sizes=("units",), call=dense),
    LayerEntry("Conv1D", sizes=("filters",)),
    LayerEntry("Conv2D", sizes=("filters",)),
    LayerEntry("Conv3D", sizes=("filters",)),
    LayerEntry("Activation"),
    LayerEntry("ReLU"),
    LayerEntry("LeakyReLU", numbers=("negative_slope",), call=leaky_relu),
    LayerEntry("ELU", numbers=("alpha",)),
    LayerEntry("Softmax"),
    LayerEntry("Dropout", numbers=("rate",), call=dropout),
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
