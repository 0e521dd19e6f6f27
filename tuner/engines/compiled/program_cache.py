"""The programs of a worker: pieces, found by what recipes have in common and made where there is none yet."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from tuner.catalog import CLIPPINGS, OPTIMIZERS, Recipe, make_optimizer
from tuner.data import DataFacts
from tuner.engines.compiled.epoch_runner import EpochGraphCache, EpochRunner
from tuner.engines.compiled.flat_weights import Weights
from tuner.engines.compiled.graph_functions import (
    GraphFunction,
    build_forward_backward,
    build_loss_gradient,
    join_gradient,
    loss_piece,
    outputs_piece,
    plain_outputs_piece,
    row_specs,
    update_piece,
)
from tuner.engines.compiled.lru_cache import BuildTimer, LruCache
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.probe_functions import HealthPieces
from tuner.engines.compiled.support_checks import by_update, refuse
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.compiled.tunable_objects import SharedLoss, SharedOptimizer, loss_key, optimizer_key
from tuner.engines.keras_global_state import settings_key
from tuner.errors import TunerError, UnsupportedError

_KEPT = 256
"""Pieces kept, and as many of what they share."""
_LARGE = 500_000
"""Weights above which a copy into one vector costs more than the operations that it saves."""


class ProgramCache:
    """Pieces and what they share.

    All of them are made under one set of global settings (`CompiledEngine` sees to it).

    A piece is found by the very objects whose variables it reads: as long as it is kept, so are they.

    Args:
        clock: One to go on with; None for a new one.

    Attributes:
        clock: Counts pieces, and the time of making them.
        health: The pieces of probes.
    """

    def __init__(self, clock: BuildTimer | None = None) -> None:
        self.clock = clock or BuildTimer()
        self.health = HealthPieces(self.clock)
        self._trusted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._networks: LruCache[Network] = LruCache(_KEPT, self.clock)
        self._weights: LruCache[Weights] = LruCache(_KEPT, self.clock)
        self._losses: LruCache[SharedLoss] = LruCache(_KEPT, self.clock)
        self._optimizers: LruCache[SharedOptimizer] = LruCache(_KEPT, self.clock)
        self._pieces: LruCache[GraphFunction] = LruCache(_KEPT, self.clock)
        self._whole = EpochGraphCache(self.clock)
        self._epochs: LruCache[EpochRunner] = LruCache(_KEPT, self.clock)

    def prepare(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], weighted: bool) -> TrainingProgram:
        """The program of a recipe, ready for its first step.

        Args:
            recipe: What will be trained.
            facts: Shapes of the data.
            build: The function of the model file.
            weighted: Whether rows have weights.

        Raises:
            UnsupportedError: There can be none.
        """
        config = make_optimizer(recipe).get_config()
        trusted = self._trusted[recipe.model.reference, recipe.model.sha256]
        network = self._networks.get(network_key(recipe, facts), lambda: Network(recipe, facts, build, trusted))
        try:
            program = self._program(recipe, facts, network, config, weighted)
        except TunerError:
            raise
        except Exception as error:  # layers of others may do what only a Keras training allows
            text = " ".join(str(error).split())[:300]
            raise UnsupportedError(f"no program could be made of it: {type(error).__name__}: {text}") from error
        program.begin(recipe, config)
        return program

    def _program(
        self, recipe: Recipe, facts: DataFacts, network: Network, config: Mapping[str, Any], weighted: bool
    ) -> TrainingProgram:
        clock, rows = self.clock, row_specs(facts.input_shape, facts.outputs, weighted)
        layout = (network.shapes, network.embedding, _apart(recipe, network))
        weights = self._weights.get(layout, lambda: Weights(*layout))
        loss = self._losses.get(loss_key(recipe), lambda: SharedLoss(recipe))
        optimizer = self._optimizers.get(
            (optimizer_key(recipe, config), weights), lambda: SharedOptimizer(recipe, weights)
        )
        piece, (x, y, *_) = self._pieces.get, rows
        head = network.layers.head
        loss_gradient = piece(
            (loss, None if head is None else head.__name__, weighted, facts.outputs),
            lambda: build_loss_gradient(loss, head, rows, clock),
        )
        both = piece((network, weights, "both"), lambda: build_forward_backward(network, weights, x, y, clock))
        refuse(by_update(network.sparse, recipe))
        gradient = piece((both, loss_gradient), lambda: join_gradient(both, loss_gradient, rows, weights, clock))
        update = piece((optimizer, weights), lambda: update_piece(optimizer, weights, clock))

        def outputs() -> GraphFunction:
            return plain_outputs_piece(both, x, clock) if network.plain else outputs_piece(network, weights, x, clock)

        return TrainingProgram(
            network,
            weights,
            loss,
            optimizer,
            gradient,
            loss_gradient,
            epochs=self._epochs.get((gradient, update), lambda: EpochRunner(gradient, update, rows, self._whole)),
            outputs=piece((network, weights, "outputs"), outputs),
            measured=piece((loss, weighted, facts.outputs), lambda: loss_piece(loss, rows, clock)),
        )


def network_key(recipe: Recipe, facts: DataFacts) -> str:
    """What recipes with the same network have in common."""
    model = recipe.model
    content: list[object] = [model.reference, model.sha256, model.options, recipe.activation, recipe.head]
    content += [bool(recipe.l1), bool(recipe.l2), list(facts.input_shape), facts.outputs, settings_key()]
    return json.dumps(content, sort_keys=True)


def _apart(recipe: Recipe, network: Network) -> bool:
    per_tensor = OPTIMIZERS[recipe.optimizer.name].per_tensor or CLIPPINGS[recipe.clipping.name].per_tensor
    return per_tensor or network.size > _LARGE
