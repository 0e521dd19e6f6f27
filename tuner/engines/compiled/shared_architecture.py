"""A structure: what networks of all sizes share that are the same layers, connected in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.engines.compiled.layer_calls import LayerCall
from tuner.engines.compiled.layer_functions import LayerFunction, LayerFunctions
from tuner.engines.compiled.open_shapes import OpenShapes, open_variable
from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.engines.variable_io import set_value
from tuner.errors import UnsupportedError
from tuner.health import LayerMonitor

_PLACEHOLDER = 0.5


class Structure:
    """The variables that the functions of a structure read, besides the weights, and the functions of its layers.

    Args:
        calls: Of one of its networks.
        monitor: Of this network.
        functions: Of the worker.

    Attributes:
        calls: As given; layers and values are those of that network.
        training: Function of each call in training.
        inference: Function of each call in inference.
        penalties: Function of the penalty on each weight that has one.
        shapes: The shapes of the weights.
        state: Variables in place of the model's `non_trainable_variables`.
        measured: Number of layers that are measured.

    Raises:
        UnsupportedError: A layer cannot be traced for all sizes; says why.
    """

    def __init__(self, calls: Sequence[LayerCall], monitor: LayerMonitor, functions: LayerFunctions) -> None:
        self.calls, self.measured = list(calls), len(monitor.names)
        self.training, self.inference = (
            [functions.find(call, monitor, training) for call in calls] for training in (True, False)
        )
        ranks, self.state, self.penalties = _ranks(calls), _state(calls), dict[int, LayerFunction]()
        self._scalars: list[dict[str, RuntimeScalar]] = []
        self._penalty_scalars: dict[int, dict[str, RuntimeScalar]] = {}
        for call in calls:
            self._scalars.append({name: RuntimeScalar(_PLACEHOLDER) for name in call.numbers})
            for index, names in zip(call.weights, call.penalties, strict=True):
                if names:
                    self.penalties[index] = functions.penalty(ranks[index], list(names))
                    self._penalty_scalars[index] = {name: RuntimeScalar(_PLACEHOLDER) for name in names}
        self.shapes = OpenShapes(ranks)
        self.ranks = ranks
        self._check_gradients()

    @property
    def sparse(self) -> bool:
        """Whether a gradient is of some rows of a weight only; with a penalty it is of all rows."""
        return any(
            square is not None and weight not in self.penalties
            for call, function in zip(self.calls, self.training, strict=True)
            for weight, square in zip(call.weights, function.squares, strict=True)
        )

    def handles(self, index: int, function: LayerFunction) -> list[tf.Tensor]:
        """Return the captures of the function of a call."""
        return [self._handle(self._scalars[index], self.calls[index].state, each) for each in function.captures]

    def penalty_handles(self, weight: int) -> list[tf.Tensor]:
        """Return the captures of the function of the penalty on a weight."""
        return [self._handle(self._penalty_scalars[weight], (), each) for each in self.penalties[weight].captures]

    def load(
        self, calls: Sequence[LayerCall], recipe: Recipe, shapes: Sequence[tuple[int, ...]], state: Sequence[np.ndarray]
    ) -> None:
        """Set all variables to those of a network of this structure.

        Args:
            calls: Of the network.
            recipe: Has the penalties that are its own.
            shapes: Of the weights.
            state: Initial values of the other variables.
        """
        self.shapes.load(shapes)
        for call, scalars in zip(calls, self._scalars, strict=True):
            for name, scalar in scalars.items():
                scalar.set(call.numbers[name])
            for index, values in zip(call.weights, call.penalties, strict=True):
                for name, value in values.items():
                    own = getattr(recipe, name) if value is None else value
                    self._penalty_scalars[index][name].set(own)
        for variable, array in zip(self.state, state, strict=True):
            set_value(variable, array)

    def _handle(self, scalars: dict[str, RuntimeScalar], state: Sequence[int], capture: tuple[str, int]) -> tf.Tensor:
        what, index = capture
        return self.state[state[index]].handle if what == "state" else scalars[what].handles[index]

    def _check_gradients(self) -> None:
        """Check that the gradient of the last call reaches each weight."""
        reached = {len(self.calls) - 1}
        for index in reversed(range(len(self.calls))):
            call, function = self.calls[index], self.training[index]
            if call.weights and (index not in reached or None in function.weights):
                raise UnsupportedError(f"the loss does not depend on a weight of {call.layer.name}")
            if index in reached:
                reached |= {by for by, place in zip(call.inputs, function.inputs, strict=True) if place is not None}


def _ranks(calls: Sequence[LayerCall]) -> list[int]:
    """Return the rank of each weight."""
    pairs = [
        (index, variable.ndim)
        for call in calls
        for index, variable in zip(call.weights, call.layer.trainable_variables, strict=True)
    ]
    return [rank for _, rank in sorted(pairs)]


def _state(calls: Sequence[LayerCall]) -> list[Any]:
    """Return a variable for each of the model's that are not trained."""
    pairs = [
        (index, variable)
        for call in calls
        for index, variable in zip(call.state, call.layer.non_trainable_variables, strict=True)
    ]
    return [open_variable(variable.ndim, variable.dtype) for _, variable in sorted(pairs, key=lambda pair: pair[0])]
