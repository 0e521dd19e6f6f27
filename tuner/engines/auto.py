"""The default engine: a training loop of the user if the recipe has one, else compiled programs, else `model.fit`."""

from __future__ import annotations

import keras

from tuner.catalog import LOOPS, Recipe
from tuner.data import DataFacts
from tuner.engines.base import Engine, EpochCallback, StepTimes, TrainingResult, TrainingState, TrainingTask
from tuner.engines.compiled.engine import CompiledEngine
from tuner.engines.fit import FitEngine
from tuner.engines.network_key import network_key
from tuner.engines.network_size import NetworkSize
from tuner.engines.own_loop import OwnLoopEngine
from tuner.engines.predict_times import PredictTimes
from tuner.errors import UnsupportedError


class AutoEngine:
    """Trains each recipe with the fastest engine that can.

    Attributes:
        last_engine: The engine that trained last.
        fallback_reason: Why it was `model.fit`, or None if it was not.
        fallback_reasons: Reasons of all fallbacks, by `_fallback_key`.
    """

    name = "auto"

    def __init__(self, trainings: float = 1.0) -> None:
        self._compiled, self._fit, self._own_loop = CompiledEngine(trainings), FitEngine(), OwnLoopEngine()
        self.fallback_reasons: dict[str, str] = {}
        self.last_engine = self._compiled.name
        self.fallback_reason: str | None = None

    @property
    def compile_stats(self) -> tuple[int, float]:
        """See `Engine.compile_stats`."""
        return self._compiled.compile_stats

    @property
    def step_times(self) -> dict[str, StepTimes]:
        """See `Engine.step_times`."""
        return self._compiled.step_times

    @property
    def network_size(self) -> NetworkSize | None:
        """See `Engine.network_size`."""
        return self._current_engine.network_size

    @property
    def predict_times(self) -> PredictTimes | None:
        """See `Engine.predict_times`."""
        return self._current_engine.predict_times

    def trained_model(self) -> keras.Model:
        """See `Engine.trained_model`."""
        return self._current_engine.trained_model()

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        return self._current_engine.state()

    @property
    def _current_engine(self) -> Engine:
        engines: tuple[Engine, ...] = (self._compiled, self._fit, self._own_loop)
        return next(engine for engine in engines if engine.name == self.last_engine)

    def train(self, task: TrainingTask, on_epoch: EpochCallback) -> TrainingResult:
        """See `Engine.train`."""
        if not LOOPS[task.recipe.loop.name].by_engine:
            self.last_engine, self.fallback_reason = self._own_loop.name, None
            return self._own_loop.train(task, on_epoch)
        kind = _fallback_key(task.recipe, task.facts)
        if kind not in self.fallback_reasons:
            try:
                self.last_engine, self.fallback_reason = self._compiled.name, None
                return self._compiled.train(task, on_epoch)
            except UnsupportedError as error:  # raised before the first call of `on_epoch`
                self.fallback_reasons[kind] = str(error)
        self.last_engine, self.fallback_reason = self._fit.name, self.fallback_reasons[kind]
        return self._fit.train(task, on_epoch)


def _fallback_key(recipe: Recipe, facts: DataFacts) -> str:
    """Return the cache key of a fallback; all that a refusal depends on, so that the order of trials does not count."""
    return f"{network_key(recipe, facts)} {recipe.loss.name} {recipe.optimizer.name} {recipe.clipping.name}"
