"""Trained networks as a Keras file that takes rows as the data source gives them, and does not need this package.

Notation: d columns of a row, k outputs.  The layers in front repeat `Preprocessing.apply`, those behind `scores`,
`average`, `calibrate` and `Split.unscale`; in front they compute in float64, as these do, up to the networks.
"""

from __future__ import annotations

import contextlib
import errno
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tuner.catalog import Recipe, Task, resolve_head
from tuner.data import HeldOut, Preprocessing
from tuner.errors import ContentError
from tuner.keras_internals import flatten_layers
from tuner.refit.saving_error_advice import explain_saving_error
from tuner.refit.temperature import SMALLEST_PROBABILITY

_SMALLEST = 1e-6
"""`Normalization` divides by the deviation or `keras.config.epsilon()`, 1e-7, whichever is larger."""
_EXACT = 1e-6
"""How far a center may be off, in units of its scale."""
_CLOSE = 1e-4
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network in an ensemble.

    Attributes:
        model: From preprocessed rows to raw outputs.
        recipe: What it was trained by.
        weight: Its share of the average.
    """

    model: keras.Model
    recipe: Recipe
    weight: float = 1.0


def build_serving_model(
    networks: Sequence[TrainedNetwork], held: HeldOut, temperature: float | None = None
) -> keras.Model:
    """Build preprocessing, the trained networks, their average and postprocessing as one model, not compiled.

    Several networks get new names, which end in _1 to _n.

    Args:
        networks: One or more, of the same task, with weights that sum to 1.
        held: What they were trained on.
        temperature: Divides the logits of the answer; None to leave the probabilities as they are.

    Returns:
        A model from rows of the source, `(n, ..., d)` with texts as numbers, to scores in [0, 1] for classification and
        values in the unit of the target for regression, `(n, k)`.
    """
    assert held.preprocessing is not None
    rows = keras.Input(held.sample.shape[1:], dtype="float64", name="rows")
    x = _preprocessed(rows, held.preprocessing)
    answers = []
    for number, network in enumerate(networks, 1):
        end = f"_{number}" if len(networks) > 1 else ""
        network.model.name += end
        answers.append(_scores(network.model(x), network.recipe, f"score{end}"))
    answer = answers[0] if len(answers) == 1 else _average(answers, [network.weight for network in networks])
    task = networks[0].recipe.task
    if task is Task.REGRESSION:
        for layer in _normalizing(held.target_center, held.target_scale, "target", invert=True):
            answer = layer(answer)
    elif temperature is not None:
        answer = _calibrated(answer, temperature, task)
    return keras.Model(rows, answer, name="whole")


def find_custom_objects(model: keras.Model) -> tuple[str, ...]:
    """Return the names of layers, activations, initializers that are not Keras's: they are needed to load the file."""
    found = {type(one).__name__ for one in flatten_layers(model) if not type(one).__module__.startswith("keras.")}
    with contextlib.suppress(NotImplementedError):  # a layer without a configuration cannot be saved anyway
        found |= {name.rpartition(">")[2] for name in _registered_names(model.get_config()) if ">" in name}
    return tuple(sorted(found))


def _registered_names(config: Any) -> Iterator[str]:
    """Yield the names by which Keras finds the objects of a configuration."""
    if isinstance(config, Mapping):
        if "registered_name" in config and isinstance(config.get("config"), str):
            yield config["config"]  # a function
        for key, value in config.items():
            if key == "registered_name" and isinstance(value, str):
                yield value
            else:
                yield from _registered_names(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _registered_names(value)


def save_loadable(model: keras.Model, file: Path, where: str) -> keras.Model:
    """Save a model, and load it again with Keras's safe mode on.

    Args:
        model: What to save.
        file: A `.keras` file.
        where: The function that built it, for the error.

    Returns:
        The model as it was loaded.

    Raises:
        ContentError: It cannot be saved or loaded so.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`")  # the error says more
            model.save(file)
        return keras.saving.load_model(file)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise ContentError(
                f"A trained model must be saved, but cannot be written to {file.parent}: {error.strerror}. Make room "
                "there, then run the same command again."
            ) from error
        raise ContentError(
            "A trained model must be one that plain Keras can save, and load with its safe mode on, but "
            + explain_saving_error(model, error, where)
        ) from error


def save_checked(whole: keras.Model, file: Path, held: HeldOut, expected: np.ndarray, where: str) -> None:
    """Save a whole model, and load it again: it must answer as the trained networks did.

    Args:
        whole: What to save.
        file: A `.keras` file.
        held: Its `sample` is answered.
        expected: The right answers, `(n, k)`.
        where: The function that built the networks, for the error.

    Raises:
        ContentError: It cannot be saved or loaded so, or answers otherwise.
    """
    loaded = save_loadable(whole, file, where)
    found = loaded.predict_on_batch(held.sample)  # `predict` makes float32 of the rows first
    if not np.allclose(found, expected, rtol=_CLOSE, atol=_CLOSE * float(np.max(held.target_scale))):
        raise ContentError(
            f"The model of {where} gives different predictions after saving and loading (up to "
            f"{float(np.abs(found - expected).max()):.3g} apart): a layer does not save everything it needs. {_STEP}"
        )


_STEP = "Use layers of Keras, or register your own (keras.saving)."


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


def _scores(outputs: Any, recipe: Recipe, name: str) -> Any:
    """Convert raw outputs as `Recipe.scores` does."""
    if recipe.task is Task.REGRESSION:
        return outputs
    head = resolve_head(recipe.loss.name, recipe.task) if recipe.head == "model" else recipe.head
    match head:
        case "tanh":
            return keras.layers.Rescaling(0.5, 0.5, name=name)(outputs)
        case "relu":
            return keras.layers.ReLU(max_value=1.0, name=name)(outputs)
        case "linear":
            kind = "softmax" if recipe.task is Task.MULTICLASS else "sigmoid"
            return keras.layers.Activation(kind, name=name)(outputs)
    return outputs


def _average(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    if len(set(weights)) == 1:
        return keras.layers.Average(dtype="float32", name="average")(answers)
    weighted = [
        keras.layers.Rescaling(weight, dtype="float32", name=f"weight_{number}")(answer)
        for number, (answer, weight) in enumerate(zip(answers, weights, strict=True), 1)
    ]
    return keras.layers.Add(dtype="float32", name="average")(weighted)


def _calibrated(scores: Any, temperature: float, task: Task) -> Any:
    """Divide the logits of the scores, as `calibrate` does."""
    shares = keras.ops.clip(scores, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    logits = keras.ops.log(shares)
    if task is not Task.MULTICLASS:
        logits = logits - keras.ops.log(1.0 - shares)
    logits = keras.layers.Rescaling(1.0 / temperature, dtype="float32", name="temperature")(logits)
    kind = "softmax" if task is Task.MULTICLASS else "sigmoid"
    return keras.layers.Activation(kind, dtype="float32", name="calibrated")(logits)
