"""The layer that a Keras model ends in, and its activation."""

from __future__ import annotations

from typing import Any

import keras

from tuner.keras_internals import producing_layer


def is_builtin_layer(layer: keras.layers.Layer) -> bool:
    """Return whether a layer's class is one of Keras's."""
    return type(layer).__module__.startswith("keras.")


def output_layer(model: keras.Model) -> keras.layers.Layer:
    """Return the layer that computes the outputs of a model, at any depth."""
    last: Any = model
    while isinstance(last, keras.Model) and getattr(last, "outputs", None):
        last = producing_layer(last.outputs[0])
    return last


def output_activation(model: keras.Model) -> tuple[str, str] | None:
    """Return Keras's name of the activation that a model ends in, and the name of its layer; None if it is unknown.

    Custom layers may compute something after their activation, and layers without one pass on what they are given.
    """
    if not getattr(model, "outputs", None):
        return None
    last = output_layer(model)
    if not is_builtin_layer(last):
        return None
    if type(last).__name__ in ("Softmax", "Sigmoid"):  # the layer, or of keras.ops
        return (type(last).__name__.lower(), last.name) if getattr(last, "axis", -1) == -1 else None
    activation = vars(last).get("activation")
    name = getattr(activation, "__name__", "")
    return (name, last.name) if activation and getattr(keras.activations, name, None) is activation else None
