"""A trained model as a Keras file that takes rows as the data source gives them, and needs nothing of ours.

Notation: d columns of a row, k outputs.  The layers in front repeat `Preprocessing.apply`, those behind `scores` and
`Split.unscale`; they compute in float64, as these do, up to the model itself.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tuner.catalog import Recipe, Task, resolve_head
from tuner.data import HeldOut, Preprocessing
from tuner.errors import ContentError
from tuner.keras_internals import flatten_layers

_SMALLEST = 1e-6
"""`Normalization` divides by the deviation or `keras.config.epsilon()`, 1e-7, whichever is larger."""
_EXACT = 1e-6
"""How far a center may be off, in units of its scale."""
_CLOSE = 1e-4


def build_serving_model(model: keras.Model, recipe: Recipe, held: HeldOut) -> keras.Model:
    """Build preprocessing, the trained model and postprocessing as one model, not compiled.

    Returns:
        A model from rows of the source, `(n, ..., d)` with texts as numbers, to scores in [0, 1] for classification and
        values in the unit of the target for regression, `(n, k)`.
    """
    assert held.preprocessing is not None
    rows = keras.Input(held.sample.shape[1:], dtype="float64", name="rows")
    x = _preprocessed(rows, held.preprocessing)
    return keras.Model(rows, _answers(model(x), recipe, held), name="whole")


def find_custom_objects(model: keras.Model) -> tuple[str, ...]:
    """Return the class names of layers that are not Keras's: they are needed to load the file."""
    layers = flatten_layers(model)
    return tuple(sorted({type(layer).__name__ for layer in layers if not type(layer).__module__.startswith("keras.")}))


def save_checked(whole: keras.Model, file: Path, held: HeldOut, recipe: Recipe, model: keras.Model) -> None:
    """Save a whole model, and load it again with Keras's safe mode on: it must answer as the trained one does.

    Raises:
        ContentError: It cannot be saved or loaded so, or answers otherwise.
    """
    where, step = recipe.model.reference, "Use layers of Keras, or register your own (keras.saving)."
    try:
        whole.save(file)
        loaded = keras.saving.load_model(file)
        found = loaded.predict_on_batch(held.sample)  # `predict` makes float32 of the rows first
    except Exception as error:  # Keras raises what the first layer raises that cannot be made again
        raise ContentError(
            f"A trained model must be one that plain Keras can save, and load with its safe mode on, but that of "
            f"{where} cannot: {type(error).__name__}: {' '.join(str(error).split())[:300]}. {step}"
        ) from error
    assert held.preprocessing is not None
    scores = recipe.scores(model.predict(held.preprocessing.apply(held.sample), verbose=0))
    expected = held.unscale(scores) if recipe.task is Task.REGRESSION else scores
    if not np.allclose(found, expected, rtol=_CLOSE, atol=_CLOSE * float(np.max(held.target_scale))):
        raise ContentError(
            f"The model of {where} gives other answers after it was saved and loaded (up to "
            f"{float(np.abs(found - expected).max()):.3g} apart): a layer does not save all that it needs. {step}"
        )


def _preprocessed(x: Any, given: Preprocessing) -> Any:
    if given.fill is not None:
        x = keras.ops.where(keras.ops.isnan(x), given.fill, x)
    for layer in _normalizing(given.center, given.scale, "scale"):
        x = layer(x)
    return x if tuple(x.shape[1:]) == given.shape else keras.layers.Reshape(given.shape, dtype="float64")(x)


def _normalizing(center: np.ndarray, scale: np.ndarray, name: str, *, invert: bool = False) -> list[keras.layers.Layer]:
    """Return layers that compute `(x - center) / scale`, or `x * scale + center`; none if that changes nothing.

    Keras keeps mean and variance as float32.  The rest of a center that is large beside its scale is the center of a
    second layer.
    """
    if not center.any() and (scale == 1.0).all():
        return []
    first = center.astype(np.float32).astype(np.float64)
    steps = max(1, math.ceil(math.log(float(scale.min())) / math.log(_SMALLEST)))
    steps = max(steps, 2 if (np.abs(center - first) > _EXACT * scale).any() else 1)
    part = scale ** (1.0 / steps)
    centers = [center] if steps == 1 else [first, (center - first) / part, *[np.zeros_like(center)] * (steps - 2)]
    layers = [
        keras.layers.Normalization(
            axis=-1,
            mean=mean.tolist(),
            variance=np.square(part).tolist(),
            invert=invert,
            dtype="float64",
            name=name if number == 0 else f"{name}_{number}",
        )
        for number, mean in enumerate(centers)
    ]
    return layers[::-1] if invert else layers


def _answers(outputs: Any, recipe: Recipe, held: HeldOut) -> Any:
    if recipe.task is Task.REGRESSION:
        for layer in _normalizing(held.target_center, held.target_scale, "target", invert=True):
            outputs = layer(outputs)
        return outputs
    head = resolve_head(recipe.loss.name, recipe.task) if recipe.head == "model" else recipe.head
    match head:
        case "tanh":
            return keras.layers.Rescaling(0.5, 0.5, name="score")(outputs)
        case "relu":
            return keras.layers.ReLU(max_value=1.0, name="score")(outputs)
        case "linear":
            kind = "softmax" if recipe.task is Task.MULTICLASS else "sigmoid"
            return keras.layers.Activation(kind, name="score")(outputs)
    return outputs
