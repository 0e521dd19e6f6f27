"""What a trial calls, each traced once and shared: gradient, update, outputs, loss on the validation part.

Numbers of recipes, weights, slots of optimizers and the state of layers are variables that a piece reads and sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    """A function over tensors, traced when it is made, that is called as one operation.

    The call of a `tf.function` looks at its arguments again each time: 0.35 to 0.5 ms for the two calls of a step.  The
    same function as an operation takes 0.13 to 0.24 ms.

    Args:
        function: Of tensors; gives a list of tensors.
        specs: Of its arguments.
        clock: Counts it, and the time of tracing it and of its first call, in which TensorFlow prepares it.
    """

    def __init__(
        self, function: Callable[..., Sequence[tf.Tensor]], specs: Sequence[tf.TensorSpec], clock: Clock
    ) -> None:
        traced = tf.function(function, autograph=False, input_signature=list(specs)).get_concrete_function()
        self._function, self._captured = traced, list(traced.captured_inputs)
        self._types = [tensor.dtype for tensor in traced.outputs]
        self._clock, self._called = clock, False
        clock.traced += 1

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """What it reads and sets."""
        return tuple(self._function.graph.variables)

    def __call__(self, *given: tf.Tensor) -> list[tf.Tensor]:
        if not self._called:
            self._called = True
            return self._clock.timed(lambda: self(*given))
        return self._operation(given, _AS_TRACED)

    def within(self, *given: tf.Tensor) -> list[tf.Tensor]:
        """The same as a part of another piece, which is being traced."""
        return self._operation(given, b"")

    def _operation(self, given: Sequence[tf.Tensor], config: bytes) -> list[tf.Tensor]:
        called = tf.raw_ops.StatefulPartitionedCall(
            args=[*given, *self._captured], Tout=self._types, f=self._function, config_proto=config
        )
        return list(called) if self._types else []


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

    piece = Piece(gradient, rows, clock)
    known = {id(variable.value) for variable in (*network.model.variables, *weights.variables)}
    for variable in piece.variables:
        if id(variable) not in known and variable.trainable:
            raise UnsupportedError(f"the model has a variable that Keras does not know ({variable.name})")
    return piece


def update_piece(shared: SharedOptimizer, weights: Weights, clock: Clock) -> Piece:
    """`(*gradients, rate)` sets the weights."""

    def update(*given: tf.Tensor) -> list[tf.Tensor]:
        shared.optimizer.learning_rate.assign(given[-1])
        shared.optimizer.apply(list(given[:-1]), weights.variables)
        return []

    return Piece(update, [*weights.specs(), tf.TensorSpec((), tf.float32)], clock)


def epoch_piece(gradient: Piece, update: Piece, rows: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """`(order, batch size, rates, *rows)` trains an epoch → the sum of each batch's loss times its rows, float64.

    The order is int32 `(n,)`; the last batch has what is left.  There is a step for each of the rates, `(steps,)`.
    """

    def epoch(order: tf.Tensor, batch: tf.Tensor, rates: tf.Tensor, *parts: tf.Tensor) -> list[tf.Tensor]:
        def step(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            low = number * batch
            chosen = tf.strided_slice(order, [low], [low + batch])
            loss, *gradients = gradient.within(*(tf.gather(part, chosen) for part in parts))
            update.within(*gradients, tf.gather(rates, number))
            return number + 1, total + tf.cast(loss, tf.float64) * tf.cast(tf.size(chosen), tf.float64)

        begin = (tf.constant(0), tf.constant(0.0, tf.float64))
        steps = tf.size(rates)
        return [tf.while_loop(lambda number, total: number < steps, step, begin, parallel_iterations=1)[1]]

    given = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32), tf.TensorSpec((None,), tf.float32)]
    return Piece(epoch, [*given, *rows], clock)


def outputs_piece(network: Network, weights: Weights, x: tf.TensorSpec, clock: Clock) -> Piece:
    """`x` → outputs `(n, k)`, as in `predict`; the same before the head, see `Layers.head`; and `Layers.shares`."""

    def outputs(x: tf.Tensor) -> list[tf.Tensor]:
        with network.layers.watching() as noted:
            found = network.call(weights.parts(), x, training=False)[0]
        return [found, found if noted.raw is None else noted.raw, network.layers.shares(noted)]

    return Piece(outputs, [x], clock)


def loss_piece(shared: SharedLoss, rows: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """`(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        return [shared.loss(y, outputs, sample_weight=weight)]

    return Piece(loss, [rows[1], *rows[1:]], clock)
