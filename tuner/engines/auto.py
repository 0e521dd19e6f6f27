"""The engine of whoever does not want to choose one: compiled programs where they can be made, else `model.fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from tuner.catalog import Recipe
from tuner.data import DataFacts, Split
from tuner.engines.base import Engine, EpochCallback, StepTimes, TrainingResult, TrainingState
from tuner.engines.compiled.engine import CompiledEngine
from tuner.engines.compiled.program_cache import network_key
from tuner.engines.fit import FitEngine
from tuner.errors import UnsupportedError


class AutoEngine:
    """Trains each recipe with the fastest engine that can.

    Attributes:
        used: The engine that trained last.
        fallback_reason: Why it was `model.fit`, or None if it was not.
        reasons: Why recipes were trained by `model.fit`, by what they have in common (see `_kind`).
    """

    name = "auto"

    def __init__(self, trainings: float = 1.0) -> None:
        self._compiled, self._fit = CompiledEngine(trainings), FitEngine()
        self.reasons: dict[str, str] = {}
        self.used = self._compiled.name
        self.fallback_reason: str | None = None

    @property
    def programs(self) -> tuple[int, float]:
        """Programs made so far, and the seconds spent on making them."""
        return self._compiled.programs

    @property
    def measured(self) -> dict[str, StepTimes]:
        """See `Engine.measured`."""
        return self._compiled.measured

    def model(self) -> keras.Model:
        """See `Engine.model`."""
        return self._last.model()

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        return self._last.state()

    @property
    def _last(self) -> Engine:
        return self._fit if self.used == self._fit.name else self._compiled

    def train(
        self,
        recipe: Recipe,
        split: Split,
        facts: DataFacts,
        build: Callable[..., Any],
        fold: int,
        decide: EpochCallback,
        probes: Sequence[int] = (),
        resume: TrainingState | None = None,
    ) -> TrainingResult:
        """See `Engine.train`."""
        given = recipe, split, facts, build, fold, decide, probes, resume
        kind = _kind(recipe, facts)
        if kind not in self.reasons:
            try:
                self.used, self.fallback_reason = self._compiled.name, None
                return self._compiled.train(*given)
            except UnsupportedError as error:  # it says so before it tells `decide` of anything
                self.reasons[kind] = str(error)
        self.used, self.fallback_reason = self._fit.name, self.reasons[kind]
        return self._fit.train(*given)


def _kind(recipe: Recipe, facts: DataFacts) -> str:
    """All of a recipe that a refusal may depend on: else the engine of a trial would depend on the trials before."""
    return f"{network_key(recipe, facts)} {recipe.loss.name} {recipe.optimizer.name} {recipe.clipping.name}"
