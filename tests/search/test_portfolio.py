"""The choice among the settings of a portfolio, given what a study has seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.search import Portfolio
from tuner.search.portfolio import load_portfolio


def portfolio(*regrets: list[float]) -> Portfolio:
    return Portfolio(tuple({"x": index} for index in range(len(regrets[0]))), np.array(regrets))


def test_a_list_is_complementary() -> None:
    # The second is the best on average, the first where it is bad; the third is second best everywhere.
    assert portfolio([1.0, 0.0, 0.2], [0.9, 0.0, 0.2], [0.0, 0.8, 0.7]).choose(3, {}) == [1, 0, 2]


def test_without_sets_the_order_is_that_of_the_settings() -> None:
    empty = Portfolio(({}, {}, {}), np.zeros((0, 3)))
    assert empty.choose(9, {}) == [0, 1, 2]
    assert empty.choose(9, {1: 0.5}, {0}) == [2]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_only_the_order_of_losses_counts(scale: float) -> None:
    sets = portfolio([0.1, 0.5, 0.9, 0.0, 1.0], [0.9, 0.5, 0.1, 1.0, 0.0])
    assert sets.choose(1, {0: 1 * scale, 1: 2 * scale, 2: 3 * scale}) == [3]
    assert sets.choose(1, {0: 3 * scale - 7, 1: 2 * scale - 7, 2: -7.0}) == [4]
    assert sets.choose(1, {0: math.inf, 1: math.inf, 2: -scale}) == [4]


def test_what_is_not_known_yet_or_was_excluded_is_not_chosen() -> None:
    sets = portfolio([0.0, 0.1, 0.2, 0.3])
    assert sets.choose(2, {0: None}, {1}) == [2, 3]
    assert sets.choose(9, {0: None, 1: 1.0}, {2, 3}) == []


@pytest.mark.parametrize(("task", "gain"), [(Task.MULTICLASS, 0.03), (Task.REGRESSION, 0.05)])
def test_ten_settings_chosen_by_results_beat_a_list_on_sets_that_were_left_out(task: Task, gain: float) -> None:
    whole = load_portfolio(task)
    regrets = {True: [], False: []}
    for out, losses in enumerate(whole.regrets):
        others = Portfolio(whole.settings, np.delete(whole.regrets, out, axis=0))
        for seen, least in regrets.items():
            order: list[int] = []
            for _ in range(10):
                order += others.choose(1, {index: losses[index] if seen else None for index in order})
            least.append(min(1.0, losses[order].min()))
    assert np.mean(regrets[True]) < np.mean(regrets[False]) - gain


def test_losses_are_those_of_the_task() -> None:
    names = {task: {setting["loss"] for setting in load_portfolio(task).settings} for task in Task}
    assert all(name.startswith("categorical_") for name in names[Task.MULTICLASS])
    assert names[Task.BINARY] == {name.replace("categorical", "binary") for name in names[Task.MULTICLASS]}
    assert not names[Task.REGRESSION] & names[Task.BINARY]


def test_the_typical_rate_is_the_median_of_the_best_ones() -> None:
    rates = (("adam", 0.001, 0.9), ("adam", 0.01, 0.9), ("sgd", 0.1, 0.0), ("sgd", 0.02, 0.95))
    settings = tuple({"optimizer": name, "learning_rate": rate, "momentum": m} for name, rate, m in rates)
    regrets = np.array([[0.0, 1.0, 0.2, 0.8], [1.0, 0.0, 0.2, 0.8], [0.9, 0.3, 0.9, 0.1]])
    few = Portfolio(settings, regrets)
    assert few.typical_rate("adam", None) == few.typical_rate("adam", 0.99) == 0.01
    assert few.typical_rate("sgd", 0.9) == pytest.approx(0.01), "of 0.1 without momentum, 0.02 with 0.95 is 0.04"
    assert few.typical_rate("sgd", None) == few.typical_rate("sgd", 0.0) == pytest.approx(0.1)
    assert few.typical_rate("lion", 0.9) is None


def test_the_mean_regret_of_a_setting_is_bounded_on_each_set() -> None:
    assert portfolio([3.0, 0.8], [0.0, 1.0]).mean_regrets().tolist() == [0.75, 0.9]


@pytest.mark.parametrize(("optimizer", "times"), [("sgd", 10.0), ("lion", 1.0), ("adam", 1.0), ("rmsprop", 1.0)])
def test_momentum_lengthens_steps_that_are_proportional_to_the_gradient(optimizer: str, times: float) -> None:
    setting = {"optimizer": optimizer, "learning_rate": 0.1, "momentum": 0.9}
    portfolio = Portfolio((setting,), np.zeros((1, 1)))
    with_it, without = (portfolio.typical_rate(optimizer, momentum) for momentum in (0.9, 0.0))
    assert with_it == pytest.approx(0.1)
    assert without == pytest.approx(0.1 * times)
