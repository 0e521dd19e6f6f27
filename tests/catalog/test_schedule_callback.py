"""The schedule inside `model.fit`."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

from tuner.catalog import (
    OBJECTIVE,
    SCHEDULES,
    BuildableRecipe,
    Choice,
    ModelChoice,
    ScheduleCallback,
    Task,
    learning_rates,
)
from tuner.errors import UsageError

X, Y = np.ones((10, 2), np.float32), np.zeros((10, 1), np.float32)
STEPS = 3  # batches of 4 rows: 4, 4, 2


def recipe(schedule: str, metric: str = "accuracy", epochs: int = 4, **options: Any) -> BuildableRecipe:
    return BuildableRecipe(
        task=Task.BINARY,
        model=ModelChoice(reference="models/own.py:build", sha256=""),
        head="sigmoid",
        loss=Choice(name="binary_crossentropy"),
        optimizer=Choice(name="sgd"),
        learning_rate=0.5,
        schedule=Choice(name=schedule, options=options),
        metric=metric,
        epochs=epochs,
        batch_size=4,
    )


def rates(given: BuildableRecipe, epochs: int) -> np.ndarray | None:
    return learning_rates(given.schedule, given.learning_rate, epochs * STEPS)


def schedule_callback(given: BuildableRecipe) -> ScheduleCallback:
    return ScheduleCallback(given.schedule, given.learning_rate, given.metric)


class Rates(keras.callbacks.Callback):
    """Records the rate of each step, and can write to the logs of an epoch."""

    def __init__(self, logged: dict[str, list[float]] | None = None) -> None:
        super().__init__()
        self.seen: list[float] = []
        self._logged = logged or {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update({name: values[epoch] for name, values in self._logged.items()})


def trained(given: BuildableRecipe, logged: dict[str, list[float]] | None = None, **options: Any) -> list[float]:
    """The rate at each step of a training."""
    model = given.compile(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]))
    recorder = Rates(logged)
    settings = {**given.fit_options(), **options}
    settings["callbacks"] = [recorder, *settings["callbacks"]]
    model.run_eagerly = True  # a dozen steps take less than tracing one
    model.fit(X, Y, verbose=0, **settings)
    return recorder.seen


@pytest.mark.parametrize("name", [row.name for row in SCHEDULES.values() if not row.stateful])
def test_each_step_has_the_rate_of_the_schedule(name: str) -> None:
    given = recipe(name)
    np.testing.assert_allclose(trained(given), rates(given, 4), rtol=1e-6)


def test_the_schedule_spans_the_planned_epochs_of_a_recipe_that_ends_earlier() -> None:
    given = recipe("polynomial", epochs=9).end_after([2])
    np.testing.assert_allclose(trained(given), rates(given, 9)[: 2 * STEPS], rtol=1e-6)


def test_the_schedule_spans_the_epochs_that_fit_was_given() -> None:
    given = recipe("polynomial", epochs=4)
    np.testing.assert_allclose(trained(given, epochs=2), rates(given, 2), rtol=1e-6)


def test_a_training_that_goes_on_enters_the_schedule_where_it_stands() -> None:
    given = recipe("polynomial")
    whole = rates(given, 4)
    assert whole is not None
    np.testing.assert_allclose(trained(given, initial_epoch=3), whole[3 * STEPS :], rtol=1e-6)


def test_a_schedule_without_a_number_of_steps_is_refused() -> None:
    given = recipe("cosine")
    model = given.compile(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]))
    endless = itertools.repeat((X, Y))
    with pytest.raises(UsageError, match="steps_per_epoch"):
        model.fit(
            (batch for batch in endless),
            callbacks=[schedule_callback(given)],
            shuffle=False,
            verbose=0,
        )


@pytest.mark.parametrize(
    ("metric", "logged", "epochs"),
    [
        ("accuracy", {OBJECTIVE: [1, 2, 2, 3], "val_loss": [4, 3, 2, 1]}, [1, 1, 1, 0.5]),
        ("accuracy", {"val_accuracy": [1, 0, 2, 1], "val_loss": [4, 3, 2, 1]}, [1, 1, 0.5, 0.5]),
        ("log_loss", {OBJECTIVE: [2, 1, 3, 1]}, [1, 1, 1, 0.5]),
        ("accuracy", {"val_loss": [2, 3, 2, 1]}, [1, 1, 0.5, 0.25]),
        ("accuracy", {"loss": [2, 1, 1, 1]}, [1, 1, 1, 0.5]),
    ],
)
def test_a_plateau_schedule_watches_the_best_it_finds_in_the_logs(
    metric: str, logged: dict[str, list[float]], epochs: list[float]
) -> None:
    given = recipe("reduce_on_plateau", metric, factor=0.5, patience=1)
    found = trained(given, logged)
    np.testing.assert_allclose(found, np.repeat(epochs, STEPS) * 0.5, rtol=1e-6)


def test_a_callback_starts_afresh_with_each_training() -> None:
    given = recipe("reduce_on_plateau", factor=0.5, patience=1)
    model = given.compile(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]))
    model.run_eagerly = True
    callback, recorder = schedule_callback(given), Rates({OBJECTIVE: [1.0, 0.0]})
    for _ in range(2):
        model.fit(X, Y, batch_size=10, epochs=2, callbacks=[recorder, callback], verbose=0)
    assert recorder.seen == [0.5, 0.5, 0.5, 0.5]
    assert float(model.optimizer.learning_rate) == 0.25
