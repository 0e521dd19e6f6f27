"""Build the functions that do not depend on a network: gradient of a loss, update, validation loss.

Runtime scalars, weights and optimizer slots are variables that a function reads and sets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionTemplate, get_dtypes
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.optimized_losses import row_losses
from tuner.engines.compiled.support_checks import check_scaling, check_state, raise_if
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer


def _unoptimized_config() -> bytes:
    """Return the config that turns TensorFlow's graph optimizer off.

    It takes 0.01 s a function, and its result is slower for functions of this size: the gradient of an MLP
    takes 0.1 to 0.15 ms with it, and 0.08 to 0.13 ms without.
    """
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return bytes(config.SerializeToString())


_UNOPTIMIZED = _unoptimized_config()


class GraphFunction:
    """A function over tensors that is called as one operation.

    The call of a `tf.function` checks its arguments each time: 0.35 to 0.5 ms for the two calls of a step.  The same
    function as an operation takes 0.13 to 0.24 ms.

    Args:
        function: Something with the `name` that TensorFlow knows it by.
        dtypes: Of its outputs.
        captures: Handles of variables, passed after the arguments in each call.
        timer: Counts its first call, in which TensorFlow prepares it, and the time of that, less what the second takes.
    """

    def __init__(
        self, function: Any, dtypes: Sequence[tf.DType], captures: Sequence[tf.Tensor], timer: BuildTimer
    ) -> None:
        self.function, self.dtypes, self.captures = function, list(dtypes), list(captures)
        self._timer, self._calls, self._first_call_s = timer, 0, 0.0

    @cached_property
    def template(self) -> FunctionTemplate:
        """Its nodes, to be copied into other functions."""
        return FunctionTemplate(self.function)

    def __call__(self, *inputs: tf.Tensor) -> list[tf.Tensor]:
        if self._calls < 2:
            return self._timed_call(inputs)
        return self._call(inputs)

    def _timed_call(self, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        self._calls += 1
        began = time.monotonic()
        if self._calls == 1:
            self._timer.traced += 1
            outputs = self._timer.timed(lambda: self._call(inputs))
            self._first_call_s = time.monotonic() - began
        else:
            outputs = self._call(inputs)
            self._timer.subtract(min(self._first_call_s, time.monotonic() - began))
        return outputs

    def _call(self, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        called = tf.raw_ops.StatefulPartitionedCall(
            args=[*inputs, *self.captures], Tout=self.dtypes, f=self.function, config_proto=_UNOPTIMIZED
        )
        return list(called) if self.dtypes else []


def trace(
    function: Callable[..., Sequence[tf.Tensor]], specs: Sequence[tf.TensorSpec], timer: BuildTimer
) -> GraphFunction:
    """Trace a function over tensors of these specs."""
    traced = tf.function(function, autograph=False, input_signature=list(specs)).get_concrete_function()
    return GraphFunction(traced, get_dtypes(traced.outputs), traced.captured_inputs, timer)


def row_specs(inputs: Sequence[int], outputs: int, weighted: bool) -> list[tf.TensorSpec]:
    """Return the specs of rows: x `(n, *inputs)`, y `(n, outputs)` and, if weighted, weight `(n,)`."""
    specs = [tf.TensorSpec((None, *inputs), tf.float32), tf.TensorSpec((None, outputs), tf.float32)]
    return [*specs, tf.TensorSpec((None,), tf.float32)] if weighted else specs


def build_loss_gradient(
    shared: SharedLoss, head: Callable[[Any], Any] | None, rows: Sequence[tf.TensorSpec], timer: BuildTimer
) -> GraphFunction:
    """Build `(raw outputs, y[, weight])` → the loss without penalties, and its gradient for these outputs.

    Keras computes cross-entropies from the logits: probabilities rounded to 0 have lost their gradient.

    Raises:
        UnsupportedError: The loss sets a variable, or draws random numbers without a seed.
    """

    def gradient(raw: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            outputs = raw if head is None else head(raw)
            losses = _row_losses(shared, y, outputs)
            if losses is None:
                loss = _compute_loss(shared, y, outputs, weight)
            elif weight is not None:
                losses = losses * weight
        if losses is None:
            return [loss, tape.gradient(loss, raw)]
        count = tf.cast(tf.size(losses), tf.float32)
        upstream = tf.fill(tf.shape(losses), tf.math.divide_no_nan(1.0, count))
        loss = tf.math.divide_no_nan(tf.reduce_sum(losses), count)
        return [loss, tape.gradient(losses, raw, output_gradients=upstream)]

    traced = trace(gradient, [rows[1], *rows[1:]], timer)
    raise_if(check_state(traced.function, "loss"))
    return traced


def _row_losses(shared: SharedLoss, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor | None:
    """Return the loss of each row, `(n,)`, if Keras takes their mean; None if it does anything else.

    Keras counts the rows by five operations, and spreads the gradient of the mean over them by three.  A loss of user
    code is left to Keras: it may have another dtype, or a mask.
    """
    loss = shared.loss
    is_mean = type(loss).__call__ is keras.losses.Loss.__call__ and loss.reduction == "sum_over_batch_size"
    if shared.is_user_code or not is_mean:
        return None
    losses = row_losses(loss, y, outputs)
    return losses if losses.shape.rank == 1 else None


def _compute_loss(shared: SharedLoss, y: tf.Tensor, outputs: tf.Tensor, weight: tf.Tensor | None) -> tf.Tensor:
    """Return the loss as Keras computes it, as float32: a class of user code may have another dtype."""
    return tf.cast(shared.loss(y, outputs, sample_weight=weight), tf.float32)


def build_update(shared: SharedOptimizer, weights: Weights, timer: BuildTimer) -> GraphFunction:
    """Build `(*gradients, rate)` → nothing; updates the weights.  Their squares may follow the gradients.

    Raises:
        UnsupportedError: The optimizer scales the loss, sets a variable that is not its own, draws random numbers
            without a seed, or does not ask for the squares that it is given.
    """
    raise_if(check_scaling(shared.optimizer))
    specs = weights.specs()

    def update(*inputs: tf.Tensor) -> list[tf.Tensor]:
        *given, rate = inputs
        shared.optimizer.learning_rate.assign(rate)
        shared.apply(given[: len(specs)], given[len(specs) :], weights.variables)
        return []

    given = [*specs, *specs] if shared.squares else specs
    traced = trace(update, [*given, tf.TensorSpec((), tf.float32)], timer)
    known = [variable.value for variable in (*weights.variables, *shared.variables)]
    raise_if(check_state(traced.function, "optimizer", known))
    return traced


def build_loss(shared: SharedLoss, rows: Sequence[tf.TensorSpec], timer: BuildTimer) -> GraphFunction:
    """Build `(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        return [_compute_loss(shared, y, outputs, weight)]

    return trace(loss, [rows[1], *rows[1:]], timer)
