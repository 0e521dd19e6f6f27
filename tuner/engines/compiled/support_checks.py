"""Check for models that the compiled engine cannot train.

Some checks run when the model is built, others while it is traced.  A graph function reads the weights, and returns
outputs, penalties and the state of the model's own variables.  Whatever else a layer reads, sets or draws would be
frozen at the first step, or leak into the next trial.  Each check returns the reason, or None if it passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tuner.catalog import CLIPPINGS, OPTIMIZERS, Recipe, custom_train_method
from tuner.engines.compiled.function_def_builder import collect_ops
from tuner.errors import UnsupportedError
from tuner.health import ActivationTrace
from tuner.keras_internals import NodeDef, flatten_layers, get_keras_mask, has_logits

_RANDOM_OPS = (
    *("Random", "Multinomial", "TruncatedNormal", "StandardNormal", "StatefulUniform", "Rng"),
    "SampleDistortedBoundingBox",
)
"""Parts of the names of operations that draw random numbers."""
_READ_OPS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape")
"""Operations that do not change a variable."""


def raise_if(reason: str | None) -> None:
    """Raise `UnsupportedError` if there is a reason."""
    if reason is not None:
        raise UnsupportedError(reason)


def check_model(model: keras.Model) -> str | None:
    """Check that a model can be trained by calls of its layers."""
    if own := custom_train_method(model):
        return f"the model overrides {own}"
    if len(model.inputs) != 1:
        return f"the model has {len(model.inputs)} inputs"
    if not model.trainable_variables:
        return "the model has no trainable weights"
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            return f"{variable.path} has a constraint"
        if variable.dtype != "float32":
            return f"{variable.path} is {variable.dtype}, not float32"
    for layer in flatten_layers(model):
        if getattr(layer, "stateful", False):
            return f"{layer.name} is stateful: it carries state from batch to batch"
        if layer.dtype_policy.compute_dtype != "float32" and layer.dtype_policy.compute_dtype is not None:
            return f"{layer.name} computes in {layer.dtype_policy.compute_dtype}, not in float32"
    return None


def check_settings(changes: Sequence[str]) -> str | None:
    """Check that building a model has changed no global setting."""
    return f"the model file changes {', '.join(changes)} for the whole process" if changes else None


def check_call(
    scope: keras.StatelessScope, weights: Sequence[tuple[Any, tf.Tensor]], state: Sequence[tuple[Any, tf.Tensor]]
) -> str | None:
    """Check that a call in a scope has no side effects but on the state.

    Args:
        scope: The scope, after the call.
        weights: The trainable variables with the values used in the call.
        state: The same for the other variables of the model.
    """
    for variable, value in weights:
        if scope.get_current_value(variable) is not value:
            return f"a layer sets {variable.path}, which is trained, when it is called"
    if scope.state_mapping.keys() - {id(variable) for variable, _ in (*weights, *state)}:
        return "a layer sets a variable, or draws from a seed, that is not an attribute of a layer"
    return None


def check_outputs(outputs: tf.Tensor, head: Any, activations: ActivationTrace) -> str | None:
    """Check that the loss can be computed from the outputs before the head.

    Args:
        outputs: Of the model.
        head: See `LayerMonitor.head`.
        activations: Of the call that computed the outputs.
    """
    if get_keras_mask(outputs) is not None:
        return "its outputs carry a mask, so the loss skips rows"
    if head is not None:
        return (
            None if outputs is activations.head else "the model continues after the activation that it seems to end in"
        )
    if has_logits(outputs) or outputs.op.type in ("Softmax", "Sigmoid"):
        return (
            "the model ends in a softmax or sigmoid that is not the activation of its last layer; "
            'let it end in keras.layers.Activation("softmax"), for example'
        )
    return None


def check_graph(function: Any, known: Sequence[tf.Variable]) -> str | None:
    """Check that a traced function draws only seeded random numbers, and sets only known variables.

    Args:
        function: A `ConcreteFunction`.
        known: Variables that are set before each training.
    """
    drawn = _unseeded_op(function)
    if drawn is not None:
        return f"a layer draws random numbers ({drawn}) without a seed; give it a keras.random.SeedGenerator"
    ours = {id(variable) for variable in known}
    for variable in function.graph.variables:
        if id(variable) in ours:
            continue
        if variable.trainable:
            return f"the model has a variable that Keras does not know ({variable.name})"
        if _is_set(variable, function):
            return f"it sets a variable that Keras does not know ({variable.name})"
    return None


def check_state(function: Any, what: str, known: Sequence[tf.Variable] = ()) -> str | None:
    """Check that a traced loss or update carries no state of its own from step to step, and so from trial to trial.

    Args:
        function: A `ConcreteFunction`.
        what: The loss or the optimizer.
        known: Variables that are set before each training.
    """
    drawn = _unseeded_op(function)
    if drawn is not None:
        return f"the {what} draws random numbers ({drawn}) without a seed"
    ours = {id(variable) for variable in known}
    for variable in function.graph.variables:
        if id(variable) not in ours and _is_set(variable, function):
            return f"the {what} sets a variable that Keras does not know ({variable.name})"
    return None


def check_scaling(optimizer: keras.optimizers.Optimizer) -> str | None:
    """Check that an optimizer takes the gradient of the loss itself."""
    is_own = type(optimizer).scale_loss is not keras.optimizers.Optimizer.scale_loss
    return "the optimizer scales the loss" if is_own or optimizer.loss_scale_factor is not None else None


def _unseeded_op(function: Any) -> str | None:
    operations = collect_ops(function.function_def)
    return next((node.op for node in operations if is_random_op(node) and not node.op.startswith("Stateless")), None)


def _is_set(variable: tf.Variable, function: Any) -> bool:
    """Return whether a traced function may set a variable."""
    handles = {id(handle): inside for handle, inside in function.graph.captures}
    inside = handles.get(id(variable.handle))
    return inside is None or any(consumer.type not in _READ_OPS for consumer in inside.consumers())


def is_random_op(node: NodeDef) -> bool:
    """Return whether an operation draws random numbers, seeded (`Stateless…`) or from a generator."""
    return any(kind in node.op for kind in _RANDOM_OPS)


def check_update(sparse: bool, recipe: Recipe) -> str | None:
    """Check that the optimizer of a recipe updates by dense gradients as Keras does by sparse ones.

    For an embedding, Keras passes an optimizer one row for each use, repeated uses separately.  It squares or clips
    them before it adds them up, so linear optimizers and clippings are equivalent, and those that get the sum of the
    squares as well as that of the rows.

    Args:
        sparse: True if the gradient is of some rows of a weight only.
        recipe: Has the optimizer and the clipping.
    """
    optimizer, clipping = OPTIMIZERS[recipe.optimizer.name], CLIPPINGS[recipe.clipping.name]
    if not sparse or (optimizer.linear and clipping.linear) or needs_squares(sparse, recipe):
        return None
    what = optimizer.name if clipping.linear else clipping.name
    return f"{what} handles each use of a row of an embedding separately: Keras does not add up their gradients"


def needs_squares(sparse: bool, recipe: Recipe) -> bool:
    """Return whether the update of a recipe takes the sum of the squares of a sparse gradient, besides its own."""
    optimizer, clipping = OPTIMIZERS[recipe.optimizer.name], CLIPPINGS[recipe.clipping.name]
    return sparse and clipping.linear and optimizer.squares(recipe.optimizer.options)
