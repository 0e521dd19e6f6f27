"""Known good first settings, projected onto the space."""

from __future__ import annotations

import optuna
import pytest

from tuner.catalog import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES, Task
from tuner.search import initial_points, project, suggest
from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Space


@pytest.mark.parametrize("task", list(Task))
def test_each_start_can_be_enqueued_and_comes_back(task, space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = initial_points(space, task)
    assert [start["optimizer"] for start in found] == ["adam", "sgd", "adamw", "rmsprop"]
    for start in found:
        study.enqueue_trial(start)
    for start in found:
        trial = study.ask()
        suggest(trial, space)
        assert trial.params.items() >= start.items()


def test_the_surest_start_is_adam(space):
    first = initial_points(space, Task.MULTICLASS)[0]
    assert first == {
        "loss": "categorical_crossentropy",
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "momentum": 0.9,
        "schedule": "constant",
        "initializer": "he_normal",
        "activation": "relu",
        "batch_size": 32,
    }


@pytest.mark.parametrize("task", list(Task))
def test_every_name_is_a_row_of_its_table(task):
    tables = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "initializer": INITIALIZERS,
        "activation": ACTIVATIONS,
        "loss": LOSSES,
    }
    space = Space(Dimension(name, Categorical(tuple(table))) for name, table in tables.items())
    for start in initial_points(space, task):
        assert set(start) == set(tables)
        assert task in LOSSES[start["loss"]].tasks


def test_a_setting_whose_optimizer_is_not_allowed_is_left_out():
    rate = Dimension("learning_rate", Float(1e-5, 1.0, log=True))
    assert initial_points(Space([Dimension("optimizer", Fixed("sgd")), rate]), Task.BINARY) == [{"learning_rate": 0.1}]
    assert initial_points(Space([Dimension("optimizer", Fixed("sgd")), rate]), Task.REGRESSION) == [
        {"learning_rate": 0.01}
    ]
    assert initial_points(Space([Dimension("optimizer", Fixed("lion")), rate]), Task.BINARY) == []
    assert initial_points(Space([rate]), Task.BINARY) == [{"learning_rate": 1e-3}]


def test_values_outside_a_range_are_left_out_and_duplicates_removed():
    space = Space(
        [
            Dimension("optimizer", Fixed("adam")),
            Dimension("learning_rate", Float(0.5, 1.0)),
            Dimension("batch_size", Int(64, 128)),
            Dimension("model.units", Categorical((None, (8,)))),
        ]
    )
    assert initial_points(space, Task.BINARY) == []


def test_a_stepped_range_gets_its_nearest_step():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "sgd"))),
            Dimension("momentum", Float(0.05, 0.95, step=0.2)),
            Dimension("batch_size", Int(10, 100, step=10)),
        ]
    )
    first = initial_points(space, Task.BINARY)[0]
    assert first["momentum"] == pytest.approx(0.85)
    assert first["batch_size"] == 30


def test_what_is_inactive_under_the_setting_is_left_out():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "adamw"))),
            Dimension("weight_decay", Float(1e-6, 0.1, log=True), (Condition("optimizer", ("adamw",)),)),
        ]
    )
    assert initial_points(space, Task.BINARY) == [{"optimizer": "adam"}, {"optimizer": "adamw", "weight_decay": 1e-2}]


def test_a_rate_that_an_optimizer_has_of_its_own_is_known():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "sgd"))),
            Dimension("optimizer.sgd.learning_rate", Float(0.01, 1.0, log=True), (Condition("optimizer", ("sgd",)),)),
            Dimension("learning_rate", Float(1e-4, 1e-2, log=True), (Condition("optimizer", ("adam",)),)),
        ]
    )
    assert initial_points(space, Task.BINARY) == [
        {"optimizer": "adam", "learning_rate": 1e-3},
        {"optimizer": "sgd", "optimizer.sgd.learning_rate": 0.1},
    ]


def test_clipping_moves_numbers_into_their_ranges():
    space = Space(
        [
            Dimension("learning_rate", Float(1e-3, 1e-2, log=True)),
            Dimension("batch_size", Categorical((16, 32))),
            Dimension("model.units", Int(8, 64, step=8)),
            Dimension("model.norm", Categorical((True, False))),
        ]
    )
    known = {"learning_rate": 1.0, "batch_size": 64, "model.units": 3, "model.norm": True, "l2": 0.1}
    assert project(space, known, clip=True) == {"learning_rate": 1e-2, "model.units": 8, "model.norm": True}
    assert project(space, known) == {"model.norm": True}
