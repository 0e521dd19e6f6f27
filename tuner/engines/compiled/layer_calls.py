"""A model as calls of its layers: what of each is structure, and what is a size or a number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from tuner.catalog import is_builtin_layer
from tuner.engines.compiled.size_independent_layers import find_entry
from tuner.errors import UnsupportedError
from tuner.health import LayerMonitor
from tuner.keras_internals import flatten_layers, get_calls

_PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
_WITHOUT_EFFECT = ("name", "dtype", "build_config")
"""Ends of keys of a configuration that do not change what a layer computes; dtypes are checked (`check_model`)."""
_INITIAL = ("_initializer", "_regularizer", "_constraint", "seed")
"""Ends of keys of what is no part of a call: regularizers are penalties, constraints are refused."""


@dataclass(frozen=True)
class LayerCall:
    """A call of a layer in a model.

    Attributes:
        layer: The layer.
        key: What its graph depends on, as text: not its sizes, nor its numbers.
        inputs: Index of the call that computes each input; -1 for the rows.
        weights: Index of each of its weights in the model's `trainable_variables`.
        state: Index of each of its other variables in the model's `non_trainable_variables`.
        measured: Index in `LayerMonitor.names` of each activation that is measured.
        numbers: Values of its runtime scalars, by attribute.
        penalties: For each weight, the penalties on it by name; those of the recipe are None.
        open_shapes: Whether sizes are left open when it is traced.
    """

    layer: keras.layers.Layer
    key: str
    inputs: tuple[int, ...]
    weights: tuple[int, ...]
    state: tuple[int, ...]
    measured: tuple[int, ...]
    numbers: Mapping[str, float]
    penalties: tuple[Mapping[str, float | None], ...]
    open_shapes: bool


def find_calls(model: keras.Model, monitor: LayerMonitor, penalty: keras.regularizers.Regularizer) -> list[LayerCall]:
    """Return the calls of a model's layers, each after those that compute its inputs.

    Args:
        model: A functional or sequential model.
        monitor: Of this model.
        penalty: The recipe's penalty on some weights.

    Raises:
        UnsupportedError: It is not a graph of Keras's layers, each called once with tensors only; says why.
    """
    (rows,), (outputs,) = model.inputs, model.outputs
    trained = {id(variable): index for index, variable in enumerate(model.trainable_variables)}
    others = {id(variable): index for index, variable in enumerate(model.non_trainable_variables)}
    computed, calls = {id(rows): -1}, list[LayerCall]()
    found = [call for call in get_calls(outputs) if not isinstance(call[0], keras.layers.InputLayer)]
    counts = Counter(id(layer) for layer, *_ in found)
    for layer, arguments, keywords, results in found:
        _check_call(layer, arguments, keywords, results, counts[id(layer)])
        (given,) = arguments
        inputs = list(given) if isinstance(given, list | tuple) else [given]
        if any(id(tensor) not in computed for tensor in inputs):
            raise UnsupportedError(f"{layer.name} takes a constant")
        penalties = tuple(_penalties(variable, penalty) for variable in layer.trainable_variables)
        measured, numbers = monitor.activations(layer), _numbers(layer)
        shapes = [tuple(tensor.shape) for tensor in (*inputs, *results)]
        key = _key(layer, shapes, [kind for _, kind in measured], monitor.is_output(layer), numbers)
        calls.append(
            LayerCall(
                layer,
                key,
                tuple(computed[id(tensor)] for tensor in inputs),
                tuple(trained[id(variable)] for variable in layer.trainable_variables),
                tuple(others[id(variable)] for variable in layer.non_trainable_variables),
                tuple(index for index, _ in measured),
                numbers,
                penalties,
                find_entry(layer) is not None,
            )
        )
        computed[id(results[0])] = len(calls) - 1
    if sum(len(call.weights) for call in calls) < len(trained) or sum(len(call.state) for call in calls) < len(others):
        raise UnsupportedError("the model has variables besides those of its layers")
    return calls


def structure_key(calls: Sequence[LayerCall]) -> str:
    """Return what is equal for all networks that share their functions, as text."""
    shared = [
        (call.key, call.inputs, call.weights, call.state, call.measured, [sorted(each) for each in call.penalties])
        for call in calls
    ]
    return json.dumps(shared)


def _check_call(layer: Any, arguments: Sequence[Any], keywords: Mapping[str, Any], results: Any, calls: int) -> None:
    if not isinstance(layer, keras.layers.Layer):
        raise UnsupportedError(f"it contains {layer.name}, an operation that is not a layer")
    layers = [layer, *flatten_layers(layer, include_self=False)]
    own = next((each for each in layers if not is_builtin_layer(each)), None)
    if own is not None:
        raise UnsupportedError(f"{own.name} is not a Keras layer ({type(own).__name__})")
    if calls > 1:
        raise UnsupportedError(f"{layer.name} is called more than once")
    others = [value for name, value in keywords.items() if name != "training"]  # which a model sets itself
    if len(results) != 1 or len(arguments) != 1 or any(value is not None for value in others):
        raise UnsupportedError(f"{layer.name} is called with more than its inputs, or has more than one output")
    if any(each.activity_regularizer is not None for each in layers):
        raise UnsupportedError(f"{layer.name} has an activity regularizer")
    if getattr(layer, "axis", -1) not in (-1, [-1]):
        raise UnsupportedError(f"{layer.name} has an axis other than the last one")


def _penalties(variable: keras.Variable, penalty: keras.regularizers.Regularizer) -> dict[str, float | None]:
    """Return the penalties on a weight that are not 0."""
    regularizer = variable.regularizer
    if regularizer is None:
        return {}
    if type(regularizer) not in _PENALTIES:
        raise UnsupportedError(f"{variable.path} has a regularizer other than L1 and L2")
    found = {name: getattr(regularizer, name, 0.0) for name in ("l1", "l2")}
    own = regularizer is penalty
    return {name: None if own else float(value) for name, value in found.items() if value != 0.0}


def _numbers(layer: keras.layers.Layer) -> dict[str, float]:
    entry = find_entry(layer)
    names = () if entry is None else entry.numbers
    values = {name: getattr(layer, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, float) and value not in (0.0, 1.0)}


def _key(
    layer: keras.layers.Layer, shapes: Sequence[Any], kinds: Sequence[str], last: bool, numbers: Mapping[str, float]
) -> str:
    entry = find_entry(layer)
    if entry is None:
        config, sizes = keras.saving.serialize_keras_object(layer), [list(shape) for shape in shapes]
    else:
        config, sizes = layer.get_config(), [[len(shape)] for shape in shapes]
        for name in (*entry.sizes, *numbers):
            config.pop(name, None)
    content = [type(layer).__name__, _without_names(config), sizes, kinds, last, sorted(numbers)]
    content += [[variable.dtype, variable.ndim] for variable in layer.non_trainable_variables]
    content += [variable.ndim for variable in layer.trainable_variables]
    return json.dumps(content, sort_keys=True)


def _without_names(config: Any) -> Any:
    """Return a configuration without what does not count in a call.

    Raises:
        UnsupportedError: It contains a function that is not Keras's.
    """
    if isinstance(config, Mapping):
        if config.get("registered_name") or config.get("class_name") in ("function", "__lambda__", "__numpy__"):
            raise UnsupportedError(f"it contains {config.get('registered_name') or config['class_name']}")
        return {
            key: _without_names(value)
            for key, value in config.items()
            if key not in _WITHOUT_EFFECT and not key.endswith(_INITIAL)
        }
    if isinstance(config, list | tuple):
        return [_without_names(value) for value in config]
    return config
