"""Find the training program of a recipe by its signature, or build it from shared functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import tensorflow as tf
from cachetools import LRUCache

from tuner.catalog import CLIPPINGS, OPTIMIZERS, Recipe, make_optimizer
from tuner.data import DataFacts
from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.epoch_runner import EpochGraphCache, EpochRunner
from tuner.engines.compiled.joined_functions import JoinedFunctions
from tuner.engines.compiled.layer_calls import LayerCall, structure_key
from tuner.engines.compiled.layer_functions import LayerFunctions
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.network_weights import Weights
from tuner.engines.compiled.open_shapes import open_vector
from tuner.engines.compiled.shared_architecture import Structure
from tuner.engines.compiled.support_checks import check_update, needs_squares, raise_if
from tuner.engines.compiled.training_functions import (
    GraphFunction,
    build_loss,
    build_loss_gradient,
    build_update,
    row_specs,
)
from tuner.engines.compiled.training_program import NetworkFunctions, TrainingProgram
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer, loss_key, optimizer_key
from tuner.engines.compiled.whole_model_functions import TracedFunctions
from tuner.engines.network_key import network_key
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
        networks_by_size: Number of networks that were traced for their sizes only, by the reason.
    """

    def __init__(self, timer: BuildTimer | None = None) -> None:
        self.timer = timer or BuildTimer()
        self.networks_by_size: Counter[str] = Counter()
        self._trusted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._networks: LRUCache[str, Network] = LRUCache(_MAX_ENTRIES)
        self._vector = open_vector()
        self._weights: LRUCache[Hashable, Weights] = LRUCache(_MAX_ENTRIES)
        self._losses: LRUCache[str, SharedLoss] = LRUCache(_MAX_ENTRIES)
        self._optimizers: LRUCache[Hashable, SharedOptimizer] = LRUCache(_MAX_ENTRIES)
        self._layers = LayerFunctions(self.timer)
        self._structures: LRUCache[str, Structure | str] = LRUCache(_MAX_ENTRIES)
        self._network_functions: LRUCache[Hashable, NetworkFunctions] = LRUCache(_MAX_ENTRIES)
        self._functions: LRUCache[Hashable, GraphFunction] = LRUCache(_MAX_ENTRIES)
        self._epoch_graphs = EpochGraphCache(self.timer)
        self._epoch_runners: LRUCache[tuple[GraphFunction, GraphFunction], EpochRunner] = LRUCache(_MAX_ENTRIES)

    def network(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any]) -> Network:
        """Return the network of a recipe, built but not traced.

        Args:
            recipe: Of the training.
            facts: Shapes of the data.
            build: The function of the model file.

        Raises:
            UnsupportedError: The engine cannot train the model.
        """
        trusted = self._trusted[recipe.model.reference, recipe.model.sha256]
        return self.timer.get_or_build(
            self._networks, network_key(recipe, facts), lambda: Network(recipe, facts, build, trusted)
        )

    def prepare(self, recipe: Recipe, facts: DataFacts, network: Network, weighted: bool) -> TrainingProgram:
        """Return the program of a recipe, ready for its first step.

        Args:
            recipe: Of the training.
            facts: Shapes of the data.
            network: Its network.
            weighted: True if rows have weights.

        Raises:
            UnsupportedError: The engine cannot train the recipe.
        """
        optimizer = make_optimizer(recipe)
        try:
            program = self._build(recipe, facts, network, optimizer, weighted)
        except TunerError:
            raise
        except Exception as error:  # custom layers may rely on Keras's own training loop
            raise UnsupportedError(f"it could not be traced: {format_error(error)}") from error
        program.load(recipe, optimizer.get_config())
        return program

    def _build(
        self, recipe: Recipe, facts: DataFacts, network: Network, own_optimizer: Any, weighted: bool
    ) -> TrainingProgram:
        timer, find, rows = self.timer, self.timer.get_or_build, row_specs(facts.input_shape, facts.outputs, weighted)
        per_tensor = _per_tensor(recipe, network)
        layout = network.shapes, network.embedding
        vector = None if per_tensor else self._vector
        weights = find(self._weights, (layout, per_tensor), lambda: Weights(*layout, vector))
        loss = find(self._losses, loss_key(recipe), lambda: SharedLoss(recipe))
        functions = self._functions_for(network, weights, rows)
        raise_if(check_update(functions.sparse, recipe))
        squares = needs_squares(functions.sparse, recipe)
        optimizer = find(
            self._optimizers,
            (optimizer_key(recipe, own_optimizer, squares), weights.owner),
            lambda: SharedOptimizer(recipe, weights, squares),
        )

        def function(key: Hashable, build: Callable[[], GraphFunction]) -> GraphFunction:
            return find(self._functions, key, build)

        head = network.layers.head
        loss_gradient = function(
            (loss, None if head is None else head.__name__, weighted, facts.outputs),
            lambda: build_loss_gradient(loss, head, rows, timer),
        )
        gradient = function(
            (functions, loss_gradient, squares), lambda: functions.gradient(loss_gradient, rows, squares=squares)
        )
        update = function((optimizer, "update"), lambda: build_update(optimizer, weights, timer))
        return TrainingProgram(
            network,
            weights,
            functions,
            loss,
            optimizer,
            gradient,
            epochs=find(
                self._epoch_runners, (gradient, update), lambda: EpochRunner(gradient, update, rows, self._epoch_graphs)
            ),
            outputs=function((functions, "outputs"), functions.outputs),
            answers=lambda: function((functions, "answers"), functions.answers),
            validation_loss=function((loss, weighted, facts.outputs), lambda: build_loss(loss, rows, timer)),
            probe=lambda: function((functions, loss_gradient, "probe"), lambda: functions.probe(loss_gradient, rows)),
            xla_gradient=lambda: function(
                (functions, loss_gradient, network.shapes, squares),
                lambda: functions.gradient(loss_gradient, rows, network.shapes, squares),
            ),
        )

    def _functions_for(self, network: Network, weights: Weights, rows: Sequence[tf.TensorSpec]) -> NetworkFunctions:
        """Return what builds the functions of a network: from those of its layers if they serve all sizes."""
        find, (x, y, *_) = self.timer.get_or_build, rows
        structure = network.calls if isinstance(network.calls, str) else self._structure(network, network.calls)

        def traced(reason: str) -> TracedFunctions:
            self.networks_by_size[reason] += 1
            return TracedFunctions(network, weights, x, y, self.timer)

        if isinstance(structure, str):
            return find(self._network_functions, (network, weights), lambda: traced(structure))
        return find(
            self._network_functions,
            (structure, weights.owner, x.shape.rank),
            lambda: JoinedFunctions(structure, weights, x, y, self.timer),
        )

    def _structure(self, network: Network, calls: Sequence[LayerCall]) -> Structure | str:
        """Return the structure of a network, or why a layer of it cannot be traced for all sizes."""

        def make() -> Structure | str:
            try:
                return Structure(calls, network.layers, self._layers)
            except UnsupportedError as error:  # the whole network may still be traced
                return str(error)
            except Exception as error:
                return f"a layer cannot be traced by itself: {format_error(error)}"

        return self.timer.get_or_build(self._structures, structure_key(calls), make)


def _per_tensor(recipe: Recipe, network: Network) -> bool:
    per_tensor = OPTIMIZERS[recipe.optimizer.name].per_tensor or CLIPPINGS[recipe.clipping.name].per_tensor
    return per_tensor or network.size > _MAX_FLAT_WEIGHTS
