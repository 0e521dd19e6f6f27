"""A network: a model that is built once, and read with weights that are given to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.data import DataFacts
from tuner.engines.compiled.initial_weights import InitialWeightReplay, builder
from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.engines.compiled.support_checks import by_call, by_model, refuse
from tuner.health import LayerMonitor, is_keras

_PLAIN = (
    *("InputLayer", "Dense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "Activation", "ReLU", "LeakyReLU", "ELU"),
    *("Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D", "Add", "Concatenate", "LayerNormalization"),
    *("Softmax", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
)
"""Layers of Keras that do in training what they do in prediction."""


class Network:
    """The model of all recipes that differ in numbers alone.

    Args:
        recipe: One of these recipes.
        facts: Shapes of the data.
        build: The function of the model file.
        trusted: See `InitialWeightReplay`; shared by the networks of one model file.

    Attributes:
        model: The Keras model; its own variables of weights are not used.
        layers: What is measured of its health.
        plain: See `is_plain`.
        shapes: Shape of each weight that is trained.
        size: How many numbers that are in all.
        embedding: For each of them, whether it belongs to an embedding (Muon treats these otherwise).
        sparse: Whether a gradient is of some rows of a weight only; known when the gradient is traced.

    Raises:
        UnsupportedError: The model cannot be trained in this way.
    """

    def __init__(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], trusted: set[str]) -> None:
        self._l1, self._l2 = (RuntimeScalar(value) if value else None for value in (recipe.l1, recipe.l2))
        penalty = keras.regularizers.L1L2(0.0, 0.0)
        penalty.l1, penalty.l2 = self._l1 or 0.0, self._l2 or 0.0
        self._initial = InitialWeightReplay(recipe, builder(facts.input_shape, facts.outputs, build, penalty), trusted)
        self.model = self._initial.model
        refuse(by_model(self.model))
        self.layers, self.plain = LayerMonitor(self.model), is_plain(self.model)
        self.shapes = tuple(tuple(variable.shape) for variable in self.model.trainable_variables)
        self.sparse = False
        self.size = sum(int(np.prod(shape)) for shape in self.shapes)
        self.embedding = tuple("embedding" in variable.path.lower() for variable in self.model.trainable_variables)

    def begin(self, recipe: Recipe) -> list[np.ndarray]:
        """Set penalties and state as a new model of the recipe has them; give its initial weights."""
        for number, share in ((self._l1, recipe.l1), (self._l2, recipe.l2)):
            if number is not None:
                number.set(share)
        values = self._initial.of(recipe)
        trained = len(self.shapes)
        for variable, value in zip(self.model.non_trainable_variables, values[trained:], strict=True):
            variable.assign(value)
        return values[:trained]

    def call(
        self, weights: Sequence[tf.Tensor], x: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, list[Any], list[Any]]:
        """Outputs for rows, the penalties, and `(variable, new value)` of the state that has changed.

        Raises:
            UnsupportedError: The call does something else besides.
        """
        model = self.model
        state = [(variable, variable.value.read_value()) for variable in model.non_trainable_variables]
        given = list(zip(model.trainable_variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=[*given, *state], collect_losses=True) as scope:
            outputs = model(x, training=training)
            losses = model.losses
            now = [(variable, scope.get_current_value(variable), before) for variable, before in state]
            refuse(by_call(scope, given, state))
        return outputs, losses, [(variable, value) for variable, value, before in now if value is not before]


def is_plain(model: keras.Model) -> bool:
    """Whether a call in training gives what a call in prediction gives, and there are no penalties.

    Then the gradient of a step is that of a probe as well.  Only layers that are known to be so are taken to be so.
    """
    if model.non_trainable_variables or any(variable.regularizer is not None for variable in model.variables):
        return False
    layers = model._flatten_layers(include_self=False, recursive=True)
    return all(type(layer).__name__ in _PLAIN and is_keras(layer) for layer in layers) and not any(
        layer.activity_regularizer is not None for layer in layers
    )
