"""The private names of Keras and TensorFlow that this package uses; no other module imports one.

tests/test_keras_internals.py checks each of them against the installed versions.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras.src import ops as optimizer_ops  # Keras's optimizers call `ops.square` of this module
from keras.src.backend import get_keras_mask  # there is no public way to read a mask
from keras.src.backend.common.global_state import (  # there is no public way to leave the dtype policy unset
    get_global_attribute,
    set_global_attribute,
)
from keras.src.utils.naming import reset_uids  # `clear_session` does this and more
from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.python.eager import context
from tensorflow.python.framework.config import (  # in public there is no way back
    disable_op_determinism,
    enable_op_determinism,
    is_op_determinism_enabled,
)
from tensorflow.python.framework.ops import gradient_registry

__all__ = [
    "AttrValue",
    "FunctionDef",
    "NameAttrList",
    "NodeDef",
    "TensorProto",
    "disable_op_determinism",
    "enable_op_determinism",
    "flatten_layers",
    "get_calls",
    "get_function_def",
    "get_global_attribute",
    "get_keras_mask",
    "get_slot",
    "given_square",
    "has_logits",
    "initialize",
    "is_op_determinism_enabled",
    "map_state",
    "open_shape",
    "pop_uninitialized",
    "producing_layer",
    "register_function",
    "remove_function",
    "reset_uids",
    "set_global_attribute",
    "tie_gradients_to_graphs",
]

_tied_gradients: dict[str, weakref.ref[Callable[..., Any]]] = {}
"""Gradients that live as long as the graph that registered them, by their names in TensorFlow's registry."""


def flatten_layers(
    layer: keras.layers.Layer, include_self: bool = True, recursive: bool = True
) -> list[keras.layers.Layer]:
    """Return the layers inside a layer: cells, wrapped layers and nested models too, unlike the public `layers`."""
    return list(layer._flatten_layers(include_self=include_self, recursive=recursive))


def producing_layer(tensor: keras.KerasTensor) -> Any:
    """Return the layer or operation whose output a symbolic tensor is."""
    return tensor._keras_history.operation


def has_logits(outputs: Any) -> bool:
    """Return whether Keras computes a cross-entropy of these outputs from the logits before them."""
    return hasattr(outputs, "_keras_logits")


def register_function(definition: FunctionDef) -> None:
    """Make a function known to TensorFlow by its name."""
    context.context().add_function_def(definition)


def remove_function(name: str) -> None:
    """Make TensorFlow forget a function."""
    context.context().remove_function(name)


def get_function_def(name: str) -> FunctionDef:
    """Return the definition of a function that TensorFlow knows."""
    return context.context().get_function_def(name)


def get_calls(*outputs: keras.KerasTensor) -> list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]]:
    """Return the calls that compute symbolic tensors, inputs first: operation, arguments, keywords, outputs."""
    calls: dict[int, tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = {}

    def visit(tensor: keras.KerasTensor) -> None:
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if id(node) in calls:
            return
        for each in node.input_tensors:
            visit(each)
        calls[id(node)] = operation, tuple(node.arguments.args), dict(node.arguments.kwargs), node.outputs

    for output in outputs:
        visit(output)
    return list(calls.values())


def get_slot(optimizer: keras.optimizers.Optimizer, name: str, variable: Any) -> keras.Variable:
    """Return a slot of an optimizer for a variable, by the attribute that has those of all variables."""
    slots: list[keras.Variable] = getattr(optimizer, name)
    return slots[optimizer._get_variable_index(variable)]


def get_momentum_product(optimizer: keras.optimizers.Nadam) -> keras.Variable:
    """Return the variable with the product of Nadam's momenta so far."""
    product: keras.Variable = optimizer._u_product
    return product


@contextmanager
def given_square(tensor: tf.Tensor, square: tf.Tensor) -> Iterator[list[tf.Tensor]]:
    """Have Keras's optimizers take this for the square of a tensor, while the only thread that traces traces a step.

    Yields:
        The square, once for each time that it was asked for.
    """
    asked, plain = list[tf.Tensor](), optimizer_ops.square

    def given(x: Any) -> Any:
        if x is not tensor:
            return plain(x)
        asked.append(square)
        return square

    vars(optimizer_ops)["square"] = given
    try:
        yield asked
    finally:
        vars(optimizer_ops)["square"] = plain


def map_state(scope: keras.StatelessScope, variable: keras.Variable, value: Any) -> None:
    """Let a scope have a value for a variable, whatever is known of the value's shape."""
    scope.state_mapping[id(variable)] = value


def open_shape(variable: keras.Variable) -> None:
    """Let a variable take values of any shape of its rank; Keras still shows the shape that it has now."""
    value = variable.value
    shape = tf.TensorShape([None] * len(value.shape))
    variable._initialize(tf.Variable(value, shape=shape, trainable=value.trainable, name=variable.name))


def pop_uninitialized() -> list[tuple[keras.Variable, Any]]:
    """Return the variables that were made without values in a stateless scope, each with its initializer, in order."""
    variables = get_global_attribute("uninitialized_variables") or []
    set_global_attribute("uninitialized_variables", [])
    return [(variable, variable._initializer) for variable in variables]


def initialize(variables: Iterable[tuple[keras.Variable, Any]]) -> None:
    """Give values to variables that have none."""
    for variable, _ in variables:
        variable._deferred_initialize()


def tie_gradients_to_graphs() -> None:
    """Let a gradient that a graph has registered live as long as the graph.

    Each call of a function with a `tf.custom_gradient` in a graph registers the gradient, and nothing drops it.  It
    holds the graph, and so all variables that the graph uses.  Keras's optimizers make such a call for each training.
    """
    entries = gradient_registry._registry
    for name in [name for name, gradient in _tied_gradients.items() if gradient() is None]:
        del entries[name], _tied_gradients[name]
    for name in set(entries) - _tied_gradients.keys():
        gradient = entries[name]["type"]
        if getattr(gradient, "__qualname__", "") == "_graph_mode_decorator.<locals>.internal_grad_fn":
            graph = _find_graph(gradient)
            graph._tied_gradients = [*getattr(graph, "_tied_gradients", []), gradient]
            _tied_gradients[name] = weakref.ref(gradient)
            entries[name] = {**entries[name], "type": _call_weakly(_tied_gradients[name])}


def _find_graph(gradient: Callable[..., Any]) -> Any:
    """Return the graph that has registered a gradient: that of the results whose gradient it is."""
    with_results = inspect.getclosurevars(gradient).nonlocals["tape_grad_fn"]
    results = tf.nest.flatten(inspect.getclosurevars(with_results).nonlocals["result"], expand_composites=True)
    return next(result.graph for result in results if tf.is_symbolic_tensor(result))


def _call_weakly(gradient: weakref.ref[Callable[..., Any]]) -> Callable[..., Any]:
    def call(operation: tf.Operation, *upstream: tf.Tensor) -> Any:
        function = gradient()
        assert function is not None, "an operation holds its graph, and the graph its gradients"
        return function(operation, *upstream)

    return call
