"""Small data, recipes over them, and the same training by `model.fit`: what the compiled engine is compared with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import LOSSES, OPTIMIZERS, Choice, ModelChoice, Recipe, Task, find_metric
from tuner.data import DataFacts, Split, Subset
from tuner.engines import EpochRecord, TrainingResult, TrainingTask
from tuner.user_code import Reference, load

PROJECT = Path(__file__).parents[2]
ROWS, VALIDATION, FEATURES = 22, 9, 4
OUTPUTS = {Task.REGRESSION: 2, Task.BINARY: 1, Task.MULTICLASS: 3, Task.MULTILABEL: 3}
METRIC = {
    Task.REGRESSION: "mean_squared_error",
    Task.BINARY: "log_loss",
    Task.MULTICLASS: "log_loss",
    Task.MULTILABEL: "log_loss",
}
# Rates at which every optimizer learns something in nine steps, and no difference of rounding grows.
RATE = {"adadelta": 1.0, "adagrad": 0.1, "ftrl": 0.1, "sgd": 0.05, "lion": 1e-3}


def data(task: Task, weighted: bool = False, shape: tuple[int, ...] = (FEATURES,)) -> tuple[Split, DataFacts]:
    """Data of a task, in 22 and 9 rows."""
    random = np.random.default_rng(7)
    outputs = OUTPUTS[task]

    def part(count: int) -> Subset:
        x = random.normal(size=(count, *shape)).astype(np.float32)
        y = random.normal(size=(count, outputs))
        if task is Task.MULTICLASS:
            y = np.eye(outputs)[random.integers(0, outputs, count)]
        elif task is not Task.REGRESSION:
            y = (y > 0).astype(float)
        weight = random.uniform(0.2, 2.0, count).astype(np.float32) if weighted else None
        return Subset(x, y.astype(np.float32), weight)

    split = Split(part(ROWS), part(VALIDATION), np.zeros(outputs), np.ones(outputs))
    facts = DataFacts(task, shape, outputs, (), (), {"train": ROWS, "validation": VALIDATION, "test": 0}, (), "")
    return split, facts


def recipe(
    loss: str | Choice, optimizer: str | Choice = "sgd", task: Task | None = None, epochs: int = 3, **given: Any
) -> Recipe:
    """A recipe of three epochs in batches of 8: steps of 8, 8 and 6 rows."""
    loss = loss if isinstance(loss, Choice) else Choice(name=loss, options=LOSSES[loss].defaults())
    if isinstance(optimizer, str):
        optimizer = Choice(name=optimizer, options=OPTIMIZERS[optimizer].defaults())
    row = LOSSES[loss.name]
    task = task or next(iter(row.heads))
    content: dict[str, Any] = {
        "task": task,
        "model": ModelChoice(reference="models/mlp.py", sha256="", options={"units": 5, "layers": 1}),
        "head": row.heads[task],
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": RATE.get(optimizer.name, 0.01),
        "momentum": 0.8 if OPTIMIZERS[optimizer.name].momentum else None,
        "activation": "tanh",
        "batch_size": 8,
        "epochs": epochs,
        "metric": METRIC[task],
        "seed": 5,
    }
    return Recipe(**{**content, **given})


def build_of(a_recipe: Recipe) -> Callable[..., Any]:
    """The function of its model file."""
    return load(PROJECT, Reference.parse(a_recipe.model.reference, "build"))


@contextmanager
def eagerly() -> Iterator[None]:
    """Trace nothing: a training of a few steps takes less time than the graph of one."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the .* option is set")  # the data are read in a graph
        tf.config.run_functions_eagerly(True)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)


def by_engine(engine: Any, a_recipe: Recipe, split: Split, facts: DataFacts) -> Any:
    """Train by an engine: how it ended, and the records."""
    records: list[EpochRecord] = []

    def decide(record: EpochRecord) -> bool:
        records.append(record)
        return True

    training: TrainingResult = engine.train(TrainingTask(a_recipe, split, facts, build_of(a_recipe)), decide)
    return training, records


def by_fit(a_recipe: Recipe, split: Split, facts: DataFacts, eager: bool = True) -> Any:
    """Train by `model.fit` on rows in the compiled engine's order.

    Returns:
        The weights of the epoch that gives the model, `(training loss, validation loss, objective, rate)` of each
        epoch, and which of them that is.
    """
    import keras
    import tensorflow as tf

    from tuner.catalog import build_model, compile_model, learning_rates, plateau_state
    from tuner.engines.objective_and_sample_weights import compute_objective, compute_sample_weight
    from tuner.engines.variable_io import preserved

    model = build_model(a_recipe, facts.input_shape, facts.outputs, build_of(a_recipe))
    compile_model(model, a_recipe)
    model.run_eagerly = eager
    train, validation, weight = split.train, split.validation, compute_sample_weight(split.train, a_recipe)
    epochs, steps = a_recipe.last_epoch or a_recipe.epochs, math.ceil(len(train) / a_recipe.batch_size)
    schedule, base = a_recipe.schedule, a_recipe.learning_rate
    rates = learning_rates(schedule, base, steps * a_recipe.epochs)
    machine = plateau_state(schedule, base, find_metric(a_recipe.metric).objective.maximize)
    measured, weights, kept = [], [], []

    class Look(keras.callbacks.Callback):
        """Sets the rate of each step, and measures after each epoch."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.now = np.full(steps, machine.rate) if machine else rates[epoch * steps : (epoch + 1) * steps]

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            model.optimizer.learning_rate = float(self.now[batch])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            # To look at it must not change what it will do.
            with preserved([*model.trainable_variables, *model.non_trainable_variables]):
                if a_recipe.ema_momentum:
                    model.optimizer._overwrite_model_variables_with_average_value(model.trainable_variables)
                outputs = np.asarray(model.predict_on_batch(validation.x))
                weights.append([variable.numpy() for variable in model.trainable_variables])
            of_rows = compute_sample_weight(validation, a_recipe)
            validation_loss = model.loss(validation.y, outputs, sample_weight=of_rows)
            value = compute_objective(a_recipe, split, outputs)
            if machine:
                machine.observe(value)
            measured.append((logs["loss"], float(validation_loss), value, float(self.now[-1])))
            best, waited = selected(a_recipe, measured)
            kept[:] = [best]
            model.stop_training = a_recipe.patience is not None and waited >= a_recipe.patience

    orders = np.random.default_rng(a_recipe.seed)
    rows = np.concatenate([orders.permutation(len(train)) for _ in range(epochs)])
    parts = [part[rows] for part in (train.x, train.y, weight) if part is not None]
    sizes = [min(a_recipe.batch_size, len(train) - start) for start in range(0, len(train), a_recipe.batch_size)]
    batches = tf.data.Dataset.from_tensors(tuple(parts)).rebatch(sizes)
    model.fit(batches, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[Look()])
    return weights[kept[0]], measured, kept[0] + 1


def selected(a_recipe: Recipe, measured: Sequence[tuple[float, ...]]) -> tuple[int, int]:
    """Index of the epoch that gives the model, and epochs since the last improvement, of what `by_fit` measured."""
    _, losses, values, _ = np.array(measured).T
    values = values if find_metric(a_recipe.metric).objective.maximize else -values
    window = max(3, round(0.05 * a_recipe.epochs))
    means = [
        (values[max(0, i + 1 - window) : i + 1].mean(), -losses[max(0, i + 1 - window) : i + 1].mean())
        for i in range(len(values))
    ]
    best = max(range(len(means)), key=lambda i: (means[i], -i))
    kept = best if a_recipe.keep == "best" else len(means) - 1
    return kept, len(means) - 1 - best
