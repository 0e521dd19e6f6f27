"""Why plain Keras cannot load a model again, in words that say what to write instead."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from tuner.keras_internals import flatten_layers
from tuner.text import first_sentences, listed

_DECORATOR = '@keras.saving.register_keras_serializable("my_project")'
_CAUSE = "Exception encountered: "
"""Keras wraps an error once for each object around the one that cannot be made; the cause comes last."""
_MAX_CHARS = 250


def explain_saving_error(model: keras.Model, error: Exception, where: str) -> str:
    """Say what Keras cannot save or load, and the next step.

    Args:
        model: What was saved.
        error: What Keras raised.
        where: The function that built it.
    """
    if any(_is_lambda(layer) for layer in flatten_layers(model)):
        return (
            f"{where} has a Lambda layer. Compute the same with functions of keras.ops, or in a layer class of your "
            f"own with {_DECORATOR} above it."
        )
    try:
        with warnings.catch_warnings(action="ignore"):
            config = keras.saving.serialize_keras_object(model)
    except Exception:  # of a layer of the user: the error is that of saving
        config = {}
    if any(_is_lambda_config(one) for one in _objects(config)):
        return f"{where} has a layer with a lambda. Write it as a function with {_DECORATOR} above it."
    names = sorted({name for one in _objects(config) if (name := _unregistered_name(one))})
    if names:
        are, each = ("is", "it") if len(names) == 1 else ("are", "each")
        return f"{where} uses {listed(names)}, which {are} not registered with Keras. Put {_DECORATOR} above {each}."
    cause = str(error).rpartition(_CAUSE)[2] or "no message"
    return (
        f"that of {where} raises {type(error).__name__}: {first_sentences(cause, _MAX_CHARS)} A layer of your own "
        f"needs `get_config`, with all arguments of its `__init__`, and {_DECORATOR} above it."
    )


def _is_lambda(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Lambda) and getattr(layer.function, "__name__", "") == "<lambda>"


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings in a configuration."""
    if isinstance(config, Mapping):
        yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for value in config:
            yield from _objects(value)


def _is_lambda_config(one: Mapping[str, Any]) -> bool:
    """Return whether Keras has saved the bytecode of a lambda here."""
    if one.get("class_name") == "__lambda__":
        return True
    code = one.get("value")  # its bytecode as text, defaults, closure; not the numbers of `Constant`
    return set(one) == {"value"} and isinstance(code, list | tuple) and bool(code) and isinstance(code[0], str)


def _unregistered_name(one: Mapping[str, Any]) -> str | None:
    """Return the name of a class or function that is neither Keras's nor registered, else None."""
    name = one.get("registered_name")
    if name == "function":
        name = one.get("config")
    elif str(one.get("module")).startswith("keras."):
        return None
    return name if isinstance(name, str) and ">" not in name else None
