"""Join the functions of layers to those of a network, by copying their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, get_dtypes
from tuner.engines.compiled.layer_functions import LayerFunction
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.open_shapes import concatenate, read_variable, split_vector
from tuner.engines.compiled.shared_architecture import Structure
from tuner.engines.compiled.training_functions import GraphFunction
from tuner.health import NOT_MEASURED, SHARE_KINDS


class JoinedFunctions:
    """The functions of a structure, for weights in one vector or in a variable each.

    Args:
        structure: What is joined.
        weights: Where the weights are.
        x, y: Specs of rows and targets.
        timer: Counts the functions.
    """

    def __init__(
        self, structure: Structure, weights: Weights, x: tf.TensorSpec, y: tf.TensorSpec, timer: BuildTimer
    ) -> None:
        self._structure, self._weights, self._x, self._y, self._timer = structure, weights, x, y, timer

    @property
    def state(self) -> list[Any]:
        """The variables besides the weights."""
        return self._structure.state

    @property
    def sparse(self) -> bool:
        """Whether a gradient is of some rows of a weight only."""
        return self._structure.sparse

    def load(self, network: Network, recipe: Recipe, state: Sequence[np.ndarray]) -> None:
        """Set sizes, numbers and state to those of a network of this structure."""
        assert not isinstance(network.calls, str)
        self._structure.load(network.calls, recipe, network.shapes, state)

    def gradient(
        self,
        loss: GraphFunction,
        rows: Sequence[tf.TensorSpec],
        shapes: Sequence[tuple[int, ...]] | None = None,
        squares: bool = False,
    ) -> GraphFunction:
        """Join `rows` → the loss with all penalties, then its gradient for each of `weights.variables`.

        Args:
            loss: See `build_loss_gradient`.
            rows: Specs of the rows.
            shapes: Shapes of the weights, for a function that is for these alone; XLA must know them.
            squares: Whether the squares of the gradients follow; of embeddings, the sum of those of all uses of a row.
        """
        join = _Join("gradient", self._structure, self._weights, True, rows, loss.captures, shapes)
        value, gradients = self._add_loss(join, loss, penalized=True)
        squared = self._flatten(join, join.squares()) if squares else []
        return join.finish([value, *self._flatten(join, gradients), *squared], self._timer)

    def probe(self, loss: GraphFunction, rows: Sequence[tf.TensorSpec]) -> GraphFunction:
        """Join `rows` → the loss without penalties, its gradient for each of `weights.variables`, `unit_shares`.

        All of them in inference; for the arguments see `gradient`.
        """
        join = _Join("probe", self._structure, self._weights, False, rows, loss.captures)
        value, gradients = self._add_loss(join, loss, penalized=False)
        return join.finish([value, *self._flatten(join, gradients), join.shares()], self._timer)

    def outputs(self) -> GraphFunction:
        """Join `x` → outputs `(n, k)` in inference."""
        join = _Join("outputs", self._structure, self._weights, False, [self._x])
        return join.finish([join.output], self._timer)

    def answers(self) -> GraphFunction:
        """Join `(x, *weights)` → outputs `(n, k)` in inference."""
        given = [self._x, *(tf.TensorSpec([None] * rank, tf.float32) for rank in self._structure.ranks)]
        join = _Join("answers", self._structure, None, False, given)
        return join.finish([join.output], self._timer)

    def answer_inputs(self, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
        """Return weights for `answers`: zeros, as no time depends on them."""
        return [tf.constant(np.zeros(shape, np.float32)) for shape in shapes]

    def _add_loss(self, join: _Join, loss: GraphFunction, penalized: bool) -> tuple[str, list[str]]:
        """Add a loss, and return references to it and to its gradient for each weight."""
        template = loss.template
        value, upstream = template.outputs("loss")
        gradients, penalty = join.backward(upstream, penalized)
        inputs = [join.raw, *join.given[1:], *join.refer(loss.captures)]
        join.builder.inline(template, "loss", inputs, wanted=range(2))
        if penalty is not None:
            value = join.builder.add_op("AddV2", [value, penalty], "z", T=tf.float32)
        return value, gradients

    def _flatten(self, join: _Join, references: Sequence[str]) -> Sequence[str]:
        """Return references to tensors shaped like `weights.variables`, from one for each weight."""
        if self._weights.per_tensor:
            return references
        return [concatenate(join.builder, references, self._structure.ranks)]


class _Join:
    """One function under construction; without `weights` their values follow the rows in `given`."""

    def __init__(
        self,
        name: str,
        structure: Structure,
        weights: Weights | None,
        training: bool,
        given: Sequence[tf.TensorSpec],
        others: Sequence[tf.Tensor] = (),
        shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        self.builder, self._structure, self._training = FunctionDefBuilder(name), structure, training
        self._functions = structure.training if training else structure.inference
        own = [] if weights is None else [variable.value.handle for variable in weights.variables]
        is_split = weights is not None and not weights.per_tensor
        open_shapes = structure.shapes.handles if is_split and shapes is None else []
        handles = [*own, *open_shapes]
        for index, function in enumerate(self._functions):
            handles += structure.handles(index, function)
        for weight in structure.penalties:
            handles += structure.penalty_handles(weight)
        self._captures = list({id(handle): handle for handle in (*handles, *others)}.values())
        references = self.builder.add_inputs(get_dtypes([*given, *self._captures]))
        self.given = references[: len(given)]
        captured = zip(self._captures, references[len(given) :], strict=True)
        self._references = {id(handle): reference for handle, reference in captured}
        self._reads = [read_variable(self.builder, reference, tf.float32) for reference in self.refer(own)]
        self._weight_values = self._split_weights(open_shapes, shapes) if is_split else self._reads or self.given[1:]
        rows = self.given[0]
        self._wanted: list[set[int]] = [set() for _ in structure.calls]
        self._gradients: dict[int, str] = {}
        self._upstream = [rows] * len(structure.calls)  # any reference, if no gradient is wanted
        self._inputs = [
            [
                *(rows if by < 0 else self._output(by) for by in call.inputs),
                *(self._weight_values[index] for index in call.weights),
            ]
            for call in structure.calls
        ]

    def refer(self, handles: Sequence[tf.Tensor]) -> list[str]:
        """Return references to captures."""
        return [self._references[id(handle)] for handle in handles]

    def _split_weights(self, open_shapes: Sequence[tf.Tensor], shapes: Sequence[tuple[int, ...]] | None) -> list[str]:
        values = self._reads
        if shapes is None:
            return self._structure.shapes.add_split(self.builder, values[0], self.refer(open_shapes))
        sizes = self.builder.constant([int(tf.TensorShape(shape).num_elements()) for shape in shapes], tf.int32)
        constants = [self.builder.constant(list(shape), tf.int32) for shape in shapes if len(shape) != 1]
        return split_vector(self.builder, values[0], sizes, constants, self._structure.ranks)

    @property
    def raw(self) -> str:
        """The outputs before the head."""
        return self._reference(len(self._functions) - 1, LayerFunction.RAW)

    @property
    def output(self) -> str:
        """The outputs after it."""
        return self._output(len(self._functions) - 1)

    def backward(self, upstream: str, penalized: bool) -> tuple[list[str], str | None]:
        """Return the gradient for each weight, and the sum of all penalties, or None if there are none."""
        calls = self._structure.calls
        arriving: list[list[str]] = [[] for _ in calls]
        arriving[-1] = [upstream]
        gradients: dict[int, str] = {}
        for index in reversed(range(len(calls))):
            call, function = calls[index], self._functions[index]
            if not arriving[index]:
                gradients |= {weight: self._zeros(weight) for weight in call.weights}
                continue
            self._upstream[index] = self._sum(arriving[index])
            for weight, place in zip(call.weights, function.weights, strict=True):
                gradients[weight] = self._zeros(weight) if place is None else self._reference(index, place)
            for by, place in zip(call.inputs, function.inputs, strict=True):
                if by >= 0 and place is not None and self._needs_gradient(by):
                    arriving[by].append(self._reference(index, place))
        values = []
        self._gradients = gradients
        for weight, penalty in self._structure.penalties.items() if penalized else ():
            prefix, inputs = f"penalty_{weight}", self.refer(self._structure.penalty_handles(weight))
            self.builder.inline(penalty.template, prefix, [self._weight_values[weight], *inputs], wanted=range(2))
            value, gradient = penalty.template.outputs(prefix)
            values.append(value)
            gradients[weight] = self._sum([gradients[weight], gradient])
        return [gradients[weight] for weight in sorted(gradients)], self._sum(values) if values else None

    def squares(self) -> list[str]:
        """Return the square of the gradient for each weight, or the sum of those of its uses, after `backward`."""
        found: dict[int, str] = {}
        for index, (call, function) in enumerate(zip(self._structure.calls, self._functions, strict=True)):
            for weight, place in zip(call.weights, function.squares, strict=True):
                if place is None or weight in self._structure.penalties:
                    found[weight] = self.builder.add_op("Square", [self._gradients[weight]], "y", T=tf.float32)
                else:
                    found[weight] = self._reference(index, place)
        return [found[weight] for weight in sorted(found)]

    def shares(self) -> str:
        """Return the shares of all measured layers, `(2, L)`."""
        missing = self.builder.constant(NOT_MEASURED, tf.float32)
        rows = [[missing] * self._structure.measured for _ in SHARE_KINDS]
        for index, (call, function) in enumerate(zip(self._structure.calls, self._functions, strict=True)):
            for offset, (layer, kind) in enumerate(zip(call.measured, function.shares, strict=True)):
                row = next(row for row, kinds in zip(rows, SHARE_KINDS, strict=True) if kind in kinds)
                row[layer] = self._reference(index, function.first_share + offset)
        packed = [self._pack(row) for row in rows]
        return self._pack(packed)

    def finish(self, references: Sequence[str], timer: BuildTimer) -> GraphFunction:
        """Copy what the layers need for these outputs, and return the function."""
        # What waits for a function waits for its effects alone: an update must not change weights that are still read.
        effects = list(self._reads) if self._training else []
        for index, function in enumerate(self._functions):
            prefix, captures = f"layer_{index}", self.refer(self._structure.handles(index, function))
            inputs = [*self._inputs[index], self._upstream[index], *captures]
            self.builder.inline(function.template, prefix, inputs, sorted(self._wanted[index]))
            effects += function.template.effects(prefix) if self._training else ()
        types = [tf.float32] * len(references)
        self.builder.set_outputs(references, types, after=effects)
        return GraphFunction(self.builder.register(), types, self._captures, timer)

    def _needs_gradient(self, index: int) -> bool:
        """Return whether a weight is at, or before, a call."""
        call = self._structure.calls[index]
        return bool(call.weights) or any(by >= 0 and self._needs_gradient(by) for by in call.inputs)

    def _output(self, index: int) -> str:
        return self._reference(index, LayerFunction.OUTPUT)

    def _reference(self, index: int, output: int) -> str:
        self._wanted[index].add(output)
        return self._functions[index].template.outputs(f"layer_{index}")[output]

    def _sum(self, references: Sequence[str]) -> str:
        if len(references) == 1:
            return references[0]
        return self.builder.add_op("AddN", references, "sum", T=tf.float32, N=len(references))

    def _zeros(self, weight: int) -> str:
        return self.builder.add_op("ZerosLike", [self._weight_values[weight]], "y", T=tf.float32)

    def _pack(self, references: Sequence[str]) -> str:
        if not references:
            return self.builder.constant([], tf.float32)
        return self.builder.add_op("Pack", references, "output", T=tf.float32, N=len(references))
