"""Each schedule against values worked out by hand.  No Keras here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.catalog import SCHEDULES, Choice, learning_rates, plateau_state

PURE = [row for row in SCHEDULES.values() if not row.stateful]
HALF_ROOT = math.sqrt(2) / 4


def rates(name: str, total: int, base: float = 1.0, **options: float) -> list[float]:
    return SCHEDULES[name].build(np.arange(total), total, base, **options).tolist()


CASES = [
    ("constant", 3, {}, [1, 1, 1]),
    ("step", 6, {"drops": 2, "factor": 0.1}, [1, 1, 0.1, 0.1, 0.01, 0.01]),
    ("step", 5, {"drops": 1, "factor": 0.5}, [1, 1, 1, 0.5, 0.5]),
    ("step", 2, {"drops": 3, "factor": 0.5}, [1, 0.25]),
    ("exponential", 4, {"end_ratio": 1 / 16}, [1, 1 / 2, 1 / 4, 1 / 8]),
    (
        "piecewise",
        10,
        {"first": 0.3, "second": 0.7, "middle_ratio": 0.5, "last_ratio": 0.2},
        [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2],
    ),
    ("piecewise", 4, {"first": 0.5, "second": 0.2, "middle_ratio": 0.5, "last_ratio": 0.2}, [1, 1, 0.2, 0.2]),
    ("polynomial", 4, {}, [1, 0.75, 0.5, 0.25]),
    ("polynomial", 4, {"power": 2.0, "end_ratio": 0.2}, [1, 0.2 + 0.8 * 9 / 16, 0.2 + 0.8 / 4, 0.2 + 0.8 / 16]),
    ("cosine", 4, {}, [1, 0.5 + HALF_ROOT, 0.5, 0.5 - HALF_ROOT]),
    ("cosine", 4, {"cycles": 2}, [1, 0.5, 1, 0.5]),
    ("cosine", 4, {"cycles": 2, "end_ratio": 0.2}, [1, 0.6, 1, 0.6]),
    ("cosine", 5, {"warmup": 0.2}, [0.5, 1, 0.5 + HALF_ROOT, 0.5, 0.5 - HALF_ROOT]),
    ("cosine", 6, {"warmup": 0.5, "cycles": 1}, [0.25, 0.5, 0.75, 1, 0.75, 0.25]),
    ("cosine", 4, {"warmup": 1.0}, [0.25, 0.5, 0.75, 1]),
    ("one_cycle", 5, {"warmup": 0.5, "start_ratio": 0.2, "end_ratio": 0.0}, [0.2, 0.6, 1, 0.5, 0]),
    ("one_cycle", 3, {"warmup": 0.0, "start_ratio": 0.2, "end_ratio": 0.5}, [1, 0.75, 0.5]),
    ("one_cycle", 3, {"warmup": 1.0, "start_ratio": 0.2, "end_ratio": 0.5}, [0.2, 0.6, 1]),
]


@pytest.mark.parametrize(("name", "total", "options", "expected"), CASES)
def test_a_schedule_gives_the_values_worked_out_by_hand(name: str, total: int, options: dict, expected: list) -> None:
    np.testing.assert_allclose(rates(name, total, **options), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        rates(name, total, base=0.3, **options), 0.3 * np.array(expected), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("row", PURE, ids=lambda row: row.name)
def test_rates_are_float64_of_the_shape_of_the_steps(row) -> None:
    whole = row.build(np.arange(50), 50, 0.1)
    assert whole.dtype == np.float64
    assert whole.shape == (50,)
    assert np.isfinite(whole).all()
    assert (whole >= 0).all()
    assert whole.max() <= 0.1 * (1 + 1e-12)
    np.testing.assert_array_equal(row.build(np.array([7, 3]), 50, 0.1), whole[[7, 3]])


@pytest.mark.parametrize("row", PURE, ids=lambda row: row.name)
def test_a_training_of_one_step_takes_the_base_rate(row) -> None:
    assert row.build(np.array([0]), 1, 0.25).tolist() == [0.25]


@pytest.mark.parametrize("row", PURE, ids=lambda row: row.name)
def test_steps_beyond_the_end_stay_low(row) -> None:
    last, beyond, far = row.build(np.array([99, 100, 1000]), 100, 1.0)
    assert beyond <= last
    assert far == beyond


@pytest.mark.parametrize("row", PURE, ids=lambda row: row.name)
def test_every_end_of_every_option_gives_rates(row) -> None:
    for option in row.options:
        for value in (option.allowed.low, option.allowed.high, option.auto.low, option.auto.high):
            for total in (1, 2, 17):
                found = row.build(np.arange(total), total, 1.0, **{option.name: value})
                assert np.isfinite(found).all(), (option.name, value, total)
                assert (found >= 0).all()


def test_options_mean_the_same_for_every_budget() -> None:
    for row in PURE:
        short, long = row.build(np.arange(100), 100, 1.0), row.build(np.arange(10_000), 10_000, 1.0)
        np.testing.assert_allclose(long[::100], short, atol=0.04, err_msg=row.name)


def test_the_rates_of_a_recipe() -> None:
    found = learning_rates(Choice(name="polynomial", options={"end_ratio": 0.5}), 0.8, 2)
    assert found is not None
    assert found.tolist() == pytest.approx([0.8, 0.6])
    assert plateau_state(Choice(name="polynomial"), 0.8, maximize=True) is None
    assert learning_rates(Choice(name="reduce_on_plateau"), 0.8, 2) is None


@pytest.mark.parametrize("maximize", [True, False])
def test_a_plateau_follows_the_direction(maximize: bool) -> None:
    schedule = Choice(name="reduce_on_plateau", options={"factor": 0.5, "patience": 1})
    better = 1.0 if maximize else -1.0
    machine = plateau_state(schedule, 0.8, maximize)
    assert machine is not None
    assert [machine.observe(better * step) for step in range(3)] == [0.8, 0.8, 0.8]
    assert machine.observe(0.0) == 0.4
