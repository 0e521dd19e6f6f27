"""What a trial calls, each made once and shared: gradient, update, outputs, loss on the validation part.

Numbers of recipes, weights, slots of optimizers and the state of layers are variables that a piece reads and sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.flat_weights import Weights
from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, effects_of, outputs_of, types_of
from tuner.engines.compiled.lru_cache import BuildTimer
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.support_checks import by_graph, by_outputs, refuse
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer
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


class GraphFunction:
    """A function over tensors that is called as one operation.

    The call of a `tf.function` looks at its arguments again each time: 0.35 to 0.5 ms for the two calls of a step.  The
    same function as an operation takes 0.13 to 0.24 ms.

    Args:
        function: Something with the `name` that TensorFlow knows it by.
        types: Of what it gives.
        captured: What it is given behind its arguments, always: handles of variables.
        clock: Counts it at its first call, in which TensorFlow prepares it, and the time of that.
    """

    def __init__(
        self, function: Any, types: Sequence[tf.DType], captured: Sequence[tf.Tensor], clock: BuildTimer
    ) -> None:
        self.function, self.types, self.captured = function, list(types), list(captured)
        self._clock, self._called = clock, False

    def __call__(self, *given: tf.Tensor) -> list[tf.Tensor]:
        if not self._called:
            self._called = True
            self._clock.traced += 1
            return self._clock.timed(lambda: self(*given))
        called = tf.raw_ops.StatefulPartitionedCall(
            args=[*given, *self.captured], Tout=self.types, f=self.function, config_proto=_AS_TRACED
        )
        return list(called) if self.types else []


def trace(
    function: Callable[..., Sequence[tf.Tensor]], specs: Sequence[tf.TensorSpec], clock: BuildTimer
) -> GraphFunction:
    """The piece of a function over tensors of these specs, which is traced now."""
    traced = tf.function(function, autograph=False, input_signature=list(specs)).get_concrete_function()
    return GraphFunction(traced, types_of(traced.outputs), traced.captured_inputs, clock)


def row_specs(inputs: Sequence[int], outputs: int, weighted: bool) -> list[tf.TensorSpec]:
    """Rows as pieces take them: x `(n, *inputs)`, y `(n, outputs)` and, where they are weighted, weight `(n,)`."""
    specs = [tf.TensorSpec((None, *inputs), tf.float32), tf.TensorSpec((None, outputs), tf.float32)]
    return [*specs, tf.TensorSpec((None,), tf.float32)] if weighted else specs


def build_forward_backward(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, clock: BuildTimer
) -> GraphFunction:
    """`(x, gradient of a loss for the raw outputs)` → raw outputs, penalties, gradient of both for `weights.variables`.

    Raw outputs are those before the head (`ActivationTrace.raw`).  Of a plain network outputs and shares follow,
    as `outputs_piece` gives them.

    Raises:
        UnsupportedError: The gradient does not reach each weight, or see `refused`.
    """

    def both(x: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        parts, layers = weights.parts(), network.layers
        with tf.GradientTape() as tape, layers.record_activations() as noted:
            tape.watch(parts)
            outputs, penalties, state = network.call(parts, x, training=True)
            refuse(by_outputs(outputs, layers.head, noted))
            raw = outputs if noted.raw is None else noted.raw
            penalty = tf.add_n([tf.constant(0.0), *(keras.ops.sum(each) for each in penalties)])
        targets, given = [raw, *([penalty] * bool(penalties))], [upstream, *([tf.constant(1.0)] * bool(penalties))]
        gradients = tape.gradient(targets, parts, output_gradients=given)
        for variable, found in zip(network.model.trainable_variables, gradients, strict=True):
            if found is None:
                raise UnsupportedError(f"the loss does not depend on {variable.path}, so it has no gradient")
        network.sparse = any(isinstance(found, tf.IndexedSlices) for found in gradients)
        for variable, value in state:
            variable.assign(value)
        found = [raw, penalty, *weights.join([tf.convert_to_tensor(found) for found in gradients])]
        return [*found, outputs, layers.unit_shares(noted)] if network.plain else found

    piece = trace(both, [x, y], clock)
    known = [variable.value for variable in (*network.model.variables, *weights.variables)]
    refuse(by_graph(piece.function, known))
    return piece


def build_loss_gradient(
    shared: SharedLoss, head: Callable[[Any], Any] | None, rows: Sequence[tf.TensorSpec], clock: BuildTimer
) -> GraphFunction:
    """`(raw outputs, y[, weight])` → the loss without penalties, and its gradient for these outputs.

    It begins before the head, as Keras computes cross-entropies from there: probabilities that are rounded to 0 have
    lost their gradient.
    """

    def gradient(raw: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            loss = shared.loss(y, raw if head is None else head(raw), sample_weight=weight)
        return [loss, tape.gradient(loss, raw)]

    return trace(gradient, [rows[1], *rows[1:]], clock)


def join_gradient(
    network: GraphFunction, loss: GraphFunction, rows: Sequence[tf.TensorSpec], weights: Weights, clock: BuildTimer
) -> GraphFunction:
    """`rows` → the loss with all penalties, then its gradient for each of `weights.variables`.

    Put together from what was traced: so each network, and each loss, is traced once.

    Args:
        network: See `network_piece`.
        loss: See `loss_gradient_piece`.
        rows: Specs of the rows.
        weights: Those of the network.
        clock: Counts it.
    """
    captured, joined = [*network.captured, *loss.captured], FunctionDefBuilder("gradient")
    given = joined.add_inputs(types_of([*rows, *captured]))
    (x, *targets), handles = given[: len(rows)], given[len(rows) :]
    of_network, of_loss = handles[: len(network.captured)], handles[len(network.captured) :]
    raw, penalty, *gradients = outputs_of(network.function, "network")[: 2 + len(weights.variables)]
    value, upstream = outputs_of(loss.function, "loss")
    joined.inline(network.function, "network", [x, upstream, *of_network], wanted=range(2 + len(gradients)))
    joined.inline(loss.function, "loss", [raw, *targets, *of_loss], wanted=range(2))
    total = joined.add_op("AddV2", [value, penalty], "z", T=tf.float32)
    types = [tf.float32] * (1 + len(gradients))
    joined.set_outputs([total, *gradients], types, after=effects_of(network.function, "network"))
    return GraphFunction(joined.register(), types, captured, clock)


def update_piece(shared: SharedOptimizer, weights: Weights, clock: BuildTimer) -> GraphFunction:
    """`(*gradients, rate)` sets the weights."""

    def update(*given: tf.Tensor) -> list[tf.Tensor]:
        shared.optimizer.learning_rate.assign(given[-1])
        shared.optimizer.apply(list(given[:-1]), weights.variables)
        return []

    return trace(update, [*weights.specs(), tf.TensorSpec((), tf.float32)], clock)


def outputs_piece(network: Network, weights: Weights, x: tf.TensorSpec, clock: BuildTimer) -> GraphFunction:
    """`x` → outputs `(n, k)`, as in `predict`; raw outputs; and `LayerMonitor.unit_shares`."""

    def outputs(x: tf.Tensor) -> list[tf.Tensor]:
        with network.layers.record_activations() as noted:
            found = network.call(weights.parts(), x, training=False)[0]
        return [found, found if noted.raw is None else noted.raw, network.layers.unit_shares(noted)]

    return trace(outputs, [x], clock)


def plain_outputs_piece(network: GraphFunction, x: tf.TensorSpec, clock: BuildTimer) -> GraphFunction:
    """As `outputs_piece`, for a plain network: a part of what was traced for its gradient (see `network_piece`)."""
    part, types = FunctionDefBuilder("outputs"), [tf.float32] * 3
    given, *captured = part.add_inputs(types_of([x, *network.captured]))
    raw, *_, outputs, shares = outputs_of(network.function, "network")
    last = len(network.types)
    # What is wanted needs no gradient: any reference does for it.
    part.inline(network.function, "network", [given, given, *captured], wanted=[0, last - 2, last - 1])
    part.set_outputs([outputs, raw, shares], types)
    return GraphFunction(part.register(), types, network.captured, clock)


def loss_piece(shared: SharedLoss, rows: Sequence[tf.TensorSpec], clock: BuildTimer) -> GraphFunction:
    """`(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        return [shared.loss(y, outputs, sample_weight=weight)]

    return trace(loss, [rows[1], *rows[1:]], clock)
