"""A network: a model that is built once and called with any weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe, is_builtin_layer
from tuner.data import DataFacts
from tuner.engines.compiled.initial_weights import InitialWeightReplay, make_builder
from tuner.engines.compiled.layer_calls import LayerCall, find_calls
from tuner.engines.compiled.runtime_scalar import RuntimeScalar
from tuner.engines.compiled.support_checks import check_call, check_model, raise_if
from tuner.engines.network_size import NetworkSize
from tuner.errors import UnsupportedError
from tuner.health import LayerMonitor
from tuner.keras_internals import flatten_layers
from tuner.text import format_error

MODE_INDEPENDENT_LAYERS = (
    *("InputLayer", "Dense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "Activation", "ReLU", "LeakyReLU", "ELU"),
    *("Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D", "Add", "Concatenate", "LayerNormalization"),
    *("Softmax", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
)
"""Layers of Keras that do the same in training and inference."""


class Network:
    """The model of all recipes that differ in numbers only.

    Args:
        recipe: One of them.
        facts: Shapes of the data.
        build: The function of the model file.
        trusted: See `InitialWeightReplay`; shared by the networks of one model file.

    Attributes:
        model: The Keras model; its own weights are not used.
        layers: Measures its health.
        same_in_training: See the function of this name.
        shapes: Shape of each trainable weight.
        size: Number of trainable parameters.
        total_size: All of its parameters, and its multiply-adds.
        embedding: For each weight, true if it belongs to an embedding (Muon treats these differently).
        calls: The calls of its layers, or why the model must be traced as a whole.

    Raises:
        UnsupportedError: The engine cannot train the model.
    """

    def __init__(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], trusted: set[str]) -> None:
        self._l1, self._l2 = (RuntimeScalar(value) if value else None for value in (recipe.l1, recipe.l2))
        penalty = keras.regularizers.L1L2(0.0, 0.0)
        penalty.l1, penalty.l2 = self._l1 or 0.0, self._l2 or 0.0
        builder = make_builder(facts.input_shape, facts.outputs, build, penalty)
        self._initial_weights = InitialWeightReplay(recipe, builder, trusted)
        self.model = self._initial_weights.model
        raise_if(check_model(self.model))
        self.layers, self.same_in_training = LayerMonitor(self.model), same_in_training(self.model)
        self.shapes = tuple(tuple(variable.shape) for variable in self.model.trainable_variables)
        self.calls = _find_calls(self.model, self.layers, penalty)
        self.total_size = NetworkSize.of(self.model)
        self.size = self.total_size.trainable_weights
        self.embedding = tuple("embedding" in variable.path.lower() for variable in self.model.trainable_variables)

    def initial_values(self, recipe: Recipe) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the weights of a new model of the recipe, and the values of its other variables."""
        values = self._initial_weights.values_for(recipe)
        return values[: len(self.shapes)], values[len(self.shapes) :]

    def initialize(self) -> None:
        """Give values to the variables of the model, which is traced as a whole."""
        self._initial_weights.initialize()

    def set_penalties(self, recipe: Recipe) -> None:
        """Set the penalties of the model to those of a recipe."""
        for scalar, share in ((self._l1, recipe.l1), (self._l2, recipe.l2)):
            if scalar is not None:
                scalar.set(share)

    def call(
        self, weights: Sequence[tf.Tensor], x: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, list[Any], list[Any]]:
        """Return outputs for rows, the penalties, and `(variable, new value)` of changed state.

        Raises:
            UnsupportedError: The call has other side effects.
        """
        model = self.model
        state = [(variable, variable.value.read_value()) for variable in model.non_trainable_variables]
        trained = list(zip(model.trainable_variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=[*trained, *state], collect_losses=True) as scope:
            outputs = model(x, training=training)
            losses = model.losses
            now = [(variable, scope.get_current_value(variable), before) for variable, before in state]
            raise_if(check_call(scope, trained, state))
        return outputs, losses, [(variable, value) for variable, value, before in now if value is not before]


def _find_calls(
    model: keras.Model, monitor: LayerMonitor, penalty: keras.regularizers.Regularizer
) -> Sequence[LayerCall] | str:
    try:
        return find_calls(model, monitor, penalty)
    except UnsupportedError as error:
        return str(error)
    except Exception as error:  # a layer may not say how it is configured
        return f"a layer has no configuration: {format_error(error)}"


def same_in_training(model: keras.Model) -> bool:
    """Return whether the model computes the same in training as in inference, without penalties.

    The gradient of a step then serves probes too.  Only layers known to be so count.
    """
    if model.non_trainable_variables or any(variable.regularizer is not None for variable in model.variables):
        return False
    return all(
        type(layer).__name__ in MODE_INDEPENDENT_LAYERS
        and is_builtin_layer(layer)
        and layer.activity_regularizer is None
        for layer in flatten_layers(model, include_self=False)
    )
