"""The plain engine: `model.fit` with callbacks.  Slow; the reference for faster engines.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import Recipe, compile_model, fit_options
from tuner.data import Split
from tuner.engines.base import (
    VALIDATION_OUTPUT,
    EpochCallback,
    EpochRecord,
    TrainingResult,
    TrainingState,
    TrainingTask,
)
from tuner.engines.keras_model_engine import KerasModelEngine
from tuner.engines.objective_and_sample_weights import PREDICT_ROWS, compute_objective, compute_sample_weight
from tuner.engines.prober import ProbeMeasurement, Prober, constant_outputs, get_probe_rows, steps_per_epoch
from tuner.engines.selected_weights import SelectedWeights
from tuner.engines.variable_io import assign, get_values, preserved
from tuner.health import Finding, LayerMonitor, check_finite


class FitEngine(KerasModelEngine):
    """Trains with `keras.Model.fit`."""

    name = "fit"

    def __init__(self) -> None:
        super().__init__()
        self._run: _EpochObserver | None = None

    def state(self) -> TrainingState:
        """See `Engine.state`."""
        if self._run is None:
            raise RuntimeError("nothing is trained now")
        return self._run.state()

    def train(self, task: TrainingTask, on_epoch: EpochCallback) -> TrainingResult:
        """See `Engine.train`."""
        recipe, split = task.recipe, task.split
        if task.resume is not None:
            task.resume.check(self.name)
        model = self._build(task)
        compile_model(model, recipe)
        prober = make_prober(model, model.loss, recipe, split, task.probe_epochs)
        selected = SelectedWeights(recipe, model.trainable_variables, model.non_trainable_variables, model.optimizer)
        observer = self._run = _EpochObserver(task, on_epoch, prober, selected)
        options = fit_options(recipe)
        options.pop("class_weight", None)  # is in the sample weights, together with those of the data
        options["callbacks"] = [observer, *options["callbacks"]]
        model.fit(
            split.train.x, split.train.y, sample_weight=compute_sample_weight(split.train, recipe), verbose=0, **options
        )
        self._run = None
        selected.select()
        return observer.result()


class _EpochObserver(keras.callbacks.Callback):
    """Measures the objective after each epoch, and reports it.

    It precedes the schedule in the list of callbacks: a schedule that watches the objective finds it in the logs.

    A resumed training skips the steps of its earlier epochs: the rows are shuffled as often as before (the state of
    TensorFlow's shuffle cannot be set), and the schedule observes the earlier values.  The state is restored at the end
    of the last of them, before the schedule runs, as it was taken there.
    """

    def __init__(self, task: TrainingTask, on_epoch: EpochCallback, prober: Prober, selected: SelectedWeights) -> None:
        super().__init__()
        self._selected = selected
        self._task, self._recipe, self._on_epoch, self._prober = task, task.recipe, on_epoch, prober
        self._values: list[float] = [] if task.resume is None else [*task.resume.values]
        self._epochs_to_skip = len(self._values)
        self._diverged: Finding | None = None
        self._pruned_after: int | None = None
        self._epoch, self._began = 0, 0.0

    def result(self) -> TrainingResult:
        """Return how the training ended."""
        if self._diverged is not None:
            return TrainingResult.diverged(self._diverged)
        selector = self._selected.selector
        if self._pruned_after is not None:
            return TrainingResult.pruned(selector.value, self._pruned_after)
        return TrainingResult.complete(selector.value, selector.epoch)

    def state(self) -> TrainingState:
        """Return the state of the training."""
        probed, plain = self._prober.state()
        held, selection = self._selected.state()
        variables = get_values(_training_variables(self.model))
        arrays = {"variables": variables, "probed": probed, "selected": held}
        return TrainingState("fit", tuple(self._values), arrays, {**plain, **selection})

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._task.resume is None:
            self._prober.start()
        else:
            self._step, self.model.train_function = self.model.train_function, _skip_batch

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
        if epoch < self._epochs_to_skip:
            logs["objective"] = self._values[epoch]
            if epoch + 1 == self._epochs_to_skip:
                self._restore()
            return
        with self._selected.evaluated():
            measured = measure_validation(self.model, self.model.loss, self._recipe, self._task.split)
        if measured is None:
            self._diverge(VALIDATION_OUTPUT, math.nan)
            return
        value, val_loss = measured
        self._values.append(value)
        self._selected.observe(value, val_loss)
        logs["objective"] = value
        record = EpochRecord(
            fold=self._task.fold,
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            val_loss=val_loss,
            metric=value,
            learning_rate=self._learning_rate(),
            probes=self._prober.probe_if_due(epoch + 1),
            seconds=time.monotonic() - self._began,
        )
        proceed, ended = self._on_epoch(record), self._selected.selector.ended
        if not proceed and not ended:
            self._pruned_after = epoch + 1
        self.model.stop_training = ended or not proceed

    def _restore(self) -> None:
        resume = self._task.resume
        assert resume is not None
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        assign(_training_variables(self.model), resume.arrays["variables"])
        self._prober.restore(resume.arrays["probed"], resume.plain)
        self._selected.restore(resume.values, resume.arrays["selected"], resume.plain)
        self.model.stop_training = self._selected.selector.ended
        self.model.train_function = self._step

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _diverge(self, what: str, value: float) -> None:
        self._diverged = check_finite(what, value, self._epoch, self._learning_rate(), self._task.fold)
        self.model.stop_training = True


def _training_variables(model: keras.Model) -> list[Any]:
    """Return all variables that steps change: weights, statistics, seeds of dropout, optimizer slots."""
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]


def _skip_batch(batches: Iterator[Any]) -> dict[str, float]:
    """Consume a batch, in place of a training step."""
    next(batches)
    return {"loss": 0.0}


def measure_validation(
    model: keras.Model, loss: keras.losses.Loss, recipe: Recipe, split: Split
) -> tuple[float, float] | None:
    """Return the objective and the loss on the validation part, or None if an output is not finite."""
    validation = split.validation
    with preserved(model.non_trainable_variables):  # a layer may draw or count in inference too
        outputs = predict(model, validation.x)
    if not np.isfinite(outputs).all():
        return None
    weight = compute_sample_weight(validation, recipe)
    return compute_objective(recipe, split, outputs), float(loss(validation.y, outputs, sample_weight=weight))


def make_prober(
    model: keras.Model, loss: keras.losses.Loss, recipe: Recipe, split: Split, probes: Sequence[int]
) -> Prober:
    """Return the prober of a model that is trained by a loss.

    It runs eagerly: tracing the model would cost more than all probes of a training.
    """
    layers, (x, y, weight) = LayerMonitor(model), get_probe_rows(split.train, recipe)

    def measure() -> ProbeMeasurement:
        values = [variable.value for variable in model.trainable_variables]
        with (
            preserved(model.non_trainable_variables),
            layers.record_activations() as activations,
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):
            tape.watch(values)
            value = loss(y, model(x, training=False), sample_weight=weight)
        gradients = tape.gradient(value, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        arrays = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
        return ProbeMeasurement(float(value), arrays, layers.unit_shares(activations).numpy())

    def weights() -> list[np.ndarray]:
        return get_values(model.trainable_variables)

    def constant_loss() -> float:
        return float(loss(y, constant_outputs(y, weight, layers.head), sample_weight=weight))

    return Prober(layers, measure, constant_loss, weights, steps_per_epoch(split.train, recipe), probes)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return the model's outputs for rows `x`, shape `(n, outputs)`."""
    parts = [model.predict_on_batch(x[start : start + PREDICT_ROWS]) for start in range(0, len(x), PREDICT_ROWS)]
    return np.concatenate(parts)
