"""Trace a layer once, forward and backward, for all networks that contain it."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from cachetools import LRUCache

from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionTemplate
from tuner.engines.compiled.layer_calls import LayerCall
from tuner.engines.compiled.network import MODE_INDEPENDENT_LAYERS
from tuner.engines.compiled.open_shapes import open_variable
from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.engines.compiled.size_independent_layers import find_entry
from tuner.engines.compiled.support_checks import check_call, check_graph, raise_if
from tuner.errors import UnsupportedError
from tuner.health import LayerMonitor, unit_share
from tuner.keras_internals import get_keras_mask, map_state

_MAX_FUNCTIONS = 1024
_UNKNOWN_SIZE = -1
"""In the shape that a layer gives to a weight, what the weight has; anywhere else, an error."""


@dataclass(frozen=True)
class LayerFunction:
    """A layer or a penalty: `(*inputs, *weights, gradient of its raw output, *captures)` → what the attributes say.

    Attributes:
        template: The function.
        captures: Each capture: "state" and its index, or the name of a number and 0, or 1 for its complement.
        inputs: Index of the gradient for each input among the outputs; None if there is no gradient.
        weights: The same for each weight.
        squares: Index of the sum of the squares of the rows that use a weight, if its gradient is of some of its rows;
            None for other weights.
        shares: Kind of each measured activation; their shares are the last outputs.
    """

    template: FunctionTemplate
    captures: tuple[tuple[str, int], ...]
    inputs: tuple[int | None, ...]
    weights: tuple[int | None, ...]
    squares: tuple[int | None, ...]
    shares: tuple[str, ...]

    RAW, OUTPUT = 0, 1
    """Indices of the output before the head, and after it."""

    @property
    def first_share(self) -> int:
        """The index of the first share among the outputs."""
        return len(self.template.outputs("")) - len(self.shares)


class LayerFunctions:
    """The functions of layers that a worker has traced.

    Args:
        timer: Counts the time of tracing.
    """

    def __init__(self, timer: BuildTimer) -> None:
        self._timer = timer
        self._functions: LRUCache[tuple[str, bool | None], LayerFunction] = LRUCache(_MAX_FUNCTIONS)
        self._penalties: dict[tuple[int, tuple[str, ...]], LayerFunction] = {}

    def find(self, call: LayerCall, monitor: LayerMonitor, training: bool) -> LayerFunction:
        """Return the function of a call in training or inference.

        Raises:
            UnsupportedError: It cannot be traced with open shapes.
        """
        mode = None if type(call.layer).__name__ in MODE_INDEPENDENT_LAYERS else training
        return self._timer.get_or_build(self._functions, (call.key, mode), lambda: _trace_layer(call, monitor, mode))

    def penalty(self, rank: int, names: Sequence[str]) -> LayerFunction:
        """Return the function `(weight)` → the penalty on it, and its gradient."""
        key = rank, tuple(sorted(names))
        return self._timer.get_or_build(self._penalties, key, lambda: _trace_penalty(*key))


def _trace_layer(call: LayerCall, monitor: LayerMonitor, training: bool | None) -> LayerFunction:
    layer = call.layer
    scalars = {name: RuntimeScalar(value) for name, value in call.numbers.items()}
    state = [open_variable(variable.ndim, variable.dtype) for variable in layer.non_trainable_variables]
    given, result = _as_list(layer.input), layer.output
    specs = [_spec(tensor.shape, tensor.dtype, call.open_shapes) for tensor in given]
    specs += [_spec(variable.shape, variable.dtype, call.open_shapes) for variable in layer.trainable_variables]
    specs += [_spec(result.shape, "float32", call.open_shapes)]
    kinds = tuple(kind for _, kind in monitor.activations(layer))
    found: dict[str, Any] = {}

    def both(*arguments: tf.Tensor) -> list[tf.Tensor]:
        inputs, weights, upstream = arguments[: len(given)], arguments[len(given) : -1], arguments[-1]
        before = [
            (variable, own.read_value()) for variable, own in zip(layer.non_trainable_variables, state, strict=True)
        ]
        trained = list(zip(layer.trainable_variables, weights, strict=True))
        with (
            tf.GradientTape(watch_accessed_variables=False) as tape,
            monitor.record_activations() as activations,
            _with_scalars(layer, scalars),
            keras.StatelessScope(collect_losses=True) as scope,
        ):
            tape.watch(arguments[:-1])
            for variable, value in (*trained, *before):
                map_state(scope, variable, value)
            outputs = layer(inputs[0] if len(inputs) == 1 else list(inputs), **_mode(layer, training))
            now = [scope.get_current_value(variable) for variable in layer.non_trainable_variables]
            raise_if(check_call(scope, trained, before))
            if scope.losses or get_keras_mask(outputs) is not None:
                raise UnsupportedError(f"{layer.name} adds a loss or a mask")
        raw = outputs if activations.raw is None else activations.raw
        gradients = tape.gradient(raw, [*inputs, *weights], output_gradients=upstream)
        found["gradients"] = [None if each is None else tf.convert_to_tensor(each) for each in gradients]
        found["squares"] = [sum_of_squares(each) for each in gradients[len(given) :]]
        for own, value, (_, old) in zip(state, now, before, strict=True):
            if value is not old and training is not False:  # to predict must not change what training will do
                own.assign(value)
        shares = [unit_share(values, kind) for _, kind, values in activations.values]
        return [raw, outputs, *(each for each in (*found["gradients"], *found["squares"]) if each is not None), *shares]

    traced = tf.function(both, autograph=False, input_signature=specs).get_concrete_function()
    raise_if(check_graph(traced, state))
    places, count = list[int | None](), LayerFunction.OUTPUT
    for each in (*found["gradients"], *found["squares"]):
        count += each is not None
        places.append(None if each is None else count)
    ends = len(given), len(found["gradients"])
    inputs, weights, squares = (tuple(part) for part in (places[: ends[0]], places[slice(*ends)], places[ends[1] :]))
    return LayerFunction(FunctionTemplate(traced), _captures(traced, state, scalars), inputs, weights, squares, kinds)


def sum_of_squares(gradient: Any) -> tf.Tensor | None:
    """Return the sum of the squares of the rows that use each row of a weight; None for a gradient of whole weights."""
    if not isinstance(gradient, tf.IndexedSlices):
        return None
    squared = tf.IndexedSlices(tf.square(gradient.values), gradient.indices, gradient.dense_shape)
    return tf.convert_to_tensor(squared)


def _trace_penalty(rank: int, names: tuple[str, ...]) -> LayerFunction:
    scalars = {name: RuntimeScalar(0.5) for name in names}
    penalty = keras.regularizers.L1L2(0.0, 0.0)
    for name, scalar in scalars.items():
        setattr(penalty, name, scalar)

    def both(weight: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(weight)
            value = keras.ops.sum(penalty(weight))
        return [value, tape.gradient(value, weight)]

    spec = _spec((1,) * rank, "float32", open_shapes=True)
    traced = tf.function(both, autograph=False, input_signature=[spec]).get_concrete_function()
    return LayerFunction(FunctionTemplate(traced), _captures(traced, (), scalars), (), (1,), (None,), ())


def _captures(
    traced: Any, state: Sequence[tf.Variable], scalars: Mapping[str, RuntimeScalar]
) -> tuple[tuple[str, int], ...]:
    """Return what each capture of a function is."""
    known = {id(variable.handle): ("state", index) for index, variable in enumerate(state)}
    for name, scalar in scalars.items():
        known |= {id(handle): (name, index) for index, handle in enumerate(scalar.handles)}
    if any(id(handle) not in known for handle in traced.captured_inputs):
        raise UnsupportedError("a layer reads a variable or tensor that is not its own")
    return tuple(known[id(handle)] for handle in traced.captured_inputs)


@contextlib.contextmanager
def _with_scalars(layer: keras.layers.Layer, scalars: Mapping[str, RuntimeScalar]) -> Iterator[None]:
    """Put runtime scalars in the place of a layer's numbers, and hide its sizes.

    Past Keras's `__setattr__`, which would track them.
    """
    entry, own = find_entry(layer), vars(layer)
    replaced: dict[str, Any] = dict(scalars)
    if entry is not None:
        replaced |= dict.fromkeys(entry.sizes, _UNKNOWN_SIZE)
        call = None if entry.call is None else entry.call(layer, scalars)
        if call is not None:
            replaced["call"] = call
    before = {name: own[name] for name in replaced if name in own}
    own.update(replaced)
    try:
        yield
    finally:
        for name in replaced:
            own.pop(name)
        own.update(before)


def _mode(layer: keras.layers.Layer, training: bool | None) -> dict[str, bool]:
    if training is None or "training" not in inspect.signature(layer.call).parameters:
        return {}
    return {"training": training}


def _spec(shape: Sequence[int | None], dtype: str, open_shapes: bool) -> tf.TensorSpec:
    return tf.TensorSpec([None] * len(shape) if open_shapes else shape, dtype)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
