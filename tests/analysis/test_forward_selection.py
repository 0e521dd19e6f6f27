"""Dimensions with an effect are told from those without one, and from each other."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.analysis.forward_selection import select_forward


def parabola(values: np.ndarray) -> np.ndarray:
    return np.stack([values, values**2 - 1 / 3], axis=1)


def test_noise_is_seldom_taken_for_an_effect():
    alarms = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        columns = {name: parabola(random.uniform(-1, 1, 40)) for name in "abcd"}
        alarms += min(select_forward(random.normal(size=40), columns, 0.03).values()) < 0.03
    assert alarms <= 5  # 2 are expected; more than 5 have a probability of 1 %


def test_an_effect_is_found_beside_a_stronger_one():
    random = np.random.default_rng(0)
    large, small, none = (random.uniform(-1, 1, 100) for _ in range(3))
    response = 3 * large + small + random.normal(0, 0.5, 100)
    columns = {"none": parabola(none), "small": parabola(small), "large": parabola(large)}
    found = select_forward(response, columns, 0.03)
    assert {name for name, p in found.items() if p < 0.03} == {"large", "small"}


def test_a_shadow_of_another_dimension_has_no_effect():
    random = np.random.default_rng(1)
    real = random.uniform(-1, 1, 100)
    shadow = np.clip(real + random.normal(0, 0.4, 100), -1, 1)
    response = 2 * real + random.normal(0, 0.5, 100)
    found = select_forward(response, {"shadow": parabola(shadow), "real": parabola(real)}, 0.03)
    assert found["real"] < 0.03 < found["shadow"]


@pytest.mark.parametrize("alike", [1.0, 0.98])
def test_of_two_that_went_together_none_is_named(alike: float):
    random = np.random.default_rng(2)
    one = random.uniform(-1, 1, 60)
    other = alike * one + (1 - alike) * random.uniform(-1, 1, 60)
    found = select_forward(one + random.normal(0, 0.5, 60), {"one": one[:, None], "other": other[:, None]}, 0.03)
    assert min(found.values()) > 0.03
    assert select_forward(one + random.normal(0, 0.5, 60), {"one": one[:, None]}, 0.03)["one"] < 0.03


def test_what_is_known_is_taken_off_and_not_tested():
    random = np.random.default_rng(3)
    known, shadow = random.normal(size=(2, 80))
    shadow += known
    columns = {"known": known[:, None], "shadow": shadow[:, None]}
    found = select_forward(known + random.normal(0, 0.3, 80), columns, 0.03, ["known"])
    assert list(found) == ["shadow"]
    assert found["shadow"] > 0.03


def test_a_response_without_differences_shows_nothing():
    random = np.random.default_rng(4)
    assert select_forward(np.full(30, 0.5), {"a": random.normal(size=(30, 2))}, 0.03) == {"a": 1.0}


def test_more_columns_than_trials_show_nothing():
    random = np.random.default_rng(5)
    columns = {name: random.normal(size=(6, 5)) for name in "ab"}
    assert min(select_forward(random.normal(size=6), columns, 0.03).values()) > 0.03
