"""Trace the functions of one network as a whole, for its sizes only.

Runtime scalars, weights and the state of layers are variables that a function reads and sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, get_dtypes
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.support_checks import check_graph, check_outputs, raise_if
from tuner.engines.compiled.training_functions import GraphFunction, trace
from tuner.errors import UnsupportedError


class TracedFunctions:
    """The functions of a network that is traced as a whole.

    Args:
        network: The network.
        weights: Where its weights are.
        x, y: Specs of rows and targets.
        timer: Counts the functions.
    """

    def __init__(
        self, network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
    ) -> None:
        self._network, self._weights, self._x, self._y, self._timer = network, weights, x, y, timer
        network.initialize()

    @property
    def state(self) -> list[Any]:
        """The variables besides the weights."""
        return list(self._network.model.non_trainable_variables)

    @property
    def sparse(self) -> bool:
        """Whether a gradient is of some rows of a weight only."""
        return self._both[1]

    def gradient(
        self, loss: GraphFunction, rows: Sequence[tf.TensorSpec], shapes: Sequence[tuple[int, ...]] | None = None
    ) -> GraphFunction:
        """See `JoinedFunctions.gradient`; the function is always for the shapes of the network."""
        return _join_gradient(self._both[0], loss, rows, self._weights, self._timer)

    def outputs(self) -> GraphFunction:
        """See `JoinedFunctions.outputs`."""
        if self._network.same_in_training:
            last = len(self._both[0].dtypes)
            return _extract("outputs", self._both[0], self._x, [last - 2, 0, last - 1], self._timer)
        return self._inference

    def answers(self) -> GraphFunction:
        """Extract `x` → outputs `(n, k)` in inference, and nothing else."""
        if self._network.same_in_training:
            return _extract("answers", self._both[0], self._x, [len(self._both[0].dtypes) - 2], self._timer)
        return _extract("answers", self._inference, self._x, [0], self._timer)

    def answer_inputs(self, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
        """Return nothing: `answers` reads the weights."""
        return []

    def backward(self) -> GraphFunction:
        """See `JoinedFunctions.backward`."""
        return _build_backward(self._network, self._weights, self._x, self._y, self._timer)

    def load(self, network: Network, recipe: Recipe, state: Sequence[np.ndarray]) -> None:
        """Set penalties and state to those of a recipe of this network."""
        network.set_penalties(recipe)
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(value)

    @cached_property
    def _both(self) -> tuple[GraphFunction, bool]:
        return _build_both(self._network, self._weights, self._x, self._y, self._timer)

    @cached_property
    def _inference(self) -> GraphFunction:
        return _build_outputs(self._network, self._weights, self._x, self._timer)


def _build_both(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
) -> tuple[GraphFunction, bool]:
    """Build `(x, gradient of a loss for the raw outputs)` → raw outputs, penalties, gradients for `weights.variables`.

    Raw outputs are those before `LayerMonitor.head`.  If the network is the same in training and inference, the outputs
    and shares of `TracedFunctions.outputs` follow.

    Returns:
        The function, and whether a gradient is of some rows of a weight only.

    Raises:
        UnsupportedError: The gradient does not reach each weight, or a check of `support_checks` fails.
    """
    sparse = False

    def both(x: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        nonlocal sparse
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
        sparse = any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        for variable, value in state:
            variable.assign(value)
        results = [raw, penalty, *weights.flatten([tf.convert_to_tensor(gradient) for gradient in gradients])]
        return [*results, outputs, layers.unit_shares(activations)] if network.same_in_training else results

    traced = trace(both, [x, y], timer)
    known = [variable.value for variable in (*network.model.variables, *weights.variables)]
    raise_if(check_graph(traced.function, known))
    return traced, sparse


def _join_gradient(
    network: GraphFunction, loss: GraphFunction, rows: Sequence[tf.TensorSpec], weights: Weights, timer: BuildTimer
) -> GraphFunction:
    """Join `rows` → the loss with all penalties, then its gradient for each of `weights.variables`.

    The nodes of both functions are copied, so each network and each loss is traced once.

    Args:
        network: See `_build_both`.
        loss: See `build_loss_gradient`.
        rows: Specs of the rows.
        weights: Those of the network.
        timer: Counts it.
    """
    captured, joined = [*network.captures, *loss.captures], FunctionDefBuilder("gradient")
    inputs = joined.add_inputs(get_dtypes([*rows, *captured]))
    (x, *targets), handles = inputs[: len(rows)], inputs[len(rows) :]
    of_network, of_loss = handles[: len(network.captures)], handles[len(network.captures) :]
    both, by_loss = network.template, loss.template
    raw, penalty, *gradients = both.outputs("network")[: 2 + len(weights.variables)]
    value, upstream = by_loss.outputs("loss")
    joined.inline(both, "network", [x, upstream, *of_network], wanted=range(2 + len(gradients)))
    joined.inline(by_loss, "loss", [raw, *targets, *of_loss], wanted=range(2))
    total = joined.add_op("AddV2", [value, penalty], "z", T=tf.float32)
    types = [tf.float32] * (1 + len(gradients))
    joined.set_outputs([total, *gradients], types, after=both.effects("network"))
    return GraphFunction(joined.register(), types, captured, timer)


def _build_outputs(network: Network, weights: Weights, x: tf.TensorSpec, timer: BuildTimer) -> GraphFunction:
    """Build `x` → outputs `(n, k)` in inference, raw outputs, and `LayerMonitor.unit_shares`."""

    def outputs(x: tf.Tensor) -> list[tf.Tensor]:
        with network.layers.record_activations() as activations:
            found = network.call(weights.tensors(), x, training=False)[0]
        raw = found if activations.raw is None else activations.raw
        return [found, raw, network.layers.unit_shares(activations)]

    return trace(outputs, [x], timer)


def _extract(
    name: str, traced: GraphFunction, x: tf.TensorSpec, wanted: Sequence[int], timer: BuildTimer
) -> GraphFunction:
    """Extract `x` → some outputs of `_build_outputs`, or those of `_build_both` that need no gradient."""
    part, types = FunctionDefBuilder(name), [tf.float32] * len(wanted)
    rows, *captured = part.add_inputs(get_dtypes([x, *traced.captures]))
    template = traced.template
    # In place of a gradient any reference does.
    others = len(template.arguments) - len(traced.captures) - 1
    part.inline(template, "network", [rows, *[rows] * others, *captured], wanted=sorted(wanted))
    found = template.outputs("network")
    part.set_outputs([found[index] for index in wanted], types)
    return GraphFunction(part.register(), types, traced.captures, timer)


def _build_backward(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
) -> GraphFunction:
    """Build `(x, gradient of the raw outputs)` → the gradient for each weight, in its shape."""

    def backward(x: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        parts = weights.tensors()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            with network.layers.record_activations() as activations:
                outputs = network.call(parts, x, training=False)[0]
            raw = outputs if activations.raw is None else activations.raw
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(raw, parts, output_gradients=gradient, unconnected_gradients=zero)
        return [tf.convert_to_tensor(tensor) for tensor in found]

    return trace(backward, [x, y], timer)
