"""The compiled engine: a training is calls of graph functions that trials share.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from cachetools import LRUCache

from tuner.catalog import Recipe, build_model, find_metric, learning_rates, plateau_state
from tuner.data import DataFacts, Split
from tuner.engines.base import (
    VALIDATION_OUTPUT,
    EpochCallback,
    EpochRecord,
    StepTimes,
    TrainingResult,
    TrainingState,
    TrainingTask,
)
from tuner.engines.compiled.probe_functions import make_prober
from tuner.engines.compiled.program_cache import ProgramCache
from tuner.engines.compiled.support_checks import check_settings, raise_if
from tuner.engines.compiled.training_program import TrainingProgram
from tuner.engines.compiled.xla_policy import XlaPolicy
from tuner.engines.keras_global_state import KERAS_SETTINGS, Snapshot, settings_key
from tuner.engines.network_limits import NetworkLimitError
from tuner.engines.network_size import NetworkSize
from tuner.engines.objective_and_sample_weights import PREDICT_ROWS, compute_objective, compute_sample_weight
from tuner.engines.predict_times import PredictTimer, PredictTimes
from tuner.engines.prober import Prober
from tuner.engines.selected_weights import SelectedWeights
from tuner.engines.variable_io import assign, get_values
from tuner.errors import UnsupportedError
from tuner.health import check_finite

_MAX_SPLITS = 16


class CompiledEngine:
    """Trains with shared graph functions; equal to `fit` for equal initial weights and batch order."""

    name = last_engine = "compiled"
    fallback_reason = None

    def __init__(self, trainings: float = 1.0) -> None:
        self._cache, self._xla_policy = ProgramCache(), XlaPolicy(trainings)
        self._settings = settings_key()
        self._last: TrainingProgram | None = None
        self._run: _TrainingRun | None = None
        self._last_model: tuple[Recipe, DataFacts, Callable[..., Any]] | None = None
        self.network_size: NetworkSize | None = None
        self.predict_times: PredictTimes | None = None
        self._predict_timer = PredictTimer()
        self._split_tensors: LRUCache[int, tuple[Split, list[list[tf.Tensor]]]] = LRUCache(_MAX_SPLITS)

    @property
    def compile_stats(self) -> tuple[int, float]:
        """See `Engine.compile_stats`."""
        return self._cache.timer.traced, self._cache.timer.seconds

    @property
    def step_times(self) -> dict[str, StepTimes]:
        """See `Engine.step_times`."""
        return self._xla_policy.step_times

    def weights(self) -> list[np.ndarray]:
        """Return the weights of the last training, in the order of the model's `trainable_variables`."""
        if self._last is None:
            raise RuntimeError("nothing was trained yet")
        return self._last.weights.arrays()

    def trained_model(self) -> keras.Model:
        """See `Engine.trained_model`."""
        if self._last is None or self._last_model is None:
            raise RuntimeError("nothing was trained yet")
        recipe, facts, build = self._last_model
        model = build_model(recipe, facts.input_shape, facts.outputs, build)
        trained = get_values(self._last.functions.state)
        for variable, value in zip(model.trainable_variables, self.weights(), strict=True):
            variable.assign(value)
        for variable, other in zip(model.non_trainable_variables, trained, strict=True):
            variable.assign(other)
        return model

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        if self._run is None:
            raise RuntimeError("nothing is trained now")
        state = self._run.state()
        return dataclasses.replace(state, plain={**state.plain, "measured": dict(self.step_times)})

    def train(self, task: TrainingTask, on_epoch: EpochCallback) -> TrainingResult:
        """See `Engine.train`."""
        recipe, split, resume = task.recipe, task.split, task.resume
        self.predict_times = task.predict_times
        weights = [compute_sample_weight(part, recipe) for part in (split.train, split.validation)]
        weighted = any(weight is not None for weight in weights)

        def prepare() -> TrainingProgram:
            network = self._cache.network(recipe, task.facts, task.build)
            self.network_size = network.total_size
            task.limits.check(self.network_size)
            return self._cache.prepare(recipe, task.facts, network, weighted)

        program = self._last = self._prepare_under_settings(prepare)
        if task.is_timed:
            self.predict_times = self._predict_timer.time(task, program.answer)
            task.limits.check_time(self.predict_times)
        self._last_model = recipe, task.facts, task.build
        train, validation = self._tensors(split, weights if weighted else None)
        sizes = _batch_sizes(len(split.train), recipe.batch_size)
        if resume is None:
            use_xla = self._xla_policy.decide(program, recipe, task.facts, train, sizes, prepare)
        else:
            use_xla = bool(resume.plain.get("by_xla", False))
            for network, (run, compiled) in resume.plain.get("measured", {}).items():  # for other folds
                self.step_times.setdefault(network, (run, compiled))
        prober = make_prober(program, recipe, split, train, task.probe_epochs)
        run = self._run = _TrainingRun(program, task, train, validation, prober, use_xla)
        if resume is None:
            prober.start()
        else:
            run.restore(resume)
        ended = run.train(on_epoch)
        self._run = None
        return ended

    def _prepare_under_settings(self, prepare: Callable[[], TrainingProgram]) -> TrainingProgram:
        """Prepare a program, under the global settings that all functions of the cache were built with.

        Raises:
            UnsupportedError: Building or tracing it changes them; they are restored.
        """
        key = settings_key()
        if key != self._settings:
            self._cache, self._settings = ProgramCache(self._cache.timer), key
        settings = Snapshot(KERAS_SETTINGS)
        try:
            program = prepare()
            changes = settings.changes()
            if changes:  # functions may have been built after the change
                self._cache = ProgramCache(self._cache.timer)
            raise_if(check_settings(changes))
        except (UnsupportedError, NetworkLimitError):
            settings.restore()
            raise
        return program

    def _tensors(self, split: Split, weights: Sequence[np.ndarray | None] | None) -> list[list[tf.Tensor]]:
        """Return training and validation rows as tensors; features and targets are copied once."""
        if id(split) not in self._split_tensors:
            parts = [[tf.constant(part.x), tf.constant(part.y)] for part in (split.train, split.validation)]
            self._split_tensors[id(split)] = (split, parts)
        parts = self._split_tensors[id(split)][1]
        if weights is None:
            return parts
        return [[*part, _weight_tensor(weight, len(part[0]))] for part, weight in zip(parts, weights, strict=True)]


def _weight_tensor(weight: np.ndarray | None, rows: int) -> tf.Tensor:
    return tf.constant(np.ones(rows, np.float32) if weight is None else weight)


class _TrainingRun:
    """One training, epoch by epoch."""

    def __init__(
        self,
        program: TrainingProgram,
        task: TrainingTask,
        train: Sequence[tf.Tensor],
        validation: Sequence[tf.Tensor],
        prober: Prober,
        use_xla: bool,
    ) -> None:
        recipe, split = task.recipe, task.split
        self._program, self._task, self._recipe, self._use_xla = program, task, recipe, use_xla
        self._train, self._validation, self._prober = train, validation, prober
        self._values: list[float] = []
        statistics = program.functions.state
        self._selected = SelectedWeights(recipe, program.weights.variables, statistics, program.optimizer.optimizer)
        self._sizes = _batch_sizes(len(split.train), recipe.batch_size)
        self._learning_rates = learning_rates(recipe.schedule, recipe.learning_rate, len(self._sizes) * recipe.epochs)
        maximize = find_metric(recipe.metric).objective.maximize
        self._plateau = plateau_state(recipe.schedule, recipe.learning_rate, maximize)
        self._shuffler = np.random.default_rng(recipe.seed)

    def state(self) -> TrainingState:
        """Return the state of the training."""
        probed, plain = self._prober.state()
        held, selection = self._selected.state()
        own = {"order": self._shuffler.bit_generator.state, "by_xla": self._use_xla}
        arrays = {"variables": get_values(self._program.variables), "probed": probed, "selected": held}
        return TrainingState("compiled", tuple(self._values), arrays, {**plain, **selection, **own})

    def restore(self, state: TrainingState) -> None:
        """Resume from a state."""
        state.check("compiled")
        assign(self._program.variables, state.arrays["variables"])
        self._prober.restore(state.arrays["probed"], state.plain)
        self._selected.restore(state.values, state.arrays["selected"], state.plain)
        self._shuffler.bit_generator.state = state.plain["order"]
        for value in state.values:
            self._observe(value)

    def train(self, on_epoch: EpochCallback) -> TrainingResult:
        """Train until the selector ends it, or `on_epoch` returns False."""
        epochs, selector = self._recipe.epochs, self._selected.selector
        while not selector.ended:
            epoch = len(self._values) + 1
            began = time.monotonic()
            rates = self._epoch_rates(epoch)
            rate, loss = float(rates[-1]), self._train_epoch(rates, epochs - epoch)
            outputs, validation_loss = self._evaluate()
            finding = check_finite("training loss", loss, epoch, rate, self._task.fold)
            if finding is None and not np.isfinite(outputs).all():
                finding = check_finite(VALIDATION_OUTPUT, math.nan, epoch, rate, self._task.fold)
            if finding is not None:
                return TrainingResult.diverged(finding)
            value = compute_objective(self._recipe, self._task.split, outputs)
            self._observe(value)
            self._selected.observe(value, validation_loss)
            probes = self._prober.probe_if_due(epoch)
            seconds = time.monotonic() - began
            record = EpochRecord(self._task.fold, epoch, loss, validation_loss, value, rate, seconds, probes)
            proceed = on_epoch(record)
            if not proceed and not selector.ended:
                return TrainingResult.pruned(selector.value, epoch)
        self._selected.select()
        return TrainingResult.complete(selector.value, selector.epoch)

    def _observe(self, value: float) -> None:
        self._values.append(value)
        if self._plateau is not None:
            self._plateau.observe(value)

    def _train_epoch(self, rates: np.ndarray, remaining_epochs: int) -> float:
        """Train one epoch in a new order of rows, and return the mean loss over the rows."""
        order = self._shuffler.permutation(sum(self._sizes)).astype(np.int32)
        gradient = self._program.xla_gradient() if self._use_xla else None
        return self._program.epochs.train(self._train, order, self._sizes, rates, remaining_epochs, gradient)

    def _evaluate(self) -> tuple[np.ndarray, float]:
        """Return the outputs for the validation part, `(n, outputs)`, and the loss there."""
        x, *rest = self._validation
        with self._selected.evaluated():
            (outputs,) = self._program.outputs(x) if len(x) <= PREDICT_ROWS else self._outputs_in_chunks(x)
        (loss,) = self._program.validation_loss(outputs, *rest)
        return outputs.numpy(), float(loss)

    def _outputs_in_chunks(self, x: tf.Tensor) -> list[tf.Tensor]:
        """Compute outputs in chunks of rows: the activations of all may not fit into memory."""
        lows = range(0, len(x), PREDICT_ROWS)
        return [tf.concat([self._program.outputs(x[low : low + PREDICT_ROWS])[0] for low in lows], 0)]

    def _epoch_rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of each step of an epoch, float32."""
        steps = len(self._sizes)
        if self._plateau is not None:
            return np.full(steps, self._plateau.rate, np.float32)
        assert self._learning_rates is not None
        return self._learning_rates[(epoch - 1) * steps : epoch * steps].astype(np.float32)


def _batch_sizes(rows: int, batch: int) -> list[int]:
    """Return the rows of each step; the last batch may be smaller."""
    whole, rest = divmod(rows, batch)
    return [batch] * whole + [rest] * (rest > 0)
