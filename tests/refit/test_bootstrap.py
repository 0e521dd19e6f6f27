"""Samples of independent units."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tuner.catalog import METRICS, Task
from tuner.refit.bootstrap import RowSampler
from tuner.refit.intervals import clustered_rows, wilson
from tuner.refit.score_uncertainty import Measure, standard_error

GROUPS, SIZE = 40, 8
UNITS = np.repeat(np.arange(GROUPS), SIZE)


def errors(measure: Measure, wrong: np.ndarray) -> float:
    """Standard error of the mean absolute error, if each row is off by `wrong`."""
    return standard_error(measure.draws([[measure.truths[0] + wrong[:, None]]])[:, 0])


def measure_of(units: np.ndarray | None, rows: int = GROUPS * SIZE) -> Measure:
    return Measure("mean_absolute_error", Task.REGRESSION, (np.zeros((rows, 1)),), (None,), (units,))


def test_a_sample_holds_whole_groups() -> None:
    shuffled = np.random.default_rng(1).permutation(UNITS)
    sampler = RowSampler(len(shuffled), shuffled)
    rows = sampler.draw(np.random.default_rng(0))
    _, counts = np.unique(shuffled[rows], return_counts=True)
    assert len(rows) == GROUPS * SIZE
    assert (counts % SIZE == 0).all()


def test_rows_that_are_alike_count_once() -> None:
    groups = np.abs(np.random.default_rng(0).normal(size=GROUPS))
    wrong = groups[UNITS]
    right = groups.std(ddof=1) / GROUPS**0.5
    assert errors(measure_of(UNITS), wrong) == pytest.approx(right, rel=0.15)
    assert errors(measure_of(None), wrong) == pytest.approx(right / SIZE**0.5, rel=0.15), "as rows they would be sure"


def test_groups_of_independent_rows_say_as_much_as_the_rows() -> None:
    wrong = np.abs(np.random.default_rng(0).normal(size=GROUPS * SIZE))
    assert errors(measure_of(UNITS), wrong) == pytest.approx(errors(measure_of(None), wrong), rel=0.25)


def test_few_groups_are_not_too_sure() -> None:
    """The standard error of means over three groups is right on average, not smaller by √(2 / 3)."""
    random, units = np.random.default_rng(0), np.repeat(np.arange(3), 5)
    squares = [errors(measure_of(units, 15), 9.0 + random.normal(size=3)[units]) ** 2 for _ in range(60)]
    assert np.mean(squares) == pytest.approx(1 / 3, rel=0.25)


@pytest.mark.parametrize("groups", [60, 5_000])
def test_many_rows_in_groups_are_drawn_in_smaller_samples(groups: int) -> None:
    units = np.repeat(np.arange(groups), 200 if groups == 60 else 4)
    wrong = np.abs(np.random.default_rng(0).normal(size=groups))
    sampler = RowSampler(len(units), units)
    assert len(sampler.draw(np.random.default_rng(0))) <= 2_100
    found = errors(measure_of(units, len(units)), wrong[units])
    assert found == pytest.approx(wrong.std(ddof=1) / groups**0.5, rel=0.2)


def test_a_single_group_says_nothing_about_others() -> None:
    measure = measure_of(np.zeros(GROUPS * SIZE, int))
    assert np.isnan(errors(measure, np.abs(np.random.default_rng(0).normal(size=GROUPS * SIZE))))


def test_the_degrees_of_freedom_are_those_of_groups() -> None:
    assert measure_of(None).independent == GROUPS * SIZE
    assert measure_of(UNITS).independent == GROUPS
    truth = np.zeros((GROUPS * SIZE, 1))
    folds = Measure("mean_absolute_error", Task.REGRESSION, (truth, truth), (None, None), (UNITS, UNITS + 99))
    assert folds.independent == 2 * GROUPS - 1


@pytest.mark.parametrize(
    ("share", "error", "least", "most"),
    [
        (1.0, 0.0, 12, 12),  # all right: as many as there are groups
        (0.75, 0.125, 12, 13),  # groups that are right or wrong as a whole
        (0.75, (0.75 * 0.25 / 96) ** 0.5, 55, 65),  # as if rows were independent, but for one more group
        (0.99, 0.001, 15, 30),  # a single wrong answer shows little
    ],
)
def test_rows_that_a_proportion_is_worth(share: float, error: float, least: float, most: float) -> None:
    few = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 11)) ** 2
    assert few * least - 1e-9 <= clustered_rows(share, error, 96.0, 12.0) <= few * most + 1e-9


def test_large_samples_are_worth_what_survey_statistics_says() -> None:
    """They are worth n / deff, with the design effect `1 + (m - 1) ρ` (Kish 1965)."""
    share, alike = 0.6, 0.2
    error = (share * (1 - share) / 8000 * (1 + 7 * alike)) ** 0.5
    assert clustered_rows(share, error, 8000.0, 1000.0) == pytest.approx(8000 / (1 + 7 * alike), rel=0.01)


def test_intervals_of_a_proportion_hold_for_groups() -> None:
    """In 400 samples of 20 groups of 8, whose rows share a chance to be right, the interval holds the truth."""
    random, units, held = np.random.default_rng(0), np.repeat(np.arange(20), 8), 0
    truth = np.ones((160, 1))
    measure = Measure("accuracy", Task.BINARY, (truth,), (None,), (units,))
    for _ in range(100):
        right = random.random(160) < random.beta(4.0, 1.0, 20)[units]  # mean 0.8
        answers = [right[:, None].astype(float)]
        value, error = float(right.mean()), float(right.reshape(20, 8).mean(axis=1).std(ddof=1) / 20**0.5)
        widths = measure.widths(value, error)
        held += value - widths.below <= 0.8 <= value + widths.above
        assert measure.score(answers) == pytest.approx(value)
    assert held >= 92


CASES = [(name, task) for name, row in METRICS.items() for task in sorted(row.tasks) if np.isfinite(row.worst)]


@pytest.mark.parametrize(("metric", "task"), CASES)
def test_answers_that_are_all_right_are_as_sure_as_that_many_groups(metric: str, task: Task) -> None:
    random = np.random.default_rng(1)
    truth = random.normal(50.0, 10.0, (80, 1)) if task is Task.REGRESSION else np.eye(4)[random.integers(0, 4, 80)]
    truth = truth[:, :1] if task is Task.BINARY else truth
    rows, groups = (Measure(metric, task, (truth,), (None,), (units,)) for units in (None, np.arange(80) // 8))
    one, other = (measure.widths(METRICS[metric].best, 0.0) for measure in (rows, groups))
    assert max(other.below, other.above) >= wilson(1.0, 10.0).below - 1e-12 > max(one.below, one.above) * 0.9


def test_groups_of_one_row_are_rows() -> None:
    truth = np.eye(2)[np.arange(30) % 2]
    rows, groups = (
        Measure("accuracy", Task.MULTICLASS, (truth,), (None,), (units,)) for units in (None, np.arange(30))
    )
    assert groups.widths(0.8, 0.07) == rows.widths(0.8, 0.07)


def test_another_period_may_be_as_far_as_these_are_apart() -> None:
    truth = np.ones((10, 1))
    rights = (5, 7, 9)
    answers = [np.array([[1.0]] * right + [[0.0]] * (10 - right)) for right in rights]
    shared = ("accuracy", Task.BINARY, (truth,) * 3, (None,) * 3, (np.arange(10) // 2,) * 3)
    found = Measure(*shared, ordered=True).period_widths([answers, None])
    assert found.below == found.above == pytest.approx(stats.t.ppf(0.975, 2) * 0.2 * (4 / 3) ** 0.5)
    assert Measure(*shared).period_widths([answers]).below == 0.0
    one = Measure("accuracy", Task.BINARY, (truth,), (None,), (np.arange(10) // 2,), ordered=True)
    assert one.period_widths([answers[:1]]).below == 0.0
