"""What a trial calls, each traced once and shared: gradient, update, outputs, loss on the validation part.

Numbers of recipes, weights, slots of optimizers and the state of layers are variables that a piece reads and sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.kept import Clock
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.numbers_of import SharedLoss, SharedOptimizer
from tuner.engines.compiled.weights import Weights
from tuner.errors import UnsupportedError


def _as_traced() -> bytes:
    """The setting that leaves a traced function as it is.

    TensorFlow's graph optimizer takes 0.01 s a piece, and what it makes of pieces of this size is slower: the
    gradient of an MLP takes 0.1 to 0.15 ms with it, and 0.08 to 0.13 ms without.
    """
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return bytes(config.SerializeToString())


_AS_TRACED = _as_traced()


class Piece:
    """A function over tensors that is called as one operation.

    The call of a `tf.function` looks at its arguments again each time: 0.35 to 0.5 ms for the two calls of a step.  The
    same function as an operation takes 0.13 to 0.24 ms.

    Args:
        function: Something with the `name` that TensorFlow knows it by.
        types: Of what it gives.
        captured: What it is given behind its arguments, always: handles of variables.
        clock: Counts it, and the time of its first call, in which TensorFlow prepares it.
    """

    def __init__(self, function: Any, types: Sequence[tf.DType], captured: Sequence[tf.Tensor], clock: Clock) -> None:
        self.function, self.types, self.captured = function, list(types), list(captured)
        self._clock, self._called = clock, False
        clock.traced += 1

    def __call__(self, *given: tf.Tensor) -> list[tf.Tensor]:
        if not self._called:
            self._called = True
            return self._clock.timed(lambda: self(*given))
        called = tf.raw_ops.StatefulPartitionedCall(
            args=[*given, *self.captured], Tout=self.types, f=self.function, config_proto=_AS_TRACED
        )
        return list(called) if self.types else []


def traced_piece(function: Callable[..., Sequence[tf.Tensor]], specs: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """The piece of a function over tensors of these specs, which is traced now."""
    traced = tf.function(function, autograph=False, input_signature=list(specs)).get_concrete_function()
    return Piece(traced, [tensor.dtype for tensor in traced.outputs], traced.captured_inputs, clock)


def row_specs(inputs: Sequence[int], outputs: int, weighted: bool) -> list[tf.TensorSpec]:
    """Rows as pieces take them: x `(n, *inputs)`, y `(n, outputs)` and, where they are weighted, weight `(n,)`."""
    specs = [tf.TensorSpec((None, *inputs), tf.float32), tf.TensorSpec((None, outputs), tf.float32)]
    return [*specs, tf.TensorSpec((None,), tf.float32)] if weighted else specs


def gradient_piece(
    network: Network, weights: Weights, shared: SharedLoss, rows: Sequence[tf.TensorSpec], clock: Clock
) -> Piece:
    """`rows` → the loss with all penalties, then its gradient for each of `weights.variables`.

    Raises:
        UnsupportedError: The gradient does not reach each weight, or the model keeps state out of Keras's sight.
    """

    def gradient(x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        parts = weights.parts()
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
        return [loss, *weights.join([tf.convert_to_tensor(found) for found in gradients])]

    piece = traced_piece(gradient, rows, clock)
    known = {id(variable.value) for variable in (*network.model.variables, *weights.variables)}
    for variable in piece.function.graph.variables:
        if id(variable) not in known and variable.trainable:
            raise UnsupportedError(f"the model has a variable that Keras does not know ({variable.name})")
    return piece


def update_piece(shared: SharedOptimizer, weights: Weights, clock: Clock) -> Piece:
    """`(*gradients, rate)` sets the weights."""

    def update(*given: tf.Tensor) -> list[tf.Tensor]:
        shared.optimizer.learning_rate.assign(given[-1])
        shared.optimizer.apply(list(given[:-1]), weights.variables)
        return []

    return traced_piece(update, [*weights.specs(), tf.TensorSpec((), tf.float32)], clock)


def outputs_piece(network: Network, weights: Weights, x: tf.TensorSpec, clock: Clock) -> Piece:
    """`x` → outputs `(n, k)`, as in `predict`; the same before the head, see `Layers.head`; and `Layers.shares`."""

    def outputs(x: tf.Tensor) -> list[tf.Tensor]:
        with network.layers.watching() as noted:
            found = network.call(weights.parts(), x, training=False)[0]
        return [found, found if noted.raw is None else noted.raw, network.layers.shares(noted)]

    return traced_piece(outputs, [x], clock)


def loss_piece(shared: SharedLoss, rows: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """`(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        return [shared.loss(y, outputs, sample_weight=weight)]

    return traced_piece(loss, [rows[1], *rows[1:]], clock)
