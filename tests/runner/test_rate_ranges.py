"""The rates at which the optimizers of a study learn, and whether it searches them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from mock_study import spec_of

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor
from tuner.runner.rate_ranges import RateRange, find_rate_ranges, ramps_pay
from tuner.runner.shutdown import ShutdownSignal

RATES = [10 ** (-6 + step / 8) for step in range(56)]


def ramp(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    """The loss falls at 1e-3; that of adagrad never does, and sgd has no ramp."""
    name = recipe["optimizer"]["name"]
    if name == "sgd":
        raise RuntimeError("no ramp")
    for epoch, rate in enumerate(RATES, start=1):
        loss = 1.0 if rate < 1e-3 or name == "adagrad" else 0.2
        yield EpochRecord(0, epoch, loss, loss, 0.0, rate, 0.0)
    return TrainingResult("diverged", None, "at the end of the ramp")


def ranges(folder: Path, rate: Any, **options: Any) -> dict[str, RateRange]:
    search = {"optimizer": ["adam", "adagrad", "sgd"], "learning_rate": rate, **options}
    executor = InlineExecutor(ramp, 1)
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


def test_ramps_that_take_minutes_are_left_out(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    recipe: Any = type("Recipe", (), {"batch_size": 32})
    assert ramps_pay(spec, recipe, epoch_s=0.01)
    assert not ramps_pay(spec, recipe, epoch_s=10.0)
