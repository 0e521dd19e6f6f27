"""A program: all that trains the recipes of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tuner.catalog import Recipe
from tuner.engines.compiled.epoch_runner import EpochRunner
from tuner.engines.compiled.flat_weights import Weights
from tuner.engines.compiled.graph_functions import GraphFunction
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.support_checks import draws
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer

_CHECKING = ("Assert", "CheckNumerics")
"""Parts of the names of operations that say what is wrong with a row, where XLA says nothing."""


@dataclass(frozen=True)
class TrainingProgram:
    """The pieces of one kind of recipes, and what they share."""

    network: Network
    weights: Weights
    loss: SharedLoss
    optimizer: SharedOptimizer
    gradient: GraphFunction
    loss_gradient: GraphFunction
    epochs: EpochRunner
    outputs: GraphFunction
    measured: GraphFunction

    @property
    def variables(self) -> list[Any]:
        """All that steps change: weights, statistics, seeds of dropout, and what the optimizer keeps."""
        state = self.network.model.non_trainable_variables
        return [*self.weights.variables, *state, *self.optimizer.variables]

    @property
    def same_by_xla(self) -> bool:
        """Whether XLA gives what TensorFlow gives: its random numbers are others, and it does not see a wrong index."""
        return not any(_is_other(node) for node in self.gradient.function.operations())

    def begin(self, recipe: Recipe, config: Mapping[str, Any]) -> None:
        """Make all variables what they are before the first step of a recipe, whose optimizer has this `config`."""
        self.weights.load(self.network.begin(recipe))
        self.loss.begin(recipe)
        self.optimizer.begin(config)


def _is_other(node: NodeDef) -> bool:
    if "Gather" in node.op:  # of rows of a table: it says, too, where there is none of an index
        return tf.float32.as_datatype_enum in (node.attr["Tparams"].type, node.attr["dtype"].type)
    return draws(node) or any(kind in node.op for kind in _CHECKING)
