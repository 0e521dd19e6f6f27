"""The layers of a Keras model, watched while it is called.

Notation: n rows, L layers that are measured, P weights.

What a layer's activation gives is noted by putting a function of ours in its place during one call, so that it works
for layers inside others too, and for `Dense(activation=...)` as well as for `Activation` and `ReLU`.  Layers inside
recurrent ones and wrappers are left out: their activations belong to single time steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf

Kind = Literal["relu", "sigmoid", "tanh"]
Activation: TypeAlias = Callable[..., Any]

_FLAT = 0.99
"""|tanh| above this: its slope 1 - tanh² is below 2 % of the steepest; for a sigmoid the same with 2 s - 1."""
_NOTHING = -1.0


@dataclass
class ActivationTrace:
    """What was noted in one call of a model.

    Attributes:
        values: `(index of the layer, kind, values)` of each activation that is watched.
        raw: What the head was given, shape `(n, outputs)`; None without a head.
        head: What it gave.
    """

    values: list[tuple[int, Kind, tf.Tensor]] = field(default_factory=list)
    raw: tf.Tensor | None = None
    head: tf.Tensor | None = None


class LayerMonitor:
    """What is measured in a model.

    Args:
        model: A functional model; the layer that gives its outputs is not watched, as a sure answer is no saturation.

    Attributes:
        names: Keras names of the L measured layers, from input to output.
        head: The softmax or sigmoid that the model ends in; None for another end.
    """

    def __init__(self, model: keras.Model) -> None:
        self._last = last = _last(model)
        self.head, self._head_in = _head(last)
        owners: dict[int, int] = {}
        self.names: list[str] = []
        self._watched: list[tuple[int, keras.layers.Layer, str, Kind]] = []
        trainable = {id(variable) for variable in model.trainable_variables}
        for layer in _leaves(model):
            own = [id(v) for v in layer.trainable_variables if id(v) in trainable and id(v) not in owners]
            kind = None if layer is last else _kind(layer)
            if not own and kind is None:
                continue
            owners.update(dict.fromkeys(own, len(self.names)))
            if kind is not None:
                self._watched.append((len(self.names), layer, *kind))
            self.names.append(layer.name)
        self._owners = [owners[id(variable)] for variable in model.trainable_variables]
        self._weightless = [index not in self._owners for index in range(len(self.names))]

    @contextlib.contextmanager
    def record_activations(self) -> Iterator[ActivationTrace]:
        """Note what activations give while the model is called."""
        noted = ActivationTrace()
        watched = [(layer, attribute, _noting(noted, index, kind)) for index, layer, attribute, kind in self._watched]
        if self.head is not None:
            watched.append((self._last, self._head_in, _noting_head(noted)))
        before = [vars(layer).get(attribute) for layer, attribute, _ in watched]
        try:
            for layer, attribute, around in watched:
                # Past Keras's own __setattr__, which would track what is put there.
                vars(layer)[attribute] = around(getattr(layer, attribute))
            yield noted
        finally:
            for (layer, attribute, _), value in zip(watched, before, strict=True):
                if value is None:
                    vars(layer).pop(attribute, None)
                else:
                    vars(layer)[attribute] = value

    def unit_shares(self, noted: ActivationTrace) -> tf.Tensor:
        """Share of dead units and share of saturated values in each layer, float32 `(2, L)`; -1 for none to measure.

        Of a layer that was called more than once it is the mean over its calls.
        """
        return tf.stack([self._share(noted, ("relu",), _dead), self._share(noted, ("sigmoid", "tanh"), _saturated)])

    def norms(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Euclidean norm over all weights of each layer, float64 `(L,)`; -1 for a layer without weights.

        Args:
            arrays: As the model's `trainable_variables`.
        """
        squares = [0.0] * len(self.names)
        for owner, array in zip(self._owners, arrays, strict=True):
            flat = array.astype(np.float64).ravel()
            squares[owner] += float(flat @ flat)
        return np.where(self._weightless, _NOTHING, np.sqrt(squares))

    def _share(
        self, noted: ActivationTrace, kinds: Sequence[Kind], share: Callable[[tf.Tensor, Kind], tf.Tensor]
    ) -> tf.Tensor:
        of: list[list[tf.Tensor]] = [[] for _ in self.names]
        for index, kind, values in noted.values:
            if kind in kinds:
                of[index].append(share(values, kind))
        return tf.stack([tf.add_n(some) / len(some) if some else tf.constant(_NOTHING) for some in of])


def _noting(noted: ActivationTrace, index: int, kind: Kind) -> Callable[[Activation], Activation]:
    def around(inner: Activation) -> Activation:
        def function(*args: Any, **kwargs: Any) -> Any:
            values = inner(*args, **kwargs)
            noted.values.append((index, kind, values))
            return values

        return function

    return around


def _noting_head(noted: ActivationTrace) -> Callable[[Activation], Activation]:
    def around(inner: Activation) -> Activation:
        def function(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            noted.raw, noted.head = inputs, inner(inputs, *args, **kwargs)
            return noted.head

        return function

    return around


def _dead(values: tf.Tensor, kind: Kind) -> tf.Tensor:
    """Share of the units that are 0 everywhere; `values` is `(n, ..., units)`."""
    highest = tf.reduce_max(values, axis=list(range(len(values.shape) - 1)))
    return tf.reduce_mean(tf.cast(highest <= 0, tf.float32))


def _saturated(values: tf.Tensor, kind: Kind) -> tf.Tensor:
    """Share of the values on a flat part of the activation."""
    centred = 2.0 * values - 1.0 if kind == "sigmoid" else values
    return tf.reduce_mean(tf.cast(tf.abs(centred) > _FLAT, tf.float32))


def _kind(layer: keras.layers.Layer) -> tuple[str, Kind] | None:
    """The attribute of a layer that computes its activation, and what kind that is; None where it is not watched."""
    if isinstance(layer, keras.layers.ReLU):
        return ("call", "relu") if not layer.negative_slope and not layer.threshold else None
    if isinstance(layer, (keras.layers.RNN, keras.layers.Wrapper)):
        return None
    kinds: dict[Any, Kind] = {
        keras.activations.relu: "relu",
        keras.activations.relu6: "relu",
        keras.activations.sigmoid: "sigmoid",
        keras.activations.hard_sigmoid: "sigmoid",
        keras.activations.tanh: "tanh",
        keras.activations.hard_tanh: "tanh",
    }
    activation = vars(layer).get("activation")
    kind = kinds.get(activation) if callable(activation) and getattr(activation, "__hash__", None) else None
    return None if kind is None else ("activation", kind)


def _head(last: keras.layers.Layer) -> tuple[Activation | None, str]:
    """The head of a model that ends in a layer, and the attribute of the layer that computes it."""
    if type(last) is keras.layers.Softmax and last.axis == -1:
        return keras.activations.softmax, "call"
    # Layers of others may do something behind their activation.
    activation = vars(last).get("activation") if is_keras(last) else None
    heads = keras.activations.softmax, keras.activations.sigmoid
    return (activation if activation in heads else None), "activation"


def output_activation(model: keras.Model) -> tuple[str, str] | None:
    """Return the softmax or sigmoid that a model ends in and the name of its layer, or None for another end."""
    if not getattr(model, "outputs", None):
        return None
    last = _last(model)
    head, _ = _head(last)
    if head is None and type(last).__name__ in ("Softmax", "Sigmoid") and is_keras(last):  # of keras.ops
        return type(last).__name__.lower(), last.name
    return None if head is None else (head.__name__, last.name)


def _leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers inside a layer, in its order, then itself; recurrent layers and wrappers are not entered."""
    if not isinstance(layer, (keras.layers.RNN, keras.layers.Wrapper)):
        for child in layer._flatten_layers(include_self=False, recursive=False):
            yield from _leaves(child)
    yield layer


def is_keras(layer: keras.layers.Layer) -> bool:
    """Whether a layer's class is one of Keras's own."""
    return type(layer).__module__.startswith("keras.")


def _last(model: keras.Model) -> keras.layers.Layer:
    """The layer that gives the model's outputs."""
    last: Any = model
    while isinstance(last, keras.Model) and getattr(last, "outputs", None):
        last = last.outputs[0]._keras_history.operation
    return last
