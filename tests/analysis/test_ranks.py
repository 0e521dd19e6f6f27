"""The tests on ranks against SciPy's, and Holm's correction against the paper's rule."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tuner.analysis.rank_tests import MOST_SHUFFLED, holm, kruskal_wallis


def samples(sizes: tuple[int, ...], shift: float, digits: int = 3) -> list[list[float]]:
    random = np.random.default_rng(1)
    return [np.round(random.normal(shift * k, 1.0, size), digits).tolist() for k, size in enumerate(sizes)]


@pytest.mark.parametrize(("sizes", "digits"), [((10, 12), 3), ((30, 30, 30), 1), ((20, 5, 8, 40), 0)])
def test_the_statistic_is_scipys_and_p_is_near_the_approximation(sizes, digits):
    groups = samples(sizes, 0.4, digits)
    found, expected = kruskal_wallis(groups), stats.kruskal(*groups)
    assert found[0] == pytest.approx(expected.statistic)
    assert found[1] == pytest.approx(expected.pvalue, abs=0.03)


def test_two_groups_are_the_exact_two_sided_mann_whitney_test():
    groups = samples((6, 7), 1.0)
    exact = stats.mannwhitneyu(*groups, method="exact").pvalue
    assert kruskal_wallis(groups)[1] == pytest.approx(exact, abs=0.012)


def test_many_values_take_the_approximation():
    groups = samples((MOST_SHUFFLED, 50), 0.2)
    assert kruskal_wallis(groups)[1] == pytest.approx(stats.kruskal(*groups).pvalue)


def test_equal_values_do_not_differ():
    assert kruskal_wallis([[0.5, 0.5, 0.5], [0.5, 0.5]]) == (0.0, 1.0)


def test_three_against_three_cannot_be_surer_than_their_orders():
    assert kruskal_wallis([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[1] == pytest.approx(0.1, abs=0.01)


def test_p_of_pure_chance_is_below_5_percent_in_5_percent_of_the_cases():
    random = np.random.default_rng(2)
    low = sum(kruskal_wallis(random.normal(size=(3, 5)).tolist())[1] < 0.05 for _ in range(200))
    assert 2 <= low <= 20


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
