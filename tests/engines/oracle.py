"""Small data, recipes over them, and the same training by `model.fit`: what the compiled engine is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


def by_engine(engine: Any, a_recipe: Recipe, split: Split, facts: DataFacts) -> Any:
    """Train by an engine: how it ended, and the records."""
    records: list[EpochRecord] = []

    def decide(record: EpochRecord) -> bool:
        records.append(record)
        return True

    training: TrainingResult = engine.train(TrainingTask(a_recipe, split, facts, build_of(a_recipe)), decide)
    return training, records


def by_fit(a_recipe: Recipe, split: Split, facts: DataFacts, eager: bool = True) -> Any:
    """Train by `model.fit`, epoch by epoch, on rows in the compiled engine's order.

    Returns:
        The weights of the epoch that gives the model, `(training loss, validation loss, objective, rate)` of each
        epoch, and which of them that is.
    """
    import keras

    from tuner.catalog import build_model, compile_model, learning_rates, plateau_state
    from tuner.engines.objective_and_sample_weights import compute_objective, compute_sample_weight
    from tuner.engines.variable_io import preserved

    model = build_model(a_recipe, facts.input_shape, facts.outputs, build_of(a_recipe))
    compile_model(model, a_recipe)
    model.optimizer.finalize_variable_values = lambda variables: None  # each epoch is a `fit` of its own
    model.run_eagerly = eager
    train, validation, weight = split.train, split.validation, compute_sample_weight(split.train, a_recipe)
    steps = math.ceil(len(train) / a_recipe.batch_size)
    schedule, base = a_recipe.schedule, a_recipe.learning_rate
    rates = learning_rates(schedule, base, steps * a_recipe.epochs)
    machine = plateau_state(schedule, base, find_metric(a_recipe.metric).objective.maximize)
    orders, measured, weights = np.random.default_rng(a_recipe.seed), [], []
    for epoch in range(a_recipe.last_epoch or a_recipe.epochs):
        now = np.full(steps, machine.rate) if machine else rates[epoch * steps : (epoch + 1) * steps]

        class Rate(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch: int, logs: Any = None, now: Any = now) -> None:
                self.model.optimizer.learning_rate = float(now[batch])

        order = orders.permutation(len(train))
        history = model.fit(
            train.x[order],
            train.y[order],
            sample_weight=None if weight is None else weight[order],
            batch_size=a_recipe.batch_size,
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[Rate()],
        )
        # To look at it must not change what it will do.
        with preserved([*model.trainable_variables, *model.non_trainable_variables]):
            if a_recipe.ema_momentum:
                model.optimizer._overwrite_model_variables_with_average_value(model.trainable_variables)
            outputs = np.asarray(model.predict_on_batch(validation.x))
            weights.append([variable.numpy() for variable in model.trainable_variables])
        validation_loss = model.loss(validation.y, outputs, sample_weight=compute_sample_weight(validation, a_recipe))
        value = compute_objective(a_recipe, split, outputs)
        if machine:
            machine.observe(value)
        measured.append((history.history["loss"][0], float(validation_loss), value, float(now[-1])))
        best, waited = selected(a_recipe, measured)
        if a_recipe.patience is not None and waited >= a_recipe.patience:
            break
    return weights[best], measured, best + 1


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
