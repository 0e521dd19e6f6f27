"""A training program: the graph functions of one signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tuner.catalog import Recipe
from tuner.engines.compiled.epoch_runner import EpochRunner
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.support_checks import is_random_op
from tuner.engines.compiled.training_functions import GraphFunction
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer
from tuner.keras_internals import NodeDef

_CHECK_OPS = ("Assert", "CheckNumerics")
"""Parts of the names of operations that raise errors, which XLA ignores."""


@dataclass(frozen=True)
class TrainingProgram:
    """The graph functions of one signature, and the objects that they share."""

    network: Network
    weights: Weights
    loss: SharedLoss
    optimizer: SharedOptimizer
    gradient: GraphFunction
    loss_gradient: GraphFunction
    epochs: EpochRunner
    outputs: GraphFunction
    validation_loss: GraphFunction

    @property
    def variables(self) -> list[Any]:
        """All variables that steps change: weights, statistics, seeds of dropout, optimizer slots."""
        state = self.network.model.non_trainable_variables
        return [*self.weights.variables, *state, *self.optimizer.variables]

    @property
    def xla_equivalent(self) -> bool:
        """Whether XLA is equivalent: no random operations, no bounds-checked gathers, no assertions."""
        return not any(_differs_under_xla(node) for node in self.gradient.function.collect_ops())

    def load(self, recipe: Recipe, config: Mapping[str, Any]) -> None:
        """Set all variables to their values before the first step of a recipe, whose optimizer has this `config`."""
        self.weights.load(self.network.load(recipe))
        self.loss.load(recipe)
        self.optimizer.load(config)


def _differs_under_xla(node: NodeDef) -> bool:
    if "Gather" in node.op:  # rows of a table, with bounds checks
        return tf.float32.as_datatype_enum in (node.attr["Tparams"].type, node.attr["dtype"].type)
    return is_random_op(node) or any(kind in node.op for kind in _CHECK_OPS)
