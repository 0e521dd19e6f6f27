"""The plain engine: `model.fit` with callbacks.  Slow, and right: what faster engines are compared with.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.data import DataFacts, Split
from tuner.diagnostics import Finding, Layers, divergence
from tuner.engines.base import Decide, EpochRecord, Training
from tuner.engines.measure import PREDICT_ROWS, objective, sample_weight
from tuner.engines.prober import Look, Prober, constant_answer, rows_of, steps_of
from tuner.training import Recipe, build_model, compile_model, fit_options


class FitEngine:
    """Trains with `keras.Model.fit`."""

    name = used = "fit"
    slower_as = None
    programs = (0, 0.0)  # Keras traces each model anew, as a part of training it

    def __init__(self) -> None:
        self._model: keras.Model | None = None

    def model(self) -> keras.Model:
        """See `Engine.model`."""
        if self._model is None:
            raise RuntimeError("nothing was trained yet")
        return self._model

    def train(
        self,
        recipe: Recipe,
        split: Split,
        facts: DataFacts,
        build: Callable[..., Any],
        fold: int,
        decide: Decide,
        probes: Sequence[int] = (),
    ) -> Training:
        """See `Engine.train`."""
        self._model = None
        keras.backend.clear_session()
        gc.collect()
        model = self._model = build_model(recipe, facts.input_shape, facts.outputs, build)
        compile_model(model, recipe)
        observer = _Observer(recipe, split, fold, decide, prober_of(model, recipe, split, probes))
        options = fit_options(recipe)
        options.pop("class_weight", None)  # is in the sample weights, together with those of the data
        options["callbacks"] = [observer, *options["callbacks"]]
        model.fit(split.train.x, split.train.y, sample_weight=sample_weight(split.train, recipe), verbose=0, **options)
        return observer.training()


class _Observer(keras.callbacks.Callback):
    """Measures the objective after each epoch and asks whether to go on.

    It stands before the schedule in the list of callbacks: a schedule that watches the objective finds it in
    the epoch's logs.
    """

    def __init__(self, recipe: Recipe, split: Split, fold: int, decide: Decide, prober: Prober) -> None:
        super().__init__()
        self._recipe, self._split, self._fold, self._decide = recipe, split, fold, decide
        self._prober = prober
        self._value: float | None = None
        self._diverged: Finding | None = None
        self._pruned_after: int | None = None
        self._epoch, self._began = 0, 0.0

    def training(self) -> Training:
        """How it ended."""
        if self._diverged is not None:
            return Training("diverged", None, self._diverged.text, (self._diverged,))
        if self._pruned_after is not None:
            return Training("pruned", self._value, f"pruned after epoch {self._pruned_after}")
        return Training("complete", self._value)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._prober.start()

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
        validation = self._split.validation
        outputs = predict(self.model, validation.x)
        if not np.isfinite(outputs).all():
            self._diverge("model's output on the validation part", math.nan)
            return
        weight = sample_weight(validation, self._recipe)
        val_loss = float(self.model.loss(validation.y, outputs, sample_weight=weight))
        self._value = objective(self._recipe, self._split, outputs)
        logs["objective"] = self._value
        record = EpochRecord(
            fold=self._fold,
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            val_loss=val_loss,
            metric=self._value,
            learning_rate=self._rate(),
            probes=self._prober.after(epoch + 1),
            seconds=time.monotonic() - self._began,
        )
        if not self._decide(record) and epoch + 1 < self._recipe.epochs:
            self._pruned_after = epoch + 1
            self.model.stop_training = True

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _diverge(self, what: str, value: float) -> None:
        self._diverged = divergence(what, value, self._epoch, self._rate(), self._fold)
        self.model.stop_training = True


def prober_of(model: keras.Model, recipe: Recipe, split: Split, probes: Sequence[int]) -> Prober:
    """Makes the probes of a compiled model, whose weights are those at the time of each.

    Operation by operation: tracing the model would cost more than all the probes of a training.
    """
    layers, (x, y, weight) = Layers(model), rows_of(split.train, recipe)

    def look() -> Look:
        values = [variable.value for variable in model.trainable_variables]
        with layers.watching() as noted, tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss = model.loss(y, model(x, training=False), sample_weight=weight)
        found = tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [tf.convert_to_tensor(gradient).numpy() for gradient in found]
        return Look(float(loss), gradients, layers.shares(noted).numpy())

    def weights() -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]

    def constant_loss() -> float:
        raw = tf.constant(constant_answer(y, weight, layers.head))
        return float(model.loss(y, raw if layers.head is None else layers.head(raw), sample_weight=weight))

    return Prober(layers, look, constant_loss, weights, steps_of(split.train, recipe), probes)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """The model's outputs for rows `x`, shape `(n, outputs)`."""
    parts = [model.predict_on_batch(x[start : start + PREDICT_ROWS]) for start in range(0, len(x), PREDICT_ROWS)]
    return np.concatenate(parts)
