"""Find the training program of a recipe by its signature, or build it from shared functions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from cachetools import LRUCache

from tuner.catalog import CLIPPINGS, OPTIMIZERS, Recipe, make_optimizer
from tuner.data import DataFacts
from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.epoch_runner import EpochGraphCache, EpochRunner
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.probe_functions import ProbeFunctions
from tuner.engines.compiled.support_checks import check_update, raise_if
from tuner.engines.compiled.training_functions import (
    GraphFunction,
    build_forward_backward,
    build_loss,
    build_loss_gradient,
    build_outputs,
    build_update,
    extract_outputs,
    join_gradient,
    row_specs,
)
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer, loss_key, optimizer_key
from tuner.engines.keras_global_state import settings_key
from tuner.errors import TunerError, UnsupportedError
from tuner.text import format_error

_MAX_ENTRIES = 256
"""Entries of each cache."""
_MAX_FLAT_WEIGHTS = 500_000
"""Parameters above which copies into one vector cost more than the operations that they save."""


class ProgramCache:
    """Caches of graph functions and of the objects that they share.

    All entries are built under the same global settings (`CompiledEngine` ensures this).  The key of a function holds
    the objects whose variables it reads, so they live as long as the function.

    Args:
        timer: To continue with; None for a new one.

    Attributes:
        timer: Counts functions, and the time of building them.
        probe_functions: The functions of probes.
    """

    def __init__(self, timer: BuildTimer | None = None) -> None:
        self.timer = timer or BuildTimer()
        self.probe_functions = ProbeFunctions(self.timer)
        self._trusted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._networks: LRUCache[str, Network] = LRUCache(_MAX_ENTRIES)
        self._weights: LRUCache[Hashable, Weights] = LRUCache(_MAX_ENTRIES)
        self._losses: LRUCache[str, SharedLoss] = LRUCache(_MAX_ENTRIES)
        self._optimizers: LRUCache[tuple[str, Weights], SharedOptimizer] = LRUCache(_MAX_ENTRIES)
        self._functions: LRUCache[Hashable, GraphFunction] = LRUCache(_MAX_ENTRIES)
        self._epoch_graphs = EpochGraphCache(self.timer)
        self._epoch_runners: LRUCache[tuple[GraphFunction, GraphFunction], EpochRunner] = LRUCache(_MAX_ENTRIES)

    def prepare(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], weighted: bool) -> TrainingProgram:
        """Return the program of a recipe, ready for its first step.

        Args:
            recipe: Of the training.
            facts: Shapes of the data.
            build: The function of the model file.
            weighted: True if rows have weights.

        Raises:
            UnsupportedError: The engine cannot train the recipe.
        """
        config = make_optimizer(recipe).get_config()
        trusted = self._trusted[recipe.model.reference, recipe.model.sha256]
        network = self.timer.get_or_build(
            self._networks, network_key(recipe, facts), lambda: Network(recipe, facts, build, trusted)
        )
        try:
            program = self._build(recipe, facts, network, config, weighted)
        except TunerError:
            raise
        except Exception as error:  # custom layers may rely on Keras's own training loop
            raise UnsupportedError(f"it could not be traced: {format_error(error)}") from error
        program.load(recipe, config)
        return program

    def _build(
        self, recipe: Recipe, facts: DataFacts, network: Network, config: Mapping[str, Any], weighted: bool
    ) -> TrainingProgram:
        timer, find, rows = self.timer, self.timer.get_or_build, row_specs(facts.input_shape, facts.outputs, weighted)
        layout = (network.shapes, network.embedding, _per_tensor(recipe, network))
        weights = find(self._weights, layout, lambda: Weights(*layout))
        loss = find(self._losses, loss_key(recipe), lambda: SharedLoss(recipe))
        optimizer = find(
            self._optimizers, (optimizer_key(recipe, config), weights), lambda: SharedOptimizer(recipe, weights)
        )
        x, y, *_ = rows

        def function(key: Hashable, build: Callable[[], GraphFunction]) -> GraphFunction:
            return find(self._functions, key, build)

        head = network.layers.head
        loss_gradient = function(
            (loss, None if head is None else head.__name__, weighted, facts.outputs),
            lambda: build_loss_gradient(loss, head, rows, timer),
        )
        both = function((network, weights, "both"), lambda: build_forward_backward(network, weights, x, y, timer))
        raise_if(check_update(network.sparse, recipe))
        gradient = function((both, loss_gradient), lambda: join_gradient(both, loss_gradient, rows, weights, timer))
        update = function((optimizer, weights), lambda: build_update(optimizer, weights, timer))

        def outputs() -> GraphFunction:
            if network.same_in_training:
                return extract_outputs(both, x, timer)
            return build_outputs(network, weights, x, timer)

        return TrainingProgram(
            network,
            weights,
            loss,
            optimizer,
            gradient,
            loss_gradient,
            epochs=find(
                self._epoch_runners, (gradient, update), lambda: EpochRunner(gradient, update, rows, self._epoch_graphs)
            ),
            outputs=function((network, weights, "outputs"), outputs),
            validation_loss=function((loss, weighted, facts.outputs), lambda: build_loss(loss, rows, timer)),
        )


def network_key(recipe: Recipe, facts: DataFacts) -> str:
    """Return the cache key of a recipe's network."""
    model = recipe.model
    content: list[object] = [model.reference, model.sha256, model.options, recipe.activation, recipe.head]
    content += [bool(recipe.l1), bool(recipe.l2), list(facts.input_shape), facts.outputs, settings_key()]
    return json.dumps(content, sort_keys=True)


def _per_tensor(recipe: Recipe, network: Network) -> bool:
    per_tensor = OPTIMIZERS[recipe.optimizer.name].per_tensor or CLIPPINGS[recipe.clipping.name].per_tensor
    return per_tensor or network.size > _MAX_FLAT_WEIGHTS
