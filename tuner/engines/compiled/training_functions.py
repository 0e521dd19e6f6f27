"""Build the functions that trials share: gradient, update, outputs, validation loss.

Runtime scalars, weights, optimizer slots and the state of layers are variables that a function reads and sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, get_dtypes, inlined_effects, inlined_outputs
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.support_checks import check_graph, check_outputs, raise_if
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer
from tuner.errors import UnsupportedError


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
        timer: Counts its first call, in which TensorFlow prepares it, and the time of that.
    """

    def __init__(
        self, function: Any, dtypes: Sequence[tf.DType], captures: Sequence[tf.Tensor], timer: BuildTimer
    ) -> None:
        self.function, self.dtypes, self.captures = function, list(dtypes), list(captures)
        self._timer, self._called = timer, False

    def __call__(self, *inputs: tf.Tensor) -> list[tf.Tensor]:
        if not self._called:
            self._called = True
            self._timer.traced += 1
            return self._timer.timed(lambda: self(*inputs))
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


def build_forward_backward(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
) -> GraphFunction:
    """Build `(x, gradient of a loss for the raw outputs)` → raw outputs, penalties, gradients for `weights.variables`.

    Raw outputs are those before `LayerMonitor.head`.  If the network is the same in training and inference, the outputs
    and shares of `build_outputs` follow.

    Raises:
        UnsupportedError: The gradient does not reach each weight, or a check of `support_checks` fails.
    """

    def both(x: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        parts, layers = weights.tensors(), network.layers
        with tf.GradientTape() as tape, layers.record_activations() as activations:
            tape.watch(parts)
            outputs, penalties, state = network.call(parts, x, training=True)
            raise_if(check_outputs(outputs, layers.head, activations))
            raw = outputs if activations.raw is None else activations.raw
            penalty = tf.add_n([tf.constant(0.0), *(keras.ops.sum(each) for each in penalties)])
        targets, upstreams = ([raw, penalty], [upstream, tf.constant(1.0)]) if penalties else ([raw], [upstream])
        gradients = tape.gradient(targets, parts, output_gradients=upstreams)
        for variable, gradient in zip(network.model.trainable_variables, gradients, strict=True):
            if gradient is None:
                raise UnsupportedError(f"the loss does not depend on {variable.path}, so it has no gradient")
        network.sparse = any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        for variable, value in state:
            variable.assign(value)
        results = [raw, penalty, *weights.flatten([tf.convert_to_tensor(gradient) for gradient in gradients])]
        return [*results, outputs, layers.unit_shares(activations)] if network.same_in_training else results

    traced = trace(both, [x, y], timer)
    known = [variable.value for variable in (*network.model.variables, *weights.variables)]
    raise_if(check_graph(traced.function, known))
    return traced


def build_loss_gradient(
    shared: SharedLoss, head: Callable[[Any], Any] | None, rows: Sequence[tf.TensorSpec], timer: BuildTimer
) -> GraphFunction:
    """Build `(raw outputs, y[, weight])` → the loss without penalties, and its gradient for these outputs.

    Keras computes cross-entropies from the logits: probabilities rounded to 0 have lost their gradient.
    """

    def gradient(raw: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            loss = shared.loss(y, raw if head is None else head(raw), sample_weight=weight)
        return [loss, tape.gradient(loss, raw)]

    return trace(gradient, [rows[1], *rows[1:]], timer)


def join_gradient(
    network: GraphFunction, loss: GraphFunction, rows: Sequence[tf.TensorSpec], weights: Weights, timer: BuildTimer
) -> GraphFunction:
    """Join `rows` → the loss with all penalties, then its gradient for each of `weights.variables`.

    The nodes of both functions are copied, so each network and each loss is traced once.

    Args:
        network: See `build_forward_backward`.
        loss: See `build_loss_gradient`.
        rows: Specs of the rows.
        weights: Those of the network.
        timer: Counts it.
    """
    captured, joined = [*network.captures, *loss.captures], FunctionDefBuilder("gradient")
    inputs = joined.add_inputs(get_dtypes([*rows, *captured]))
    (x, *targets), handles = inputs[: len(rows)], inputs[len(rows) :]
    of_network, of_loss = handles[: len(network.captures)], handles[len(network.captures) :]
    raw, penalty, *gradients = inlined_outputs(network.function, "network")[: 2 + len(weights.variables)]
    value, upstream = inlined_outputs(loss.function, "loss")
    joined.inline(network.function, "network", [x, upstream, *of_network], wanted=range(2 + len(gradients)))
    joined.inline(loss.function, "loss", [raw, *targets, *of_loss], wanted=range(2))
    total = joined.add_op("AddV2", [value, penalty], "z", T=tf.float32)
    types = [tf.float32] * (1 + len(gradients))
    joined.set_outputs([total, *gradients], types, after=inlined_effects(network.function, "network"))
    return GraphFunction(joined.register(), types, captured, timer)


def build_update(shared: SharedOptimizer, weights: Weights, timer: BuildTimer) -> GraphFunction:
    """Build `(*gradients, rate)` → nothing; updates the weights."""

    def update(*inputs: tf.Tensor) -> list[tf.Tensor]:
        *gradients, rate = inputs
        shared.optimizer.learning_rate.assign(rate)
        shared.optimizer.apply(gradients, weights.variables)
        return []

    return trace(update, [*weights.specs(), tf.TensorSpec((), tf.float32)], timer)


def build_outputs(network: Network, weights: Weights, x: tf.TensorSpec, timer: BuildTimer) -> GraphFunction:
    """Build `x` → outputs `(n, k)` in inference, raw outputs, and `LayerMonitor.unit_shares`."""

    def outputs(x: tf.Tensor) -> list[tf.Tensor]:
        with network.layers.record_activations() as activations:
            found = network.call(weights.tensors(), x, training=False)[0]
        raw = found if activations.raw is None else activations.raw
        return [found, raw, network.layers.unit_shares(activations)]

    return trace(outputs, [x], timer)


def extract_outputs(network: GraphFunction, x: tf.TensorSpec, timer: BuildTimer) -> GraphFunction:
    """Extract `build_outputs` from `build_forward_backward`; for a network that is `same_in_training`."""
    part, types = FunctionDefBuilder("outputs"), [tf.float32] * 3
    rows, *captured = part.add_inputs(get_dtypes([x, *network.captures]))
    raw, *_, outputs, shares = inlined_outputs(network.function, "network")
    last = len(network.dtypes)
    # The wanted outputs need no gradient: any reference does.
    part.inline(network.function, "network", [rows, rows, *captured], wanted=[0, last - 2, last - 1])
    part.set_outputs([outputs, raw, shares], types)
    return GraphFunction(part.register(), types, network.captures, timer)


def build_loss(shared: SharedLoss, rows: Sequence[tf.TensorSpec], timer: BuildTimer) -> GraphFunction:
    """Build `(outputs, y[, weight])` → the loss, without penalties."""

    def loss(outputs: tf.Tensor, y: tf.Tensor, weight: tf.Tensor | None = None) -> list[tf.Tensor]:
        return [shared.loss(y, outputs, sample_weight=weight)]

    return trace(loss, [rows[1], *rows[1:]], timer)
