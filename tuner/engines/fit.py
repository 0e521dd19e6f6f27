"""The plain engine: `model.fit` with callbacks.  Slow, and right: what faster engines are compared with.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe, TrialState, build_model, compile_model, fit_options
from tuner.data import DataFacts, Split
from tuner.engines.base import EpochCallback, EpochRecord, StepTimes, TrainingResult, TrainingState
from tuner.engines.evaluation import PREDICT_ROWS, objective, sample_weight
from tuner.engines.keras_global_state import clear_session
from tuner.engines.prober import ProbeMeasurement, Prober, constant_prediction, rows_of, steps_of
from tuner.engines.variable_io import assign, kept, values_of
from tuner.health import Finding, LayerMonitor, check_finite


class FitEngine:
    """Trains with `keras.Model.fit`."""

    name = used = "fit"
    fallback_reason = None
    programs = (0, 0.0)  # Keras traces each model anew, as a part of training it

    def __init__(self) -> None:
        self.measured: dict[str, StepTimes] = {}  # it has nothing to choose
        self._model: keras.Model | None = None
        self._observer: _Observer | None = None

    def model(self) -> keras.Model:
        """See `Engine.model`."""
        if self._model is None:
            raise RuntimeError("nothing was trained yet")
        return self._model

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        if self._observer is None:
            raise RuntimeError("nothing is trained now")
        return self._observer.state()

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
        if resume is not None:
            resume.check(self.name)
        self._model = None
        clear_session()
        gc.collect()
        model = self._model = build_model(recipe, facts.input_shape, facts.outputs, build)
        compile_model(model, recipe)
        prober = prober_of(model, recipe, split, probes)
        observer = self._observer = _Observer(recipe, split, fold, decide, prober, resume)
        options = fit_options(recipe)
        options.pop("class_weight", None)  # is in the sample weights, together with those of the data
        options["callbacks"] = [observer, *options["callbacks"]]
        model.fit(split.train.x, split.train.y, sample_weight=sample_weight(split.train, recipe), verbose=0, **options)
        self._observer = None
        return observer.training()


class _Observer(keras.callbacks.Callback):
    """Measures the objective after each epoch and asks whether to go on.

    It stands before the schedule in the list of callbacks: a schedule that watches the objective finds it in
    the epoch's logs.

    Where a training goes on, its earlier epochs pass without steps.  So the rows are drawn as often as they were (the
    state of TensorFlow's shuffle cannot be set), and the schedule observes what it had observed.  The state is put in
    place at the end of the last of them, where it was taken: before the schedule has its turn.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        fold: int,
        decide: EpochCallback,
        prober: Prober,
        resume: TrainingState | None,
    ) -> None:
        super().__init__()
        self._recipe, self._split, self._fold, self._decide = recipe, split, fold, decide
        self._prober, self._resume = prober, resume
        self._values: list[float] = [] if resume is None else [*resume.values]
        self._passing = len(self._values)
        self._diverged: Finding | None = None
        self._pruned_after: int | None = None
        self._epoch, self._began = 0, 0.0

    def training(self) -> TrainingResult:
        """How it ended."""
        if self._diverged is not None:
            return TrainingResult(TrialState.DIVERGED, None, self._diverged.text, (self._diverged,))
        if self._pruned_after is not None:
            return TrainingResult(TrialState.PRUNED, self._values[-1], f"pruned after epoch {self._pruned_after}")
        return TrainingResult(TrialState.COMPLETE, self._values[-1])

    def state(self) -> TrainingState:
        """Where the training stands."""
        probed, plain = self._prober.state()
        variables = values_of(_variables(self.model))
        return TrainingState("fit", tuple(self._values), {"variables": variables, "probed": probed}, plain)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._resume is None:
            self._prober.start()
        else:
            self._step, self.model.train_function = self.model.train_function, _pass

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch, self._began = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            self._diverge("training loss", loss)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._diverged is not None:
            return
        logs = logs if logs is not None else {}
        if epoch < self._passing:
            logs["objective"] = self._values[epoch]
            if epoch + 1 == self._passing:
                self._go_on()
            return
        validation = self._split.validation
        with kept(self.model.non_trainable_variables):  # a layer may draw, or count, in prediction as well
            outputs = predict(self.model, validation.x)
        if not np.isfinite(outputs).all():
            self._diverge("model's output on the validation part", math.nan)
            return
        weight = sample_weight(validation, self._recipe)
        val_loss = float(self.model.loss(validation.y, outputs, sample_weight=weight))
        value = objective(self._recipe, self._split, outputs)
        self._values.append(value)
        logs["objective"] = value
        record = EpochRecord(
            fold=self._fold,
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            val_loss=val_loss,
            metric=value,
            learning_rate=self._rate(),
            probes=self._prober.probe_if_due(epoch + 1),
            seconds=time.monotonic() - self._began,
        )
        if not self._decide(record) and epoch + 1 < self._recipe.epochs:
            self._pruned_after = epoch + 1
            self.model.stop_training = True

    def _go_on(self) -> None:
        assert self._resume is not None
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        assign(_variables(self.model), self._resume.arrays["variables"])
        self._prober.restore(self._resume.arrays["probed"], self._resume.plain)
        self.model.train_function = self._step

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _diverge(self, what: str, value: float) -> None:
        self._diverged = check_finite(what, value, self._epoch, self._rate(), self._fold)
        self.model.stop_training = True


def _variables(model: keras.Model) -> list[Any]:
    """All that steps change: weights, statistics, seeds of dropout, and what the optimizer keeps."""
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def _pass(batches: Iterator[Any]) -> dict[str, float]:
    """In place of a training step: let a batch pass."""
    next(batches)
    return {"loss": 0.0}


def prober_of(model: keras.Model, recipe: Recipe, split: Split, probes: Sequence[int]) -> Prober:
    """Makes the probes of a compiled model, whose weights are those at the time of each.

    Operation by operation: tracing the model would cost more than all the probes of a training.
    """
    layers, (x, y, weight) = LayerMonitor(model), rows_of(split.train, recipe)

    def look() -> ProbeMeasurement:
        values = [variable.value for variable in model.trainable_variables]
        with (
            kept(model.non_trainable_variables),
            layers.record_activations() as noted,
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):
            tape.watch(values)
            loss = model.loss(y, model(x, training=False), sample_weight=weight)
        found = tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [tf.convert_to_tensor(gradient).numpy() for gradient in found]
        return ProbeMeasurement(float(loss), gradients, layers.unit_shares(noted).numpy())

    def weights() -> list[np.ndarray]:
        return values_of(model.trainable_variables)

    def constant_loss() -> float:
        raw = tf.constant(constant_prediction(y, weight, layers.head))
        return float(model.loss(y, raw if layers.head is None else layers.head(raw), sample_weight=weight))

    return Prober(layers, look, constant_loss, weights, steps_of(split.train, recipe), probes)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """The model's outputs for rows `x`, shape `(n, outputs)`."""
    parts = [model.predict_on_batch(x[start : start + PREDICT_ROWS]) for start in range(0, len(x), PREDICT_ROWS)]
    return np.concatenate(parts)
