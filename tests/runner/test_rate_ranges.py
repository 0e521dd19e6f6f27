"""The rates at which the optimizers of a study learn, and whether it searches them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mock_study import spec_of

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor
from tuner.runner import rate_ranges
from tuner.runner.rate_ranges import RateRange, find_rate_ranges, ramps_pay
from tuner.runner.shutdown import ShutdownSignal
from tuner.search import Portfolio

RATES = [10 ** (-6 + step / 8) for step in range(56)]


Ramp = Generator[EpochRecord, None, TrainingResult]


def ramp(recipe: Mapping[str, Any]) -> Ramp:
    """The loss falls at 1e-3; that of adagrad never does, and sgd has no ramp."""
    name = recipe["optimizer"]["name"]
    if name == "sgd":
        raise RuntimeError("no ramp")
    return (yield from falling(math.inf if name == "adagrad" else 1e-3))


def falling(at: float) -> Ramp:
    """The loss falls at this rate."""
    for epoch, rate in enumerate(RATES, start=1):
        loss = 1.0 if rate < at else 0.2
        yield EpochRecord(0, epoch, loss, loss, 0.0, rate, 0.0)
    return TrainingResult("diverged", None, "at the end of the ramp")


def ranges(
    folder: Path, rate: Any, train: Callable[[Mapping[str, Any]], Ramp] = ramp, **options: Any
) -> dict[str, RateRange]:
    search = {"optimizer": ["adam", "adagrad", "sgd"], "learning_rate": rate, **options}
    executor = InlineExecutor(train, 1)
    executor.start()
    with ShutdownSignal() as shutdown:
        return {
            found.optimizer: found for found in find_rate_ranges(spec_of(folder, search=search), executor, shutdown)
        }


def test_a_study_that_does_not_search_these_rates_misses_them(tmp_path: Path) -> None:
    found = ranges(tmp_path, {"low": 0.1, "high": 1.0, "log": True})
    adam = found["adam"]
    assert adam.low is not None
    assert adam.high is not None
    assert adam.low < 1e-3 < adam.high < 0.1
    assert (adam.searched_low, adam.searched_high, adam.missed) == (0.1, 1.0, True)
    for name in ("adagrad", "sgd"):
        assert (found[name].low, found[name].missed) == (None, False)


def test_the_rate_that_an_optimizer_has_of_its_own_counts(tmp_path: Path) -> None:
    own = {"adam": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}}
    found = ranges(tmp_path, {"low": 0.1, "high": 1.0, "log": True}, optimizer_options=own)
    assert (found["adam"].searched_low, found["adam"].searched_high, found["adam"].missed) == (1e-4, 1e-2, False)
    assert found["sgd"].searched_low == 0.1


def test_a_list_and_a_single_rate_are_ranges(tmp_path: Path) -> None:
    assert ranges(tmp_path, [1e-5, 1e-4])["adam"].missed
    assert not ranges(tmp_path, 1e-3)["adam"].missed


def test_the_middle_is_the_typical_rate_for_the_momentum_of_the_ramp(tmp_path: Path) -> None:
    def low(**options: Any) -> float:
        found = ranges(tmp_path, 1e-3, lambda recipe: falling(0.02), **options)["sgd"].low
        assert found is not None
        return found

    assert low() == low(momentum=0.0) == pytest.approx(10 * low(momentum=0.9), rel=0.1)


def test_a_ramp_has_the_setting_of_its_optimizer_that_is_best_on_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        {"optimizer": "sgd", "activation": "relu"},
        {"optimizer": "adam", "activation": "tanh"},  # the best one beside that of sgd
        {"optimizer": "adam", "activation": "relu"},
    ]
    portfolio = Portfolio(tuple(points), np.array([[0.0, 1.0, 0.3], [0.4, 0.0, 0.35]]))
    assert portfolio.choose(3, {}) == [0, 1, 2]
    monkeypatch.setattr(rate_ranges, "portfolio_points", lambda space, task: (points, portfolio))
    trained = {}

    def train(recipe: Mapping[str, Any]) -> Ramp:
        trained[recipe["optimizer"]["name"]] = recipe["activation"]
        return falling(1e-3)

    ranges(tmp_path, 1e-3, train, activation=["tanh", "relu"])
    assert trained["adam"] == "relu"


def test_ramps_that_take_minutes_are_left_out(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    recipe: Any = type("Recipe", (), {"batch_size": 32})
    assert ramps_pay(spec, recipe, epoch_s=0.01)
    assert not ramps_pay(spec, recipe, epoch_s=10.0)
