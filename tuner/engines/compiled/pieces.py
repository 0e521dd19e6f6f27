"""The pieces of a program, each traced once: gradient, outputs, loss on the validation part, update.

Each piece is a `ConcreteFunction` over tensors.  Numbers of recipes, slots of optimizers and the state of layers are
variables that it reads and sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.network import Network
from tuner.engines.compiled.numbers_of import SharedLoss, SharedOptimizer
from tuner.engines.compiled.weights import Weights
from tuner.errors import UnsupportedError

Piece = Callable[..., Any]


def row_specs(inputs: Sequence[int], outputs: int, weighted: bool) -> list[tf.TensorSpec]:
    """Rows as pieces take them: x `(n, *inputs)`, y `(n, outputs)` and, where they are weighted, weight `(n,)`."""
    specs = [tf.TensorSpec((None, *inputs), tf.float32), tf.TensorSpec((None, outputs), tf.float32)]
    return [*specs, tf.TensorSpec((None,), tf.float32)] if weighted else specs


def gradient_piece(network: Network, weights: Weights, shared: SharedLoss, rows: Sequence[tf.TensorSpec]) -> Piece:
    """`(*weights, *rows)` → the loss with all penalties, then its gradient for each of `weights.variables`.

    Raises:
        UnsupportedError: The gradient does not reach each weight, or the model keeps state out of Keras's sight.
    """
    count = len(weights.variables)

    def gradient(*given: tf.Tensor) -> tuple[tf.Tensor, ...]:
        values, x, y, weight = given[:count], given[count], given[count + 1], (*given[count + 2 :], None)[0]
        parts = weights.split(values)
        with tf.GradientTape() as tape:
            tape.watch(parts)
            outputs, penalties, state = network.call(parts, x, training=True)
            losses = [shared.loss(y, outputs, sample_weight=weight), *(keras.ops.sum(p) for p in penalties)]
            loss = tf.add_n(losses)
        gradients = tape.gradient(loss, parts)
        for variable, found in zip(network.model.trainable_variables, gradients, strict=True):
            if found is None:
                raise UnsupportedError(f"the loss does not depend on {variable.path}, so it has no gradient")
        for variable, value in state:
            variable.assign(value)
        return (loss, *weights.join([tf.convert_to_tensor(found) for found in gradients]))

    piece = _traced(gradient, [*weights.specs(), *rows])
    known = {id(variable.value) for variable in network.model.variables}
    for variable in piece.graph.variables:
        if id(variable) not in known and variable.trainable:
            raise UnsupportedError(f"the model has a variable that Keras does not know ({variable.name})")
    return piece


def outputs_piece(network: Network, weights: Weights, x: tf.TensorSpec) -> Piece:
    """`(*weights, x)` → outputs `(n, k)`, as in `predict`."""

    def outputs(*given: tf.Tensor) -> tf.Tensor:
        return network.call(weights.split(given[:-1]), given[-1], training=False)[0]

    return _traced(outputs, [*weights.specs(), x])


def loss_piece(shared: SharedLoss, rows: Sequence[tf.TensorSpec]) -> Piece:
    """`(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
        return shared.loss(y, outputs, sample_weight=weight)

    return _traced(loss, [rows[1], *rows[1:]])


def update_piece(shared: SharedOptimizer, weights: Weights) -> Piece:
    """`(*gradients, rate)` sets the weights."""

    def update(*given: tf.Tensor) -> None:
        shared.optimizer.learning_rate.assign(given[-1])
        shared.optimizer.apply(list(given[:-1]), weights.variables)

    return _traced(update, [*weights.specs(), tf.TensorSpec((), tf.float32)])


def _traced(function: Callable[..., Any], specs: Sequence[tf.TensorSpec]) -> Any:
    return tf.function(function, autograph=False, input_signature=list(specs)).get_concrete_function()
