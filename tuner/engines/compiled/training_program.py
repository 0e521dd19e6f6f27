"""A training program: the graph functions of one signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe
from tuner.engines.compiled.epoch_runner import EpochRunner
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.support_checks import is_random_op
from tuner.engines.compiled.training_functions import GraphFunction
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer
from tuner.engines.predict_times import Answer
from tuner.keras_internals import NodeDef

_CHECK_OPS = ("Assert", "CheckNumerics")
"""Parts of the names of operations that raise errors, which XLA ignores."""


class NetworkFunctions(Protocol):
    """Builds the functions of a network; see `JoinedFunctions` and `TracedFunctions`."""

    @property
    def state(self) -> list[Any]: ...

    @property
    def sparse(self) -> bool: ...

    def gradient(
        self,
        loss: GraphFunction,
        rows: Sequence[tf.TensorSpec],
        shapes: Sequence[tuple[int, ...]] | None = None,
        squares: bool = False,
    ) -> GraphFunction: ...

    def probe(self, loss: GraphFunction, rows: Sequence[tf.TensorSpec]) -> GraphFunction: ...

    def outputs(self) -> GraphFunction: ...

    def answers(self) -> GraphFunction: ...

    def answer_inputs(self, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]: ...

    def load(self, network: Network, recipe: Recipe, state: Sequence[np.ndarray]) -> None: ...


@dataclass(frozen=True)
class TrainingProgram:
    """The graph functions of one signature, and the objects that they share, for one network.

    Attributes:
        network: The network.
        weights: Where its weights are.
        functions: Builds the functions of the network.
        loss: The loss.
        optimizer: The optimizer.
        gradient: See `JoinedFunctions.gradient`.
        epochs: Trains epochs.
        outputs: See `JoinedFunctions.outputs`.
        answers: Returns the function of `JoinedFunctions.answers`, built at the first call.
        validation_loss: See `build_loss`.
        probe: Returns the function of `JoinedFunctions.probe`, built at the first call.
        xla_gradient: Returns the gradient for XLA, which must know all sizes.
    """

    network: Network
    weights: Weights
    functions: NetworkFunctions
    loss: SharedLoss
    optimizer: SharedOptimizer
    gradient: GraphFunction
    epochs: EpochRunner
    outputs: GraphFunction
    answers: Callable[[], GraphFunction]
    validation_loss: GraphFunction
    probe: Callable[[], GraphFunction]
    xla_gradient: Callable[[], GraphFunction]

    @property
    def variables(self) -> list[Any]:
        """All variables that steps change: weights, statistics, seeds of dropout, optimizer slots."""
        return [*self.weights.variables, *self.functions.state, *self.optimizer.variables]

    @property
    def xla_equivalent(self) -> bool:
        """Whether XLA is equivalent: no random operations, no bounds-checked gathers, no assertions."""
        return not any(_differs_under_xla(node) for node in self.gradient.function.collect_ops())

    def answer(self) -> Answer:
        """Return a function that answers rows as the trained network will, for the time it takes."""
        answers, given = self.answers(), self.functions.answer_inputs(self.network.shapes)
        return lambda rows: answers(tf.constant(rows), *given)[0].numpy()

    def load(self, recipe: Recipe, config: Mapping[str, Any]) -> None:
        """Set all variables to their values before the first step of a recipe, whose optimizer has this `config`."""
        weights, state = self.network.initial_values(recipe)
        self.weights.load(weights)
        self.functions.load(self.network, recipe, state)
        self.loss.load(recipe)
        self.optimizer.load(config, self.weights.size)


def _differs_under_xla(node: NodeDef) -> bool:
    if "Gather" in node.op:  # rows of a table, with bounds checks
        # Reading a missing attribute by its name would add it.
        return any(
            node.attr[name].type == tf.float32.as_datatype_enum for name in ("Tparams", "dtype") if name in node.attr
        )
    return is_random_op(node) or any(kind in node.op for kind in _CHECK_OPS)
