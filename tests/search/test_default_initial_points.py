"""Known good first settings, projected onto the space."""

from __future__ import annotations

import optuna
import pytest

from tuner.catalog import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES, Task, number_dimension
from tuner.search import initial_points, portfolio_points, project, published_points, suggest
from tuner.search.portfolio import load_portfolio
from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Space

RATE = Dimension("learning_rate", Float(1e-5, 1.0, log=True))
CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "initializer": INITIALIZERS, "activation": ACTIVATIONS}
MAKERS = [initial_points, published_points]


@pytest.mark.parametrize("points", MAKERS)
@pytest.mark.parametrize("task", list(Task))
def test_each_point_can_be_enqueued_and_comes_back(points, task, space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = points(space, task)
    assert len(found) > 3
    for point in found:
        study.enqueue_trial(point)
    for point in found:
        trial = study.ask()
        suggest(trial, space)
        assert trial.params.items() >= point.items()


@pytest.mark.parametrize("points", MAKERS)
@pytest.mark.parametrize("task", list(Task))
def test_every_name_is_a_row_of_its_table(points, task):
    tables = {**CHOICES, "loss": LOSSES}
    space = Space(Dimension(name, Categorical(tuple(table))) for name, table in tables.items())
    for point in points(space, task):
        assert set(point) == set(tables)
        assert task in LOSSES[point["loss"]].tasks


@pytest.mark.parametrize("task", list(Task))
def test_the_portfolio_fits_the_default_dimensions_of_its_task(task):
    numbers = [number_dimension(name).auto for name in ("momentum", "batch_size")]
    whole = Space(
        [
            Dimension("loss", Categorical(tuple(row.name for row in LOSSES.values() if task in row.tasks))),
            *(Dimension(name, Categorical(tuple(table))) for name, table in CHOICES.items()),
            RATE,
            *(Dimension(name, one) for name, one in zip(("momentum", "batch_size"), numbers, strict=True)),
        ]
    )
    found = initial_points(whole, task)
    assert len(found) == 10
    assert all(set(point) == {dimension.name for dimension in whole} for point in found)
    assert len({point["optimizer"] for point in found}) > 2, "a complementary list"


def test_settings_of_which_less_is_allowed_are_left_out_if_there_are_enough_others():
    optimizer = Dimension("optimizer", Categorical(("sgd", "rmsprop", "adam", "adamw", "nadam")))
    schedules = Dimension("schedule", Categorical(tuple(SCHEDULES)))
    free, _ = portfolio_points(Space([optimizer, RATE, schedules]), Task.BINARY)
    cosine = [
        {name: point[name] for name in ("optimizer", "learning_rate")}
        for point in free
        if point["schedule"] == "cosine"
    ]
    assert len(cosine) >= 10
    assert portfolio_points(Space([optimizer, RATE, Dimension("schedule", Fixed("cosine"))]), Task.BINARY)[0] == cosine
    batch = Dimension("batch_size", Categorical((7,)))
    assert len(portfolio_points(Space([optimizer, RATE, batch]), Task.BINARY)[0]) > 100, "none has it"


def test_settings_that_are_the_same_on_the_space_are_one():
    space = Space([Dimension("optimizer", Categorical(("sgd", "adam")))])
    points, portfolio = portfolio_points(space, Task.REGRESSION)
    whole = load_portfolio(Task.REGRESSION)
    assert sorted(point["optimizer"] for point in points) == ["adam", "sgd"]
    for point, regrets in zip(points, portfolio.regrets.T, strict=True):
        same = [index for index, setting in enumerate(whole.settings) if setting["optimizer"] == point["optimizer"]]
        assert regrets == pytest.approx(whole.regrets[:, same].mean(axis=1))


def test_a_setting_whose_optimizer_is_not_allowed_is_left_out():
    sgd = Space([Dimension("optimizer", Fixed("sgd")), RATE])
    assert published_points(sgd, Task.BINARY) == [{"learning_rate": 0.1}]
    assert published_points(sgd, Task.REGRESSION) == [{"learning_rate": 0.01}]
    assert published_points(Space([RATE]), Task.BINARY) == [{"learning_rate": 1e-3}]
    for points in MAKERS:
        assert points(Space([Dimension("optimizer", Fixed("lion")), RATE]), Task.BINARY) == []
    assert all(0.01 <= point["learning_rate"] <= 1 for point in initial_points(sgd, Task.BINARY))


def test_values_outside_a_range_are_left_out_and_duplicates_removed():
    space = Space(
        [
            Dimension("optimizer", Fixed("adam")),
            Dimension("learning_rate", Float(0.5, 1.0)),
            Dimension("batch_size", Int(64, 128)),
            Dimension("model.units", Categorical((None, (8,)))),
        ]
    )
    assert published_points(space, Task.BINARY) == []


def test_a_stepped_range_gets_its_nearest_step():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "sgd"))),
            Dimension("momentum", Float(0.05, 0.95, step=0.2)),
            Dimension("batch_size", Int(10, 100, step=10)),
        ]
    )
    first = published_points(space, Task.BINARY)[0]
    assert first["momentum"] == pytest.approx(0.85)
    assert first["batch_size"] == 30


def test_what_is_inactive_under_the_setting_is_left_out():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "adamw"))),
            Dimension("weight_decay", Float(1e-6, 0.1, log=True), (Condition("optimizer", ("adamw",)),)),
        ]
    )
    assert published_points(space, Task.BINARY) == [{"optimizer": "adam"}, {"optimizer": "adamw", "weight_decay": 1e-2}]


def test_a_rate_that_an_optimizer_has_of_its_own_is_known():
    space = Space(
        [
            Dimension("optimizer", Categorical(("adam", "sgd"))),
            Dimension("optimizer.sgd.learning_rate", Float(0.01, 1.0, log=True), (Condition("optimizer", ("sgd",)),)),
            Dimension("learning_rate", Float(1e-4, 1e-2, log=True), (Condition("optimizer", ("adam",)),)),
        ]
    )
    assert published_points(space, Task.BINARY) == [
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
