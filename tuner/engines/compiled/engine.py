"""The compiled engine: a training is calls of pieces that other trials have used before.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe, TrialState, build_model, find_metric, learning_rates, plateau_state
from tuner.data import DataFacts, Split, Subset
from tuner.engines.base import EpochCallback, EpochRecord, StepTimes, TrainingResult, TrainingState
from tuner.engines.compiled.program_cache import ProgramCache
from tuner.engines.compiled.support_checks import by_settings, refuse
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.compiled.xla_policy import XlaPolicy
from tuner.engines.evaluation import PREDICT_ROWS, objective, sample_weight
from tuner.engines.keras_global_state import KERAS_SETTINGS, Snapshot, settings_key
from tuner.engines.prober import Prober
from tuner.engines.variable_io import assign, values_of
from tuner.errors import UnsupportedError
from tuner.health import check_finite

_SPLITS = 16


class CompiledEngine:
    """Trains with shared pieces; equal to `fit` for equal initial weights and batch order."""

    name = used = "compiled"
    fallback_reason = None

    def __init__(self, trainings: float = 1.0) -> None:
        self._programs, self._by_xla = ProgramCache(), XlaPolicy(trainings)
        self._settings = settings_key()
        self._last: TrainingProgram | None = None
        self._trial: _Trial | None = None
        self._made: tuple[Recipe, DataFacts, Callable[..., Any]] | None = None
        self._parts: OrderedDict[int, tuple[Split, list[list[tf.Tensor]]]] = OrderedDict()

    @property
    def programs(self) -> tuple[int, float]:
        """Pieces made so far, and the seconds spent on making them."""
        return self._programs.clock.traced, self._programs.clock.seconds

    @property
    def measured(self) -> dict[str, StepTimes]:
        """See `Engine.measured`."""
        return self._by_xla.measured

    def weights(self) -> list[np.ndarray]:
        """The trained weights of the last training, in the order of the model's `trainable_variables`."""
        if self._last is None:
            raise RuntimeError("nothing was trained yet")
        return self._last.weights.arrays()

    def model(self) -> keras.Model:
        """See `Engine.model`."""
        if self._last is None or self._made is None:
            raise RuntimeError("nothing was trained yet")
        recipe, facts, build = self._made
        model = build_model(recipe, facts.input_shape, facts.outputs, build)
        trained = self._last.network.model.non_trainable_variables
        for variable, value in zip(model.trainable_variables, self.weights(), strict=True):
            variable.assign(value)
        for variable, other in zip(model.non_trainable_variables, trained, strict=True):
            variable.assign(other)
        return model

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        if self._trial is None:
            raise RuntimeError("nothing is trained now")
        state = self._trial.state()
        return dataclasses.replace(state, plain={**state.plain, "measured": dict(self.measured)})

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
        weights = [sample_weight(part, recipe) for part in (split.train, split.validation)]
        weighted = any(weight is not None for weight in weights)

        def begin() -> TrainingProgram:
            return self._programs.prepare(recipe, facts, build, weighted)

        program = self._last = self._under_settings(begin)
        self._made = recipe, facts, build
        train, validation = self._rows(split, weights if weighted else None)
        sizes = _batch_sizes(len(split.train), recipe.batch_size)
        if resume is None:
            by_xla = self._by_xla.decide(program, recipe, facts, train, sizes, begin)
        else:
            by_xla = bool(resume.plain.get("by_xla", False))
            self._by_xla.measured |= resume.plain.get("measured", {}) | self._by_xla.measured  # for other folds
        prober = self._programs.health.prober(program, recipe, split, train, probes)
        trial = self._trial = _Trial(program, recipe, split, train, validation, fold, prober, by_xla)
        if resume is None:
            prober.start()
        else:
            trial.go_on(resume)
        ended = trial.run(decide)
        self._trial = None
        return ended

    def _under_settings(self, begin: Callable[[], TrainingProgram]) -> TrainingProgram:
        """Begin a program under the settings that all pieces were made under.

        Raises:
            UnsupportedError: Building or tracing it changes them; they are put back.
        """
        key = settings_key()
        if key != self._settings:
            self._programs, self._settings = ProgramCache(self._programs.clock), key
        settings = Snapshot(KERAS_SETTINGS)
        try:
            program = begin()
            changes = settings.changes()
            if changes:  # other pieces may have been made under them, after the change
                self._programs = ProgramCache(self._programs.clock)
            refuse(by_settings(changes))
        except UnsupportedError:
            settings.restore()
            raise
        return program

    def _rows(self, split: Split, weights: Sequence[np.ndarray | None] | None) -> list[list[tf.Tensor]]:
        """Training and validation rows as pieces take them; features and targets are copied once."""
        if id(split) not in self._parts:
            parts = [[tf.constant(part.x), tf.constant(part.y)] for part in (split.train, split.validation)]
            self._parts[id(split)] = (split, parts)
            while len(self._parts) > _SPLITS:
                self._parts.popitem(last=False)
        parts = self._parts[id(split)][1]
        if weights is None:
            return parts
        given = zip(parts, weights, (split.train, split.validation), strict=True)
        return [[*part, _weight(weight, rows)] for part, weight, rows in given]


def _weight(weight: np.ndarray | None, rows: Subset) -> tf.Tensor:
    return tf.constant(np.ones(len(rows), np.float32) if weight is None else weight)


class _Trial:
    """One training, epoch by epoch."""

    def __init__(
        self,
        program: TrainingProgram,
        recipe: Recipe,
        split: Split,
        train: Sequence[tf.Tensor],
        validation: Sequence[tf.Tensor],
        fold: int,
        prober: Prober,
        by_xla: bool,
    ) -> None:
        self._by_xla = by_xla
        self._program, self._recipe, self._split, self._fold = program, recipe, split, fold
        self._train, self._validation, self._prober = train, validation, prober
        self._values: list[float] = []
        self._sizes = _batch_sizes(len(split.train), recipe.batch_size)
        self._rates = learning_rates(recipe.schedule, recipe.learning_rate, len(self._sizes) * recipe.epochs)
        maximize = find_metric(recipe.metric).objective.maximize
        self._plateau = plateau_state(recipe.schedule, recipe.learning_rate, maximize)
        self._order = np.random.default_rng(recipe.seed)

    def state(self) -> TrainingState:
        """Where the training stands."""
        probed, plain = self._prober.state()
        own = {"order": self._order.bit_generator.state, "by_xla": self._by_xla}
        arrays = {"variables": values_of(self._program.variables), "probed": probed}
        return TrainingState("compiled", tuple(self._values), arrays, {**plain, **own})

    def go_on(self, state: TrainingState) -> None:
        """Stand where another training stood."""
        state.check("compiled")
        assign(self._program.variables, state.arrays["variables"])
        self._prober.restore(state.arrays["probed"], state.plain)
        self._order.bit_generator.state = state.plain["order"]
        for value in state.values:
            self._observe(value)

    def run(self, decide: EpochCallback) -> TrainingResult:
        """Train to the end, or to where `decide` ends it."""
        epochs = self._recipe.epochs
        for epoch in range(len(self._values) + 1, epochs + 1):
            began = time.monotonic()
            rates = self._rates_of(epoch)
            rate, loss = float(rates[-1]), self._train_epoch(rates, epochs - epoch)
            outputs, validation_loss = self._measure()
            reason = check_finite("training loss", loss, epoch, rate, self._fold)
            if reason is None and not np.isfinite(outputs).all():
                reason = check_finite("model's output on the validation part", math.nan, epoch, rate, self._fold)
            if reason is not None:
                return TrainingResult(TrialState.DIVERGED, None, reason.text, (reason,))
            value = objective(self._recipe, self._split, outputs)
            self._observe(value)
            found = self._prober.probe_if_due(epoch)
            seconds = time.monotonic() - began
            go_on = decide(EpochRecord(self._fold, epoch, loss, validation_loss, value, rate, seconds, found))
            if not go_on and epoch < epochs:
                return TrainingResult(TrialState.PRUNED, value, f"pruned after epoch {epoch}")
        return TrainingResult(TrialState.COMPLETE, self._values[-1])

    def _observe(self, value: float) -> None:
        self._values.append(value)
        if self._plateau is not None:
            self._plateau.observe(value)

    def _train_epoch(self, rates: np.ndarray, to_come: int) -> float:
        """One pass over the training rows in a new order; its mean loss over the rows."""
        order = self._order.permutation(sum(self._sizes)).astype(np.int32)
        return self._program.epochs.train(self._train, order, self._sizes, rates, to_come, self._by_xla)

    def _measure(self) -> tuple[np.ndarray, float]:
        """Outputs for the validation part, `(n, outputs)`, and the loss there."""
        x, *rest = self._validation
        outputs, *_ = self._program.outputs(x) if len(x) <= PREDICT_ROWS else self._measure_in_parts(x)
        (loss,) = self._program.measured(outputs, *rest)
        return outputs.numpy(), float(loss)

    def _measure_in_parts(self, x: tf.Tensor) -> list[tf.Tensor]:
        """Outputs for some rows at a time: the activations of all of them may not fit into memory."""
        lows = range(0, len(x), PREDICT_ROWS)
        return [tf.concat([self._program.outputs(x[low : low + PREDICT_ROWS])[0] for low in lows], 0)]

    def _rates_of(self, epoch: int) -> np.ndarray:
        """The learning rate of each step of an epoch, float32."""
        steps = len(self._sizes)
        if self._plateau is not None:
            return np.full(steps, self._plateau.rate, np.float32)
        assert self._rates is not None
        return self._rates[(epoch - 1) * steps : epoch * steps].astype(np.float32)


def _batch_sizes(rows: int, batch: int) -> list[int]:
    """Rows of each step; the last one takes what is left."""
    whole, rest = divmod(rows, batch)
    return [batch] * whole + [rest] * (rest > 0)
