"""Effects that are planted in numbers are found with their share; benchmarks/planted_effects.py does it in studies."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.analysis.dimension_columns import DimensionColumns
from tuner.analysis.main_effects import main_effects


def number(random: np.random.Generator, n: int) -> tuple[np.ndarray, DimensionColumns]:
    values = random.uniform(-1, 1, n)
    grid = np.linspace(-1, 1, 101)
    columns = np.stack([values, values**2], axis=1)
    return values, DimensionColumns(columns - columns.mean(axis=0), np.stack([grid, grid**2], axis=1), 1.0)


def planted(seed: int, slope: float = 0.0, n: int = 80):
    random = np.random.default_rng(seed)
    numbers = {name: number(random, n) for name in "abcd"}
    ranks = slope * numbers["a"][0] + random.normal(0, 1, n)
    return main_effects(ranks, {name: columns for name, (_, columns) in numbers.items()})


def test_an_effect_is_found_with_its_share():
    # The variance of a uniform number in [-1, 1] is 1/3: with a slope of √3 its share is a half.
    found = planted(0, slope=3**0.5)
    assert [name for name, effect in found.items() if effect.mattered] == ["a"]
    assert found["a"].share == pytest.approx(0.5, abs=0.15)
    assert found["a"].low < 0.5 < found["a"].high


def test_noise_is_seldom_taken_for_an_effect():
    alarms = sum(any(effect.mattered for effect in planted(seed, n=40).values()) for seed in range(60))
    assert alarms <= 5  # 2 are expected; more than 5 have a probability of 1 %


def test_every_interval_contains_its_estimate():
    for seed in range(10):
        for effect in planted(seed, slope=0.5).values():
            assert 0 <= effect.low <= effect.share <= effect.high <= 1
            assert effect.mattered or effect.low == 0


def test_a_shadow_of_another_dimension_does_not_matter():
    random = np.random.default_rng(1)
    real, columns = number(random, 100)
    shadow = np.clip(real + random.normal(0, 0.4, 100), -1, 1)
    both = np.stack([shadow, shadow**2], axis=1)
    ranks = 2 * real + random.normal(0, 0.5, 100)
    dimensions = {"shadow": DimensionColumns(both - both.mean(axis=0), columns.space, 1.0), "real": columns}
    found = main_effects(ranks, dimensions)
    assert (found["real"].mattered, found["shadow"].mattered) == (True, False)


def test_equal_ranks_show_nothing():
    random = np.random.default_rng(2)
    found = main_effects(np.full(30, 0.5), {"a": number(random, 30)[1]})
    assert (found["a"].mattered, found["a"].share) == (False, 0.0)
