"""The engine of training loops that are user code: it passes them model and rows, and measures what they report.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tuner.catalog import (
    LOOPS,
    Recipe,
    compile_model,
    find_metric,
    learning_rates,
    make_loss,
    make_optimizer,
    plateau_state,
    read_only,
)
from tuner.data import Subset
from tuner.engines.base import (
    VALIDATION_OUTPUT,
    EpochCallback,
    EpochRecord,
    TrainingResult,
    TrainingState,
    TrainingTask,
)
from tuner.engines.fit import make_prober, measure_validation, predict
from tuner.engines.keras_model_engine import KerasModelEngine
from tuner.engines.loop_arguments import LoopData, LoopRecipe, LoopRows, Report, TrainingEnded, read_loss
from tuner.engines.objective_and_sample_weights import compute_sample_weight
from tuner.engines.selected_weights import SelectedWeights
from tuner.engines.variable_io import get_values
from tuner.errors import CheckpointError, ContentError, UnsupportedError, shown
from tuner.health import Finding, check_finite

_LOSS_ROWS = 4096
"""Training rows that the loss is measured on if the loop reports none."""


class OwnLoopEngine(KerasModelEngine):
    """Calls the training loop of a recipe."""

    name = "own_loop"

    def state(self) -> TrainingState:
        """Refuse: the variables of the function are its own.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError("your own training loop keeps its own state, so an interrupted trial starts over")

    def train(self, task: TrainingTask, on_epoch: EpochCallback) -> TrainingResult:
        """See `Engine.train`.

        Raises:
            ContentError: The loop breaks a rule of `docs/own-training.md`.
        """
        recipe = task.recipe
        if LOOPS[recipe.loop.name].by_engine:
            raise UnsupportedError(f"this engine trains with your own loop, but the recipe has {recipe.loop.name}")
        if task.resume is not None:
            raise CheckpointError("your own training loop starts over")
        model = self._build(task)
        run = _Run(model, task, on_epoch)
        result = run.train()
        compile_model(model, recipe)  # the loop may have compiled it in its own way, which no file could hold
        return result


class _Run:
    """One training: what the loop is called with, and what it reports."""

    def __init__(self, model: keras.Model, task: TrainingTask, on_epoch: EpochCallback) -> None:
        self._model, self._task, self._on_epoch, self._recipe = model, task, on_epoch, task.recipe
        recipe = self._recipe
        self._loss = make_loss(recipe)
        self._given = _loop_recipe(recipe, len(task.split.train))
        maximize = find_metric(recipe.metric).objective.maximize
        self._plateau = plateau_state(recipe.schedule, recipe.learning_rate, maximize)
        compiled = self._given.optimizer()
        model.compile(optimizer=compiled, loss=self._given.loss(), jit_compile=False)
        self._prober = make_prober(model, self._loss, recipe, task.split, task.probe_epochs)
        self._selected = SelectedWeights(recipe, model.trainable_variables, model.non_trainable_variables, compiled)
        self._diverged: Finding | None = None
        self._pruned_after: int | None = None
        self._began = time.monotonic()
        self._first_weights = _digest(model)

    def train(self) -> TrainingResult:
        """Call the loop, and return how the training ended."""
        recipe, split = self._recipe, self._task.split
        report = Report(self._observe)
        data = LoopData(_rows(split.train, recipe), _rows(split.validation, recipe))
        function = LOOPS[recipe.loop.name].build()
        self._prober.start()
        keras.utils.set_random_seed(recipe.seed)
        self._began = time.monotonic()
        with contextlib.suppress(TrainingEnded), _explained(recipe.loop.name):
            returned = function(self._model, self._given, data, report, **recipe.loop.options)
            loss = _read_returned(returned, self._model, recipe.loop.name)
            if report.epochs == 0:
                report(1, loss=loss)
        self._selected.select()
        if self._diverged is not None:
            return TrainingResult.diverged(self._diverged)
        selector = self._selected.selector
        if self._pruned_after is not None:
            return TrainingResult.pruned(selector.value, self._pruned_after)
        return TrainingResult.complete(selector.value, selector.epoch)

    def _observe(self, epoch: int, loss: float | None) -> tuple[float, bool]:
        """Measure the model after an epoch; return the objective, and whether to continue."""
        rate = self._given.current_rate()
        self._check_trained(epoch)
        loss = self._training_loss() if loss is None else loss
        measured = measure_validation(self._model, self._loss, self._recipe, self._task.split)
        wrong = ("training loss", loss) if not math.isfinite(loss) else None
        wrong = (VALIDATION_OUTPUT, math.nan) if measured is None else wrong
        if measured is None or wrong is not None:
            assert wrong is not None
            self._diverged = check_finite(*wrong, epoch, rate, self._task.fold)
            return math.nan, False
        value, val_loss = measured
        self._selected.observe(value, val_loss)
        record = EpochRecord(
            fold=self._task.fold,
            epoch=epoch,
            loss=loss,
            val_loss=val_loss,
            metric=value,
            learning_rate=rate,
            probes=self._prober.probe_if_due(epoch),
            seconds=time.monotonic() - self._began,
        )
        proceed, ended = self._on_epoch(record), self._selected.selector.ended
        if not proceed and not ended:
            self._pruned_after = epoch
        if self._plateau is not None:
            self._given.set_rate(self._plateau.observe(value))
        self._began = time.monotonic()
        return value, proceed and not ended

    def _training_loss(self) -> float:
        part = self._task.split.train
        weight = compute_sample_weight(part, self._recipe)
        outputs = predict(self._model, part.x[:_LOSS_ROWS])
        some = None if weight is None else weight[:_LOSS_ROWS]
        return float(self._loss(part.y[:_LOSS_ROWS], outputs, sample_weight=some))

    def _check_trained(self, epoch: int) -> None:
        """Refuse a loop that has trained something else."""
        if epoch == 1 and self._model.trainable_variables and _digest(self._model) == self._first_weights:
            raise ContentError(
                f"A training loop trains the model that it is given, but {self._recipe.loop.name} left its weights "
                "unchanged. Train its first argument, and report after that."
            )


def _loop_recipe(recipe: Recipe, rows: int) -> LoopRecipe:
    return LoopRecipe(
        lambda: make_optimizer(recipe),
        lambda: make_loss(recipe),
        lambda steps: learning_rates(recipe.schedule, recipe.learning_rate, steps),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        rows=rows,
    )


def _rows(part: Subset, recipe: Recipe) -> LoopRows:
    weight = compute_sample_weight(part, recipe)
    return LoopRows(read_only(part.x), read_only(part.y), None if weight is None else read_only(weight))


def _digest(model: keras.Model) -> str:
    content = hashlib.sha256()
    for values in get_values(model.trainable_variables):
        content.update(np.ascontiguousarray(values).tobytes())
    return content.hexdigest()


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Say in one sentence what a loop must not do; other errors are its own."""
    try:
        yield
    except SystemExit as error:
        raise ContentError(
            f"A training loop ends by returning, but {name} called sys.exit({error.code!r}). Return instead."
        ) from error
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise ContentError(
            f"All trials train on the same rows, but {name} changes an array of data in place. Change a copy: "
            "x = data.train.x.copy()."
        ) from error


def _read_returned(returned: Any, model: keras.Model, name: str) -> float | None:
    """Return the training loss in what a loop returned, or None if it returned none.

    Raises:
        ContentError: It is nothing that a loop may return.
    """
    if isinstance(returned, keras.callbacks.History):
        returned = returned.history
    if returned is None or returned is model:
        return None
    if isinstance(returned, Mapping):
        last: Any = returned.get("loss")
        last = last[-1] if isinstance(last, list | tuple) and last else last
        return read_loss(last)
    if isinstance(returned, keras.Model):
        raise ContentError(
            f"A training loop trains the model that it is given, but {name} returned another one. Train its first "
            "argument."
        )
    raise ContentError(
        f"A training loop returns nothing, a Keras History, a dict or its model, but {name} returned "
        f"{shown(returned)}. The objective is measured on its model: leave the value out."
    )
