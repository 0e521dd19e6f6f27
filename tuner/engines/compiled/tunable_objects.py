"""Keras losses and optimizers that recipes share, with runtime scalars for their options."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import CLIPPINGS, LOSSES, OPTIMIZERS, Recipe, make_optimizer, row_options
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.optimizer_kernels import find_kernel_step, get_handle
from tuner.engines.compiled.runtime_scalar import RuntimeScalar, is_tunable_scalar
from tuner.engines.variable_io import set_value
from tuner.errors import UnsupportedError
from tuner.keras_internals import given_square, open_shape
from tuner.user_code import is_reference

_ACCUMULATOR_START = "initial_accumulator_value"
_SENTINEL = 0.5  # no other slot is initialized with this value


class SharedLoss:
    """A loss of the catalog, for all recipes that choose it.

    Args:
        recipe: One of them.

    Attributes:
        loss: Keras's.
        is_user_code: Whether it is not of the catalog.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.is_user_code = is_reference(recipe.loss.name)
        options, tunable = row_options(recipe, "loss"), _tunable_options(recipe)
        self._scalars = {name: RuntimeScalar(options[name]) for name in tunable if is_tunable_scalar(options[name])}
        self.loss: keras.losses.Loss = LOSSES[recipe.loss.name].build(**{**options, **self._scalars})

    def load(self, recipe: Recipe) -> None:
        """Set its options to those of the recipe."""
        options = row_options(recipe, "loss")
        for name, scalar in self._scalars.items():
            scalar.set(options[name])


class SharedOptimizer:
    """An optimizer of the catalog, for all recipes that choose it with the same switches.

    Args:
        recipe: One of them.
        weights: The weights that it updates; in a vector, of any length.
        squares: Whether it is given the squares of gradients, which no kernel takes.

    Attributes:
        optimizer: Keras's; its learning rate is set by the program in each step.
        squares: As given.
    """

    def __init__(self, recipe: Recipe, weights: Weights, squares: bool) -> None:
        self.optimizer, self.squares = make_optimizer(recipe), squares
        config = self.optimizer.get_config()
        kernel_step = None if squares else find_kernel_step(self.optimizer)
        self._scalars = {
            name: RuntimeScalar(config[name]) for name in _tunable_names(recipe) if is_tunable_scalar(config.get(name))
        }
        for name, scalar in self._scalars.items():
            setattr(self.optimizer, name, scalar)
        if _ACCUMULATOR_START in config:
            setattr(self.optimizer, _ACCUMULATOR_START, _SENTINEL)
        self.optimizer.build(weights.variables)
        if kernel_step is not None:
            self.optimizer.update_step = kernel_step.make(self.optimizer)
        slots = [variable for variable in self.optimizer.variables if not isinstance(variable, RuntimeScalar)]
        self._slots = [(variable, keras.ops.convert_to_numpy(variable)) for variable in slots]
        self._open = [not weights.per_tensor and value.ndim > 0 for _, value in self._slots]
        for variable, is_open in zip(slots, self._open, strict=True):
            if is_open:
                open_shape(variable)
        self._starts = [
            _ACCUMULATOR_START in config and value.ndim > 0 and bool((value == _SENTINEL).all())
            for _, value in self._slots
        ]

    @property
    def variables(self) -> list[Any]:
        """The slots: state from step to step."""
        return [variable for variable, _ in self._slots]

    def apply(self, gradients: Sequence[tf.Tensor], squares: Sequence[tf.Tensor], variables: Sequence[Any]) -> None:
        """Update variables by their gradients, and by the squares of these if they are given.

        Raises:
            UnsupportedError: Keras does not ask for a square.
        """
        if not squares:
            self.optimizer.apply(gradients, variables)
            return
        by_variable = {id(get_handle(each)): square for each, square in zip(variables, squares, strict=True)}
        plain_step = self.optimizer.update_step

        def step(gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor) -> None:
            with given_square(gradient, by_variable[id(get_handle(variable))]) as asked:
                plain_step(gradient, variable, learning_rate)
            if not asked:
                raise UnsupportedError(f"{self.optimizer.name} squares something else than its gradient")

        self.optimizer.update_step = step
        try:
            self.optimizer.apply(gradients, variables)
        finally:
            del self.optimizer.update_step

    def load(self, config: Mapping[str, Any], size: int) -> None:
        """Set its options to those of a recipe, and its slots to their initial values.

        Args:
            config: The configuration of the optimizer of the recipe.
            size: Number of weights.
        """
        for name, scalar in self._scalars.items():
            scalar.set(config[name])
        for (variable, value), is_open, starts in zip(self._slots, self._open, self._starts, strict=True):
            shape = (size,) if is_open else value.shape
            start = config[_ACCUMULATOR_START] if starts else value
            set_value(variable, np.broadcast_to(start, shape))


def loss_key(recipe: Recipe) -> str:
    """Return the signature of a recipe's loss."""
    options = row_options(recipe, "loss")
    return _signature(recipe.loss.name, options, _tunable_options(recipe))


def optimizer_key(recipe: Recipe, optimizer: keras.optimizers.Optimizer, squares: bool) -> str:
    """Return the signature of a recipe's optimizer, which may be given the squares of gradients."""
    config = optimizer.get_config()
    options = {
        name: value for name, value in config.items() if name not in ("name", "learning_rate", _ACCUMULATOR_START)
    }
    options |= {"by_kernel": not squares and find_kernel_step(optimizer) is not None, "squares": squares}
    chosen = (recipe.optimizer, recipe.clipping)
    own = {one.name: one.options for one in chosen if is_reference(one.name)}  # what it was given is in no config
    return _signature(recipe.optimizer.name, {**options, **own}, _tunable_names(recipe))


def _tunable_options(recipe: Recipe) -> set[str]:
    """Return the options of a loss that a program takes as numbers; none of user code, which may decide by them."""
    return set() if is_reference(recipe.loss.name) else {*row_options(recipe, "loss")}


def _signature(name: str, options: Mapping[str, Any], tunable: Container[str]) -> str:
    shared = {key: "number" if key in tunable and is_tunable_scalar(value) else value for key, value in options.items()}
    return f"{name} {json.dumps(shared, sort_keys=True, default=repr)}"


def _tunable_names(recipe: Recipe) -> set[str]:
    """Return the attributes of an optimizer that recipes set; each step reads them, all but the start.

    Of user code none: it may decide by what it is given.
    """
    if is_reference(recipe.optimizer.name):
        return set()
    row, clipping = OPTIMIZERS[recipe.optimizer.name], CLIPPINGS[recipe.clipping.name]
    clips = clipping.build(**recipe.clipping.options)
    return {*row.keywords, *clips, *(option.name for option in row.options)} - {_ACCUMULATOR_START}
