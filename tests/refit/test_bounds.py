"""Bounds and tests give the numbers of their sources."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tuner.catalog import Objective
from tuner.refit.intervals import (
    ErrorWidths,
    interval_around,
    lower_bound,
    normal,
    p_of_difference,
    seeds_width,
    wilson,
)

VALUES = [0.91, 0.94, 0.92, 0.95, 0.93]


def test_the_lower_bound_is_students():
    expected = stats.t.interval(0.9, 4, np.mean(VALUES), stats.sem(VALUES))
    assert lower_bound(VALUES, Objective("accuracy", "maximize")) == pytest.approx(expected[0])
    assert lower_bound(VALUES, Objective("brier_score", "minimize")) == pytest.approx(expected[1])
    assert lower_bound([0.5, 0.5], Objective("accuracy", "maximize")) == 0.5


def test_seeds():
    low, high = stats.t.interval(0.95, 4, 0.0, stats.sem(VALUES))
    assert seeds_width(VALUES) == pytest.approx(high) == pytest.approx(-low)
    assert seeds_width(VALUES, 5) == pytest.approx(high * math.sqrt(2))


def test_wilson_is_as_published():
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for right, rows, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = wilson(right / rows, rows)
        assert (right / rows - found.below, right / rows + found.above) == pytest.approx((low, high), abs=5e-5)


def test_a_difference_of_proportions_is_newcombes():
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10: 56/70 - 48/80 and 10/10 - 0/10.
    for (a, m), (b, n), low, high in [((56, 70), (48, 80), 0.0524, 0.3339), ((10, 10), (0, 10), 0.6075, 1.0)]:
        one, other = wilson(a / m, m), wilson(b / n, n)
        found = interval_around(a / m - b / n, [one, ErrorWidths(other.above, other.below)], -1.0, 1.0)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_intervals_stay_where_the_number_can_be():
    assert interval_around(0.99, [normal(0.02)], 0.0, 1.0).high == 1.0  # type: ignore[union-attr]
    assert interval_around(0.5, [normal(0.3), ErrorWidths(0.4, 0.4)], -math.inf, math.inf).low < -0.2  # type: ignore[union-attr]
    assert interval_around(0.5, [normal(math.nan)], 0.0, 1.0) is None


def test_without_rows_it_is_the_paired_t_test():
    one, other = np.array(VALUES), np.array([0.90, 0.91, 0.92, 0.93, 0.93])
    found = p_of_difference(one - other, 0.0, 100, one_sided=False)
    assert found == pytest.approx(stats.ttest_rel(one, other).pvalue)
    better = p_of_difference(one - other, 0.0, 100, one_sided=True)
    assert better == pytest.approx(stats.ttest_rel(one, other, alternative="greater").pvalue)


def test_without_seeds_it_is_the_t_test_over_rows():
    rows = np.random.default_rng(0).normal(0.1, 1.0, 50)
    found = p_of_difference([rows.mean()] * 3, float(stats.sem(rows)), 50, one_sided=False)
    assert found == pytest.approx(stats.ttest_1samp(rows, 0.0).pvalue)


@pytest.mark.parametrize(
    ("differences", "one_sided", "p"), [([0, 0], False, 1), ([1, 1], True, 0), ([-1, -1], True, 1)]
)
def test_differences_without_any_spread(differences, one_sided, p):
    assert p_of_difference(differences, 0.0, 10, one_sided=one_sided) == p


def test_chance_is_called_chance_as_often_as_it_says():
    """Seeds and rows both vary: under no difference p < 0.05 comes in about one case of twenty."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        common, error = random.normal(0.0, 0.02), 0.02
        found.append(p_of_difference(common + random.normal(0.0, 0.03, 5), error, 300, one_sided=False))
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07
