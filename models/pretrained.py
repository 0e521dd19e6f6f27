"""The layers of a saved Keras model, some of them frozen, with new output layers: transfer learning.

`body` is a `.keras` file of the project: one that `tuner train --single` handed over, or any other that is one chain of
layers or models.  Its last layer with weights, and what follows it, is left out.  What comes before its network (the
scaling that `tuner train` puts there) stays, so rows are given as that file takes them: `scale = "none"` in `[data]`.

Only for models whose layers are Keras's, or registered: the file is loaded in safe mode.

Yosinski et al. 2014, How transferable are features in deep neural networks?, https://arxiv.org/abs/1411.1792
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras


def build(
    inputs: Sequence[int],
    outputs: int,
    *,
    activation: str,
    initializer: keras.initializers.Initializer | str,
    body: str,
    frozen: int | None = None,
    units: int = 0,
    dropout: float = 0.0,
) -> keras.Model:
    """An uncompiled model from rows of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one row, the same as that of the body.
        outputs: Number of raw outputs.
        activation: Activation of the new hidden layer, by Keras name; the body keeps its own.
        initializer: Initializer of the new kernels; biases start at zero.
        body: Path of the saved model.
        frozen: Layers of the body that stay as they are, counted from the input: those with a kernel, each with what
            follows it (a normalisation) and the first with what comes before it; 0 for none, None for all of them.
        units: Units of a new hidden layer in front of the outputs; 0 for none.
        dropout: Share of what each new layer takes that is dropped in training, in [0, 1).

    Raises:
        ValueError: A shape, an option or a file that cannot be used.
    """
    if outputs < 1:
        raise ValueError(f"`outputs >= 1` must hold, but got outputs={outputs}. Give the number of raw outputs.")
    _check_units(units)
    _check_share("dropout", dropout)
    features = _without_outputs(_load(body), body)
    taken = tuple(features.input_shape[1:])
    if tuple(inputs) != taken:
        raise ValueError(
            f"The body {body} takes rows of shape {taken}, but got rows of shape {tuple(inputs)}. Set data.shape as in "
            "the study of the body, or leave it out if `tuner train` saved the body."
        )
    _freeze(features, frozen)
    rows = keras.Input(tuple(inputs), name="inputs")
    x = features(rows)
    if len(x.shape) > 2:
        x = keras.layers.Flatten(name="flatten")(x)
    if units:
        x = keras.layers.Dropout(dropout, name="hidden_dropout")(x) if dropout else x
        x = keras.layers.Dense(units, kernel_initializer=_fresh(initializer), name="hidden")(x)
        x = keras.layers.Activation(activation, name="hidden_activation")(x)
    x = keras.layers.Dropout(dropout, name="outputs_dropout")(x) if dropout else x
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(rows, raw, name="pretrained")


def _load(path: str) -> keras.Model:
    """The saved model, with no layer frozen, though it may have been saved so, and not compiled.

    Its loss may be one that is not registered.  Keras's `compile=False` leaves a model in the model compiled; so this
    one is loaded from a copy of the file that says nothing of that.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = keras.saving.load_model(_uncompiled(path, folder), compile=False)
    for layer in _layers(model):
        layer.trainable = True
    return model


def _uncompiled(path: str, folder: str) -> str:
    """The file, or a copy in `folder` if a model in its model is compiled."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
        compiled = [part for part in _parts(config) if part.pop("compile_config", None) and part is not config]
        if not compiled:
            return path
        copy = os.path.join(folder, "model.keras")
        with zipfile.ZipFile(copy, "w") as changed:
            for entry in file.infolist():
                content = json.dumps(config) if entry.filename == "config.json" else file.read(entry)
                changed.writestr(entry, content)
    return copy


def _parts(config: object) -> Iterator[dict[str, Any]]:
    """A part of a file's configuration, and all parts in it."""
    if isinstance(config, dict):
        yield config
    if isinstance(config, dict | list):
        for part in config.values() if isinstance(config, dict) else config:
            yield from _parts(part)


def _without_outputs(model: keras.Model, path: str) -> keras.Model:
    """The model up to what its last layer with weights takes; of a model in the model up to that one's."""
    trained = [layer for layer in getattr(model, "layers", ()) if layer.trainable_variables]
    if not trained or not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(f"`body` must be a model of layers with weights, but {path} has none. Give another file.")
    last = trained[-1]
    if not isinstance(last, keras.Model):
        if last is trained[0]:
            raise ValueError(
                f"`body` must have a layer with weights before its last one, but {path} has one. Give another file."
            )
        return keras.Model(model.inputs, last.input, name="body")
    # One network behind its preprocessing; an ensemble has several side by side.
    front = _in_front_of(last, model) if len(model.inputs) == 1 else None
    if front is None or not set(trained[:-1]) <= set(front.layers):
        raise ValueError(
            f"`body` must be one chain of layers, but {path} has several networks side by side. Save one of them, as "
            "`tuner train --single` does."
        )
    return keras.Model(front.inputs, _without_outputs(last, path)(front.output), name="body")


def _in_front_of(layer: keras.layers.Layer, model: keras.Model) -> keras.Model | None:
    """The same layers up to what one of them takes; None if it is called more than once, or with more than a tensor.

    The graph is walked: what a model in the model calls its `input` belongs to its own graph.
    """
    taken = []

    def call(called: keras.layers.Layer, *args: object, **kwargs: object) -> object:
        if called is layer:
            taken.append(args)
        return called(*args, **kwargs)

    whole = keras.Model(model.inputs, model.outputs)  # a Sequential has no graph to walk
    again = keras.models.clone_model(whole, clone_function=lambda same: same, call_function=call)
    if len(taken) != 1 or len(taken[0]) != 1 or not keras.utils.is_keras_tensor(taken[0][0]):
        return None
    return keras.Model(again.inputs, taken[0][0])


def _freeze(body: keras.Model, frozen: object) -> None:
    """Freeze the layers up to the one before kernel number `frozen + 1`, or none; leave the others to training."""
    layers = list(_layers(body))
    count = sum(map(_has_kernel, layers))
    if frozen is None:
        frozen = count
    if not isinstance(frozen, int) or isinstance(frozen, bool) or not 0 <= frozen <= count:
        raise ValueError(
            f"`frozen` must be a whole number from 0 to {count}, the layers with a kernel of the body, but got "
            f"{frozen!r}. Give 0 to train all of them, or leave it out to train none."
        )
    number = 0
    kernels = [_has_kernel(layer) for layer in layers]
    for layer, has_kernel in zip(layers, kernels, strict=True):
        number += has_kernel
        layer.trainable = number > frozen or frozen == 0


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers in order, those of a model in the model in its place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _has_kernel(layer: keras.layers.Layer) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.trainable_variables)


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _check_units(units: object) -> None:
    if not isinstance(units, int) or isinstance(units, bool) or units < 0:
        raise ValueError(f"`units` must be a whole number of at least 0, but got {units!r}. Give 0 for no layer.")


def _check_share(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(f"`{name}` must be a share, 0 <= {name} < 1, but got {value!r}. Give for example 0.2.")
