"""Effects that are planted in numbers are found with their share; benchmarks/planted_effects.py does it in studies."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.analysis.dimension_columns import DimensionColumns
from tuner.analysis.main_effects import adjusted_ranks, main_effects


def number(values: np.ndarray) -> DimensionColumns:
    grid = np.linspace(-1, 1, 101)
    raw, space = np.stack([values, values**2], axis=1), np.stack([grid, grid**2], axis=1)
    return DimensionColumns(raw - space.mean(axis=0), space - space.mean(axis=0), 1.0)


def planted(seed: int, slope: float = 0.0, diverges_above: float = 2.0, n: int = 80):
    random = np.random.default_rng(seed)
    numbers = {name: random.uniform(-1, 1, n) for name in "abcd"}
    values = slope * numbers["a"] + random.normal(0, 1, n)
    diverged = numbers["b"] > diverges_above
    values[diverged] = np.nan
    ranks = np.argsort(np.argsort(np.where(diverged, -np.inf, values))) / n
    return main_effects(ranks, values, diverged, {name: number(one) for name, one in numbers.items()})


def mattered(effects) -> list[str]:
    return [name for name, effect in effects.items() if effect.mattered]


def test_an_effect_is_found_with_its_share():
    # The variance of a uniform number in [-1, 1] is 1/3: with a slope of √3 its share is a half.
    found = planted(0, slope=3**0.5)
    assert mattered(found) == ["a"]
    assert found["a"].share == pytest.approx(0.5, abs=0.15)
    assert found["a"].low < 0.5 < found["a"].high


def test_what_makes_trials_diverge_mattered_beside_what_changes_their_value():
    assert mattered(planted(0, slope=2.0, diverges_above=0.7)) == ["a", "b"]
    assert mattered(planted(0, slope=0.0, diverges_above=0.7)) == ["b"]


def test_diverged_trials_do_not_hide_an_effect_on_the_value():
    random = np.random.default_rng(1)
    at, n = random.uniform(-1, 1, 60), 60
    values, diverged = at + random.normal(0, 0.5, n), random.random(n) < 0.2
    values[diverged] = np.nan
    found = main_effects(np.zeros(n), values, diverged, {"a": number(at)})
    assert found["a"].p < 0.005


def test_every_interval_contains_its_estimate_and_what_mattered_has_a_share():
    for seed in range(10):
        for effect in planted(seed, slope=0.5).values():
            assert 0 <= effect.low <= effect.share <= effect.high <= 1
            assert (effect.low > 0) == effect.mattered


def test_equal_ranks_show_nothing():
    random = np.random.default_rng(2)
    dimensions = {"a": number(random.uniform(-1, 1, 30))}
    found = main_effects(np.full(30, 0.5), np.zeros(30), np.zeros(30, bool), dimensions)
    assert (found["a"].mattered, found["a"].share) == (False, 0.0)


def test_trials_that_all_diverged_show_nothing():
    random = np.random.default_rng(3)
    dimensions = {"a": number(random.uniform(-1, 1, 30))}
    found = main_effects(np.full(30, 0.5), np.full(30, np.nan), np.ones(30, bool), dimensions)
    assert not found["a"].mattered


def test_ranks_are_adjusted_for_another_dimension_that_was_tried_together():
    random = np.random.default_rng(4)
    worse = np.arange(60) < 15
    other = np.where(worse, random.uniform(-1, 0, 60), random.uniform(-0.5, 1, 60))
    ranks = 0.5 - 0.3 * worse + 0.2 * other + random.normal(0, 0.02, 60)
    chosen = (worse - 0.5)[:, None]
    adjusted = adjusted_ranks(ranks, DimensionColumns(chosen, np.array([[-0.5], [0.5]]), 1.0), [number(other)])
    assert adjusted[worse].mean() == pytest.approx(adjusted[~worse].mean() - 0.3, abs=0.03)
    assert adjusted.std() < ranks.std()
