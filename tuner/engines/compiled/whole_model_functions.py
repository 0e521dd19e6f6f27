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
from tuner.engines.compiled.layer_functions import sum_of_squares
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
        self,
        loss: GraphFunction,
        rows: Sequence[tf.TensorSpec],
        shapes: Sequence[tuple[int, ...]] | None = None,
        squares: bool = False,
    ) -> GraphFunction:
        """See `JoinedFunctions.gradient`; the function is always for the shapes of the network."""
        return _join_gradient("gradient", self._both[0], loss, rows, self._weights, self._timer, squares)

    def probe(self, loss: GraphFunction, rows: Sequence[tf.TensorSpec]) -> GraphFunction:
        """See `JoinedFunctions.probe`."""
        return _join_gradient("probe", self._inference, loss, rows, self._weights, self._timer)

    def outputs(self) -> GraphFunction:
        """See `JoinedFunctions.outputs`."""
        return self._outputs

    def answers(self) -> GraphFunction:
        """Return `outputs`, which reads the weights."""
        return self._outputs

    def answer_inputs(self, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
        """Return nothing: `answers` reads the weights."""
        return []

    def load(self, network: Network, recipe: Recipe, state: Sequence[np.ndarray]) -> None:
        """Set penalties and state to those of a recipe of this network."""
        network.set_penalties(recipe)
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(value)

    @cached_property
    def _outputs(self) -> GraphFunction:
        return _extract_outputs(self._inference, self._x, self._timer)

    @cached_property
    def _both(self) -> tuple[GraphFunction, bool]:
        return _build_both(self._network, self._weights, self._x, self._y, self._timer)

    @cached_property
    def _inference(self) -> GraphFunction:
        if self._network.same_in_training:
            return self._both[0]
        return _build_inference(self._network, self._weights, self._x, self._y, self._timer)


def _build_both(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
) -> tuple[GraphFunction, bool]:
    """Build `(x, gradient of a loss for the raw outputs)` → raw outputs, penalties, gradients for `weights.variables`.

    Raw outputs are those before `LayerMonitor.head`.  If a gradient is of some rows of a weight, the squares follow,
    and outputs and shares, as in `_build_inference`, if the network is the same in training and inference.

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
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        results = [raw, penalty, *weights.flatten(dense)]
        if sparse:
            sums = map(sum_of_squares, gradients)
            squares = [tf.square(each) if found is None else found for each, found in zip(dense, sums, strict=True)]
            results += weights.flatten(squares)
        return [*results, outputs, layers.unit_shares(activations)] if network.same_in_training else results

    traced = trace(both, [x, y], timer)
    known = [variable.value for variable in (*network.model.variables, *weights.variables)]
    raise_if(check_graph(traced.function, known))
    return traced, sparse


def _build_inference(
    network: Network, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
) -> GraphFunction:
    """Build what `_build_both` does in inference, without penalties; outputs `(n, k)` and `unit_shares` follow."""

    def both(x: tf.Tensor, upstream: tf.Tensor) -> list[tf.Tensor]:
        parts, layers = weights.tensors(), network.layers
        with tf.GradientTape(watch_accessed_variables=False) as tape, layers.record_activations() as activations:
            tape.watch(parts)
            outputs = network.call(parts, x, training=False)[0]
            raw = outputs if activations.raw is None else activations.raw
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(raw, parts, output_gradients=upstream, unconnected_gradients=zero)
        gradients = weights.flatten([tf.convert_to_tensor(gradient) for gradient in found])
        return [raw, tf.constant(0.0), *gradients, outputs, layers.unit_shares(activations)]

    return trace(both, [x, y], timer)


def _join_gradient(
    name: str,
    network: GraphFunction,
    loss: GraphFunction,
    rows: Sequence[tf.TensorSpec],
    weights: Weights,
    timer: BuildTimer,
    squares: bool = False,
) -> GraphFunction:
    """Join `rows` → the loss with all penalties, its gradient for each of `weights.variables`; of "probe", also shares.

    The nodes of both functions are copied, so each network and each loss is traced once.

    Args:
        name: "gradient" or "probe".
        network: See `_build_both` and `_build_inference`.
        loss: See `build_loss_gradient`.
        rows: Specs of the rows.
        weights: Those of the network.
        timer: Counts it.
        squares: Whether the squares of the gradients follow them.
    """
    captured, joined = [*network.captures, *loss.captures], FunctionDefBuilder(name)
    inputs = joined.add_inputs(get_dtypes([*rows, *captured]))
    (x, *targets), handles = inputs[: len(rows)], inputs[len(rows) :]
    of_network, of_loss = handles[: len(network.captures)], handles[len(network.captures) :]
    both, by_loss, count = network.template, loss.template, 2 + (1 + squares) * len(weights.variables)
    found = both.outputs("network")
    wanted = [*range(count), *([len(found) - 1] if name == "probe" else [])]
    raw, penalty, *others = (found[index] for index in wanted)
    value, upstream = by_loss.outputs("loss")
    joined.inline(both, "network", [x, upstream, *of_network], wanted)
    joined.inline(by_loss, "loss", [raw, *targets, *of_loss], wanted=range(2))
    total = joined.add_op("AddV2", [value, penalty], "z", T=tf.float32)
    types = [tf.float32] * (1 + len(others))
    joined.set_outputs([total, *others], types, after=both.effects("network"))
    return GraphFunction(joined.register(), types, captured, timer)


def _extract_outputs(inference: GraphFunction, x: tf.TensorSpec, timer: BuildTimer) -> GraphFunction:
    """Extract `x` → outputs `(n, k)` of `_build_inference`."""
    part, index = FunctionDefBuilder("outputs"), len(inference.dtypes) - 2
    rows, *captured = part.add_inputs(get_dtypes([x, *inference.captures]))
    # In place of a gradient any reference does.
    part.inline(inference.template, "network", [rows, rows, *captured], wanted=[index])
    part.set_outputs([inference.template.outputs("network")[index]], [tf.float32])
    return GraphFunction(part.register(), [tf.float32], inference.captures, timer)
