"""The programs of a worker: found by what recipes have in common, assembled where there is none yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tuner.data import DataFacts
from tuner.engines.compiled.kept import Clock, Kept
from tuner.engines.compiled.loop import loop
from tuner.engines.compiled.network import Network
from tuner.engines.compiled.numbers_of import SharedLoss, SharedOptimizer, loss_key, optimizer_key
from tuner.engines.compiled.pieces import (
    Piece,
    gradient_piece,
    loss_piece,
    outputs_piece,
    row_specs,
    update_piece,
)
from tuner.engines.compiled.weights import Weights
from tuner.errors import TunerError, UnsupportedError
from tuner.training import Recipe, optimizer_of

_LOOPS, _PIECES = 96, 96
"""Programs and pieces kept: a program holds some 4 MB (140 of them in 250 trials: 640 MB more than at first)."""
_APART = ("lamb", "muon")
"""Optimizers that look at a weight as a whole, as clipping by the norm of each gradient does."""
_LARGE = 500_000
"""Weights above which a copy into one vector costs more than the operations that it saves."""


@dataclass(frozen=True)
class RowsKind:
    """What a program must know of the rows.

    Attributes:
        weighted: Whether they have weights.
        in_parts: Whether the validation rows are too many to be evaluated at once.
    """

    weighted: bool
    in_parts: bool


@dataclass
class Program:
    """All that trains the recipes of one kind.

    Attributes:
        run: See `loop`.
        seconds_a_step: As measured in its last call; None before the second one, as the first one also optimizes.
    """

    network: Network
    weights: Weights
    loss: SharedLoss
    optimizer: SharedOptimizer
    run: Callable[..., Sequence[tf.Tensor]]
    seconds_a_step: float | None = None
    calls: int = 0

    def begin(self, recipe: Recipe, config: Mapping[str, Any]) -> None:
        """Make all variables what they are before the first step of a recipe, whose optimizer has this `config`."""
        self.weights.load(self.network.begin(recipe))
        self.loss.begin(recipe)
        self.optimizer.begin(config)

    def called(self, seconds_a_step: float) -> None:
        """Take in how long a call took."""
        self.calls += 1
        if self.calls > 1:
            self.seconds_a_step = seconds_a_step


class Programs:
    """Programs and their pieces, by signature."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._programs: Kept[Program] = Kept(_LOOPS, self.clock)
        self._networks: Kept[Network] = Kept(_PIECES, self.clock)
        self._weights: Kept[Weights] = Kept(_PIECES, self.clock)
        self._losses: Kept[SharedLoss] = Kept(_PIECES, self.clock)
        self._optimizers: Kept[tuple[SharedOptimizer, Piece]] = Kept(_PIECES, self.clock)
        self._pieces: Kept[Piece] = Kept(_PIECES, self.clock)

    def begin(self, recipe: Recipe, facts: DataFacts, build: Callable[..., Any], rows: RowsKind) -> Program:
        """The program of a recipe, ready for its first step.

        Args:
            recipe: What will be trained.
            facts: Shapes of the data.
            build: The function of the model file.
            rows: What is to be known of the rows.

        Raises:
            UnsupportedError: There can be none.
        """
        of_network = network_key(recipe, facts)
        config = optimizer_of(recipe).get_config()
        key = (of_network, (loss_key(recipe), rows.weighted), optimizer_key(recipe, config))
        program = self._programs.get((*key, rows), lambda: self._assemble(recipe, facts, build, rows, *key))
        program.begin(recipe, config)
        return program

    def _assemble(
        self,
        recipe: Recipe,
        facts: DataFacts,
        build: Callable[..., Any],
        kind: RowsKind,
        of_network: str,
        of_loss: tuple[str, bool],
        of_optimizer: str,
    ) -> Program:
        network = self._networks.get(of_network, lambda: Network(recipe, facts, build))
        apart = _apart(recipe, network)
        of_weights = (network.shapes, network.embedding, apart)
        weights = self._weights.get(of_weights, lambda: Weights(*of_weights))
        loss = self._losses.get(of_loss[0], lambda: SharedLoss(recipe))
        rows = row_specs(facts.input_shape, facts.outputs, kind.weighted)
        try:
            optimizer, update = self._optimizers.get((of_optimizer, of_weights), lambda: _optimizer(recipe, weights))
            gradient = self._pieces.get(
                ("gradient", of_network, of_loss, apart), lambda: gradient_piece(network, weights, loss, rows)
            )
            outputs = self._pieces.get(("outputs", of_network, apart), lambda: outputs_piece(network, weights, rows[0]))
            measured = self._pieces.get(("loss", of_loss, facts.outputs), lambda: loss_piece(loss, rows))
            run = loop(weights, gradient, update, outputs, measured, rows, kind.in_parts)
        except TunerError:
            raise
        except Exception as error:  # layers of others may do what only a Keras training allows
            text = " ".join(str(error).split())[:300]
            raise UnsupportedError(f"no program could be made of it: {type(error).__name__}: {text}") from error
        self.clock.traced += 1
        return Program(network, weights, loss, optimizer, run)


def network_key(recipe: Recipe, facts: DataFacts) -> str:
    """What recipes with the same network have in common."""
    model = recipe.model
    content: list[object] = [model.reference, model.sha256, model.options, recipe.activation, recipe.head]
    content += [bool(recipe.l1), bool(recipe.l2), list(facts.input_shape), facts.outputs]
    return json.dumps(content, sort_keys=True)


def _optimizer(recipe: Recipe, weights: Weights) -> tuple[SharedOptimizer, Piece]:
    shared = SharedOptimizer(recipe, weights)
    return shared, update_piece(shared, weights)


def _apart(recipe: Recipe, network: Network) -> bool:
    by_weight = recipe.optimizer.name in _APART or recipe.clipping.name == "clipnorm"
    return by_weight or network.size > _LARGE
