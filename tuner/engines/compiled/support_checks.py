"""What a model may not be, and what a network may not do when it is called, as it would be lost between pieces.

The one is seen when the model is built, the other while it is traced.  A piece reads the weights that it is given, and
gives outputs, penalties and the state of the model's own variables.  Whatever else a layer reads, sets or draws would
stay as it was in the first step, or last into the next trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend import get_keras_mask  # there is no public way to read a mask
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tuner.catalog import CLIPPINGS, OPTIMIZERS, Recipe, custom_train_method
from tuner.engines.compiled.function_def_builder import operations_of
from tuner.errors import UnsupportedError
from tuner.health import ActivationTrace

_DRAWING = (
    *("Random", "Multinomial", "TruncatedNormal", "StandardNormal", "StatefulUniform", "Rng"),
    "SampleDistortedBoundingBox",
)
"""Parts of the names of TensorFlow's operations that draw random numbers."""
_READS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape")
"""Operations that leave a variable as it is."""


def refuse(reason: str | None) -> None:
    """Raise `UnsupportedError` where there is a reason to."""
    if reason is not None:
        raise UnsupportedError(reason)


def by_model(model: keras.Model) -> str | None:
    """Why a model cannot be trained by calls of its layers alone; None where it can."""
    if own := custom_train_method(model):
        return f"the model has a {own} of its own"
    if len(model.inputs) != 1:
        return f"the model has {len(model.inputs)} inputs"
    if not model.trainable_variables:
        return "the model has no weights that are trained"
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            return f"{variable.path} has a constraint"
        if variable.dtype != "float32":
            return f"{variable.path} is of {variable.dtype}, not of float32"
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if getattr(layer, "stateful", False):
            return f"{layer.name} keeps its state from batch to batch"
        if layer.dtype_policy.compute_dtype != "float32" and layer.dtype_policy.compute_dtype is not None:
            return f"{layer.name} computes in {layer.dtype_policy.compute_dtype}, not in float32"
    return None


def by_settings(changes: Sequence[str]) -> str | None:
    """Why a model whose making has changed these global settings cannot share programs with others; None if none."""
    return f"the model file changes {', '.join(changes)} for the whole process" if changes else None


def by_call(
    scope: keras.StatelessScope, weights: Sequence[tuple[Any, tf.Tensor]], state: Sequence[tuple[Any, tf.Tensor]]
) -> str | None:
    """Why a call in a scope cannot be part of a program; None where it can.

    Args:
        scope: The scope, after the call.
        weights: The variables that are trained, and the values that the call was given for them.
        state: The same of the model's other variables.
    """
    for variable, value in weights:
        if scope.get_current_value(variable) is not value:
            return f"a layer sets {variable.path}, which is trained, when it is called"
    if scope.state_mapping.keys() - {id(variable) for variable, _ in (*weights, *state)}:
        return "a layer sets a variable, or draws from a seed, that is no attribute of a layer"
    return None


def by_outputs(outputs: tf.Tensor, head: Any, noted: ActivationTrace) -> str | None:
    """Why the loss of such outputs cannot be taken from those before the head; None where it can.

    Args:
        outputs: Of the model.
        head: See `LayerMonitor.head`.
        noted: What was noted of the call that gave them.
    """
    if get_keras_mask(outputs) is not None:
        return "its outputs have a mask, by which the loss leaves out rows"
    if head is not None:
        return None if outputs is noted.head else "the model goes on behind the activation that it seems to end in"
    if hasattr(outputs, "_keras_logits") or outputs.op.type in ("Softmax", "Sigmoid"):
        return (
            "the model ends in a softmax or sigmoid that is not the activation of its last layer; "
            'let it end in keras.layers.Activation("softmax"), say'
        )
    return None


def by_graph(function: Any, known: Sequence[tf.Variable]) -> str | None:
    """Why a traced function cannot be a piece; None where it can.

    Args:
        function: A `ConcreteFunction`.
        known: Variables that are set before each training.
    """
    operations = operations_of(function.function_def)
    drawn = next((node.op for node in operations if draws(node) and not node.op.startswith("Stateless")), None)
    if drawn is not None:
        return f"a layer draws random numbers ({drawn}) without a seed; give it a keras.random.SeedGenerator"
    ours = {id(variable) for variable in known}
    handles = {id(handle): inside for handle, inside in function.graph.captures}
    for variable in function.graph.variables:
        if id(variable) in ours:
            continue
        if variable.trainable:
            return f"the model has a variable that Keras does not know ({variable.name})"
        inside = handles.get(id(variable.handle))
        if inside is None or any(consumer.type not in _READS for consumer in inside.consumers()):
            return f"it sets a variable that Keras does not know ({variable.name})"
    return None


def draws(node: NodeDef) -> bool:
    """Whether an operation draws random numbers, from a seed that it is given (`Stateless…`) or from a generator."""
    return any(kind in node.op for kind in _DRAWING)


def by_update(sparse: bool, recipe: Recipe) -> str | None:
    """Why the gradient of a network cannot be a tensor for the optimizer of a recipe; None where it can.

    Of an embedding Keras gives an optimizer the rows that a batch has used, one that was used twice twice over.  It
    takes the square of each, or clips it, before it adds them up: only what is linear in them comes to the same.

    Args:
        sparse: Whether the gradient is of some rows of a weight only.
        recipe: Says optimizer and clipping.
    """
    optimizer, clipping = OPTIMIZERS[recipe.optimizer.name], CLIPPINGS[recipe.clipping.name]
    if not sparse or (optimizer.linear and clipping.linear):
        return None
    what = optimizer.name if clipping.linear else clipping.name
    return f"of an embedding {what} takes each use of a row for itself, as Keras gives it no sum of them"
