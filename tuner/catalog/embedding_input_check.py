"""Check that layers that look up integers, such as embeddings, get no scaled features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from tuner.catalog.recipe import Recipe
from tuner.errors import ContentError
from tuner.keras_internals import flatten_layers

_LOOKUPS = frozenset({"Embedding", "CategoryEncoding", "IntegerLookup", "Hashing", "HashedCrossing", "OneHot", "Take"})
"""Names of such layers and operations of Keras; their subclasses count too."""

_PROBE = -1.5
"""A scaled feature: no whole number, and one below 0 if it is made whole."""


def check_lookups(model: keras.Model, recipe: Recipe, inputs: tuple[int, ...]) -> None:
    """Refuse a model that looks up scaled features.

    The model is called once with scaled features, and the values that reach its lookups are checked: positions, or
    features that the model itself converts to non-negative integers, pass.

    Args:
        model: The model, built.
        recipe: Its data say whether the features are scaled.
        inputs: Shape of one row.

    Raises:
        ContentError: With the layer, and the key to set.
    """
    scale = recipe.data.get("scale", "none")
    lookups = [] if scale == "none" else list(_lookups(model))
    if not lookups:
        return
    states = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    scaled: list[str] = []
    try:
        for layer in lookups:
            vars(layer)["call"] = _watched(layer.name, layer.call, scaled)
        model(np.full((1, *inputs), _PROBE, np.float32), training=False)
    except Exception:  # noqa: BLE001, S110  # code of the model that takes no such row: the training will tell
        pass
    finally:
        for layer in lookups:
            vars(layer).pop("call", None)
        for variable, value in states:
            variable.assign(value)
    if scaled:
        raise ContentError(
            f"The layer {scaled[0]!r} of {recipe.model.reference} looks up whole numbers, but gets features that "
            f'scale = "{scale}" has changed. Set scale = "none" in [data], and scale the other '
            "features in the model, with a BatchNormalization layer."
        )


def _lookups(model: keras.Model) -> Iterator[Any]:
    """Layers at any depth, and operations between them."""
    seen = set()
    for part in (*flatten_layers(model), *getattr(model, "operations", ())):
        if id(part) not in seen and _LOOKUPS & {kind.__name__ for kind in type(part).__mro__}:
            seen.add(id(part))
            yield part


def _watched(name: str, call: Callable[..., Any], scaled: list[str]) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        for given in keras.tree.flatten((arguments, options)):
            values = np.asarray(given) if keras.ops.is_tensor(given) else np.zeros(0)
            if values.dtype.kind in "fiu" and ((values < 0) | (values != np.round(values))).any():
                scaled.append(name)
                raise ValueError(name)  # ends the call; Keras would add its own words to an error of ours
        return call(*arguments, **options)

    return watched
