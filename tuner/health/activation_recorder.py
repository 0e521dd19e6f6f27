"""Record the activations of a Keras model's layers while it is called.

Notation: n rows, L layers that are measured, P weights.

A layer's activation function is replaced during one call by one that records its values, so it works for nested layers,
and for `Dense(activation=...)` as well as for `Activation` and `ReLU`.  Layers inside recurrent ones and wrappers are
left out: their activations belong to single time steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import is_builtin_layer, output_layer
from tuner.keras_internals import flatten_layers

Kind = Literal["relu", "sigmoid", "tanh"]
Activation: TypeAlias = Callable[..., Any]

_SATURATION = 0.99
"""|tanh| above this: its slope 1 - tanh² is below 2 % of the steepest; for a sigmoid the same with 2 s - 1."""
NOT_MEASURED = -1.0
"""The share of a layer that has none."""
SHARE_KINDS: tuple[tuple[Kind, ...], ...] = (("relu",), ("sigmoid", "tanh"))
"""Kinds of activations of the dead units, and of the saturated values: the rows of `LayerMonitor.unit_shares`."""


@dataclass
class ActivationTrace:
    """The activations of one call of a model.

    Attributes:
        values: `(index of the layer, kind, values)` of each recorded activation.
        raw: The input of `LayerMonitor.head`, shape `(n, outputs)`; None without a head.
        head: Its output.
    """

    values: list[tuple[int, Kind, tf.Tensor]] = field(default_factory=list)
    raw: tf.Tensor | None = None
    head: tf.Tensor | None = None


class LayerMonitor:
    """The measured layers of a model.

    Args:
        model: A functional model; its output layer is not recorded, as a confident prediction is not a saturation.

    Attributes:
        names: Keras names of the L measured layers, from input to output.
        head: The softmax or sigmoid that the model ends in; None if it ends otherwise.
    """

    def __init__(self, model: keras.Model) -> None:
        self._last = last = output_layer(model)
        self.head, self._head_in = _find_head(last)
        owners: dict[int, int] = {}
        self.names: list[str] = []
        self._activations: list[tuple[int, keras.layers.Layer, str, Kind]] = []
        trainable = {id(variable) for variable in model.trainable_variables}
        for layer in _iterate_layers(model):
            own = [id(v) for v in layer.trainable_variables if id(v) in trainable and id(v) not in owners]
            fixed = (layer.weights and not own) or not (own or owners)  # frozen, or all before it is
            kind = None if layer is last or fixed else _activation_kind(layer)
            if not own and kind is None:
                continue
            owners.update(dict.fromkeys(own, len(self.names)))
            if kind is not None:
                self._activations.append((len(self.names), layer, *kind))
            self.names.append(layer.name)
        self._owners = [owners[id(variable)] for variable in model.trainable_variables]
        self._weightless = [index not in self._owners for index in range(len(self.names))]

    @contextlib.contextmanager
    def record_activations(self) -> Iterator[ActivationTrace]:
        """Record activations while the model is called."""
        trace = ActivationTrace()
        watched = [
            (layer, attribute, _recorder(trace, index, kind)) for index, layer, attribute, kind in self._activations
        ]
        if self.head is not None:
            watched.append((self._last, self._head_in, _head_recorder(trace)))
        before = [vars(layer).get(attribute) for layer, attribute, _ in watched]
        try:
            for layer, attribute, around in watched:
                # Bypass Keras's __setattr__, which would track the value.
                vars(layer)[attribute] = around(getattr(layer, attribute))
            yield trace
        finally:
            for (layer, attribute, _), value in zip(watched, before, strict=True):
                if value is None:
                    vars(layer).pop(attribute, None)
                else:
                    vars(layer)[attribute] = value

    def activations(self, layer: keras.layers.Layer) -> list[tuple[int, Kind]]:
        """Return index and kind of each activation that is recorded when a layer is called."""
        inside = {id(each) for each in flatten_layers(layer)}
        return [(index, kind) for index, each, _, kind in self._activations if id(each) in inside]

    def is_output(self, layer: keras.layers.Layer) -> bool:
        """Return whether a layer computes the outputs of the model."""
        return layer is self._last

    def unit_shares(self, trace: ActivationTrace) -> tf.Tensor:
        """Return the shares of dead units and of saturated values of each layer, float32 `(2, L)`; -1 if not measured.

        For a layer called more than once, it is the mean over the calls.
        """
        return tf.stack([self._share(trace, kinds) for kinds in SHARE_KINDS])

    def norms(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Return the Euclidean norm over all weights of each layer, float64 `(L,)`; -1 for a layer without weights.

        Args:
            arrays: As the model's `trainable_variables`.
        """
        squares = [0.0] * len(self.names)
        for owner, array in zip(self._owners, arrays, strict=True):
            flat = array.astype(np.float64).ravel()
            squares[owner] += float(flat @ flat)
        return np.where(self._weightless, NOT_MEASURED, np.sqrt(squares))

    def _share(self, trace: ActivationTrace, kinds: Sequence[Kind]) -> tf.Tensor:
        of: list[list[tf.Tensor]] = [[] for _ in self.names]
        for index, kind, values in trace.values:
            if kind in kinds:
                of[index].append(unit_share(values, kind))
        return tf.stack([tf.add_n(some) / len(some) if some else tf.constant(NOT_MEASURED) for some in of])


def unit_share(values: tf.Tensor, kind: Kind) -> tf.Tensor:
    """Return the share of units that are dead, or of values that are saturated, by the kind of their activation."""
    return _dead(values) if kind in SHARE_KINDS[0] else _saturated(values, kind)


def _recorder(trace: ActivationTrace, index: int, kind: Kind) -> Callable[[Activation], Activation]:
    def around(inner: Activation) -> Activation:
        def function(*args: Any, **kwargs: Any) -> Any:
            values = inner(*args, **kwargs)
            trace.values.append((index, kind, values))
            return values

        return function

    return around


def _head_recorder(trace: ActivationTrace) -> Callable[[Activation], Activation]:
    def around(inner: Activation) -> Activation:
        def function(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            trace.raw, trace.head = inputs, inner(inputs, *args, **kwargs)
            return trace.head

        return function

    return around


def _dead(values: tf.Tensor) -> tf.Tensor:
    """Return the share of units that are 0 everywhere; `values` is `(n, ..., units)`."""
    highest = tf.reduce_max(values, axis=list(range(len(values.shape) - 1)))
    return tf.reduce_mean(tf.cast(highest <= 0, tf.float32))


def _saturated(values: tf.Tensor, kind: Kind) -> tf.Tensor:
    """Return the share of values on a flat part of the activation."""
    centered = 2.0 * values - 1.0 if kind == "sigmoid" else values
    return tf.reduce_mean(tf.cast(tf.abs(centered) > _SATURATION, tf.float32))


def _activation_kind(layer: keras.layers.Layer) -> tuple[str, Kind] | None:
    """Return the attribute that computes a layer's activation and its kind, or None if it is not measured."""
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


def _find_head(last: keras.layers.Layer) -> tuple[Activation | None, str]:
    """Return the head of a model that ends in this layer, and the attribute that computes it."""
    if type(last) is keras.layers.Softmax and last.axis == -1:
        return keras.activations.softmax, "call"
    # Custom layers may compute something after their activation.
    activation = vars(last).get("activation") if is_builtin_layer(last) else None
    heads = keras.activations.softmax, keras.activations.sigmoid
    return (activation if activation in heads else None), "activation"


def _iterate_layers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """Yield the layers inside a layer, in order, then the layer; recurrent layers and wrappers are not entered."""
    if not isinstance(layer, (keras.layers.RNN, keras.layers.Wrapper)):
        for child in flatten_layers(layer, include_self=False, recursive=False):
            yield from _iterate_layers(child)
    yield layer
