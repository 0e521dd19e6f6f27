"""Objectives on samples of the rows, and constant answers."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from tuner.catalog import METRICS, Choice, ModelChoice, Recipe, Task
from tuner.catalog.entries import MetricEntry
from tuner.catalog.user_metric import UserMetric
from tuner.data import Split, Subset
from tuner.errors import ContentError
from tuner.refit.baseline import best_constant, constants
from tuner.refit.intervals import wilson
from tuner.refit.score_uncertainty import DRAWS, Measure, standard_error, to_answers
from tuner.refit.selection import p_above
from tuner.user_code import Reference

CASES = [(name, task) for name, row in METRICS.items() for task in sorted(row.tasks)]


def truth_of(task: Task, rows: int = 80) -> np.ndarray:
    random = np.random.default_rng(1)
    if task is Task.REGRESSION:
        return random.normal(50.0, 10.0, (rows, 2))
    if task is Task.MULTICLASS:
        return np.eye(6)[random.choice(6, rows, p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1])]
    return (random.random((rows, 1 if task is Task.BINARY else 3)) < 0.4).astype(float)


def split_of(task: Task, center: float = 0.0, scale: float = 1.0) -> Split:
    truth = truth_of(task)
    train, validation = (Subset(np.zeros((40, 1)), (part - center) / scale) for part in (truth[:40], truth[40:]))
    return Split(train, validation, np.full(truth.shape[1], center), np.full(truth.shape[1], scale))


def measure_of(metric: str, task: Task, weight: np.ndarray | None = None) -> Measure:
    split = split_of(task)
    return Measure(metric, task, (split.validation.y,), (weight,))


@pytest.mark.parametrize(("metric", "task"), CASES)
def test_every_objective_has_constants_and_samples(metric, task):
    measure, split = measure_of(metric, task), split_of(task)
    classes = tuple("abcdef")[: split.train.y.shape[1]] if task is not Task.BINARY else ("no", "yes")
    found = best_constant(measure, (split,), classes)
    values = [measure.score(one.answers(measure)) for one in constants((split,), task, classes)]
    best = max(values) if measure.objective.maximize else min(values)
    assert measure.score(found.answers(measure)) == pytest.approx(best)
    perfect = [split.validation.y]
    low, high = measure.limits
    assert low <= measure.score(perfect) <= high
    if metric != "recall":  # whoever always says yes finds all: by recall alone there is no winner
        assert measure.score(perfect) != pytest.approx(best), "a right answer is better than any constant one"
    draws = measure.draws([perfect, found.answers(measure)])
    assert draws.shape == (DRAWS, 2)
    assert np.isfinite(draws).mean() > 0.9


def test_constants_have_names_for_people():
    split = split_of(Task.BINARY)
    assert [one.name for one in constants((split,), Task.BINARY, ("benign", "malignant"))] == [
        'always "benign"',
        'always "malignant"',
        "the share of each class in the training part",
    ]
    regression = split_of(Task.REGRESSION, center=50.0, scale=10.0)
    mean, median = constants((regression,), Task.REGRESSION, ())
    expected = truth_of(Task.REGRESSION)[:40]
    assert mean.values[0] == pytest.approx(expected.mean(axis=0))
    assert median.values[0] == pytest.approx(np.median(expected, axis=0))


def test_the_error_of_a_mean_is_what_statistics_says():
    random = np.random.default_rng(0)
    truth = random.normal(size=(400, 1))
    answers = [truth + random.normal(size=(400, 1))]
    measure = Measure("mean_absolute_error", Task.REGRESSION, (truth,), (None,))
    errors = np.abs(answers[0] - truth)
    found = standard_error(measure.draws([answers])[:, 0])
    assert found == pytest.approx(errors.std(ddof=1) / 20, rel=0.15)
    half = measure.widths(1.0, found, rows=100)
    assert half.below == pytest.approx(2 * measure.widths(1.0, found).below)


def test_many_rows_are_drawn_in_smaller_samples():
    random = np.random.default_rng(0)
    truth = random.normal(size=(20_000, 1))
    answers = [truth + random.normal(size=(20_000, 1))]
    measure = Measure("mean_absolute_error", Task.REGRESSION, (truth,), (None,))
    draws = measure.draws([answers])[:, 0]
    assert standard_error(draws) == pytest.approx(np.abs(answers[0] - truth).std() / 20_000**0.5, rel=0.15)
    assert draws.mean() == pytest.approx(measure.score(answers), abs=0.005)


def test_a_proportion_without_errors_is_not_certain():
    measure = measure_of("accuracy", Task.MULTICLASS)
    assert measure.widths(1.0, 0.0).below == pytest.approx(1 - 40 / (40 + 3.8415), rel=1e-3)
    weighted = measure_of("accuracy", Task.MULTICLASS, np.r_[np.full(20, 3.0), np.full(20, 1.0)])
    assert weighted.widths(1.0, 0.0).below > measure.widths(1.0, 0.0).below, "uneven weights say less"


BOUNDED = [case for case in CASES if np.isfinite(METRICS[case[0]].worst)]


@pytest.mark.parametrize(("metric", "task"), BOUNDED)
@pytest.mark.parametrize("folds", [1, 2])
def test_answers_that_are_all_right_are_no_surer_than_their_accuracy(metric, task, folds):
    truth = truth_of(task, 69)
    weights = np.random.default_rng(2).choice([0.5, 1.0, 2.0], 69)
    for weight in (None, weights):
        measure = Measure(metric, task, (truth,) * folds, (weight,) * folds)
        best, answers = METRICS[metric].best, [truth] * folds
        assert measure.score(answers) == pytest.approx(best, abs=1e-12)
        error = standard_error(measure.draws([answers])[:, 0]) if measure.objective.maximize else 0.0
        widths = measure.widths(best, error)
        count = folds * (69 if weight is None else weights.sum() ** 2 / np.square(weights).sum())
        towards, away = (widths.below, widths.above) if measure.objective.maximize else (widths.above, widths.below)
        assert wilson(1.0, count).below - 1e-12 <= towards < 0.9
        assert away == pytest.approx(0.0, abs=1e-9)
        fewer = measure.widths(best, error, rows=30)
        assert max(fewer.below, fewer.above) > towards, "fewer rows say less"


@pytest.mark.parametrize(("metric", "task"), [("log_loss", Task.MULTICLASS), ("r2", Task.REGRESSION)])
def test_a_loss_allows_for_rows_that_are_answered_at_chance(metric, task):
    measure = measure_of(metric, task)
    perfect = measure.score([measure.truths[0]])
    widths = measure.widths(perfect, 0.0)
    worse, better = (widths.below, widths.above) if measure.objective.maximize else (widths.above, widths.below)
    chance = measure.score([np.tile(measure.truths[0].mean(axis=0), (40, 1))])
    assert worse == pytest.approx(abs(chance - perfect) * 3.8415 / (40 + 3.8415), rel=1e-3)
    assert better == 0.0
    fewer = measure.widths(perfect, 0.0, rows=10)
    assert max(fewer.below, fewer.above) == pytest.approx(abs(chance - perfect) * 3.8415 / (10 + 3.8415), rel=1e-3)
    assert measure.widths(chance, 0.5).above == pytest.approx(0.98, rel=1e-3)


def test_a_metric_of_yours_that_fails_on_constant_answers_widens_nothing():
    def correlation(truth, answers):
        return statistics.correlation(truth[:, 0].tolist(), answers[:, 0].tolist())

    metric = UserMetric(Reference.parse("own.py:correlation", "metric"), lambda: correlation, False, None)
    row = MetricEntry("own.py:correlation", "maximize", "", "", metric, best=np.inf, worst=-np.inf)
    METRICS.add_user_row(row)
    split = split_of(Task.REGRESSION)
    measure = Measure(row.name, Task.REGRESSION, (split.validation.y,), (None,))
    assert measure.widths(0.5, 0.01).below == pytest.approx(1.96 * 0.01, rel=1e-3)
    constant = best_constant(measure, (split,), ())
    answers = constant.answers(measure)
    assert np.isnan(measure.score_if_defined(answers))
    assert np.isnan(p_above([0.5, 0.6], np.array([[0.5, 0.6]] * DRAWS), answers, measure))
    with pytest.raises(ContentError, match="at least one of the inputs is constant"):
        measure.score(answers)


def test_what_a_rare_class_says_is_less_sure():
    even, rare = np.eye(2)[np.arange(60) % 2], np.eye(2)[(np.arange(60) < 3).astype(int)]
    widths = [Measure("balanced_accuracy", Task.MULTICLASS, (y,), (None,)).widths(1.0, 0.0).below for y in (even, rare)]
    assert widths[1] == pytest.approx(0.5 * (1 - 3 / (3 + 3.8415)), rel=1e-3)
    assert widths[0] < 0.1 < widths[1]


def test_a_share_computed_otherwise_is_as_sure():
    """The accuracy of labels is no share of rows, but of one label it is the same number."""
    truth = (np.arange(69) % 3 == 0).astype(float)[:, None]
    one, other = (Measure("accuracy", task, (truth,), (None,)) for task in (Task.BINARY, Task.MULTILABEL))
    assert other.widths(1.0, 0.0).below == pytest.approx(one.widths(1.0, 0.0).below)
    assert other.widths(0.0, 0.0).above == pytest.approx(one.widths(0.0, 0.0).above)
    many = Measure("accuracy", Task.MULTILABEL, (np.tile(truth, (500, 1)),), (None,))
    assert many.widths(0.9, 0.01).below == pytest.approx(1.96 * 0.01, rel=1e-3), "samples that vary say it themselves"


def test_folds_are_averaged_and_drawn_apart():
    one, other = np.eye(2)[[0, 1, 0, 1]], np.eye(2)[[1, 1, 1, 1]]
    measure = Measure("accuracy", Task.MULTICLASS, (one, other), (None, None))
    answers = [np.eye(2)[[0, 1, 0, 1]], np.eye(2)[[0, 0, 0, 0]]]
    assert measure.score(answers) == 0.5
    assert measure.rows == 8
    assert set(measure.draws([answers])[:, 0]) == {0.5}, "rows of one fold do not stand for those of another"


def test_answers_that_are_not_finite_have_no_score():
    measure = measure_of("accuracy", Task.MULTICLASS)
    assert np.isnan(measure.score([np.full((40, 6), np.nan)]))


def test_targets_come_back_into_their_unit():
    split = split_of(Task.REGRESSION, center=50.0, scale=10.0)
    choices = {name: Choice(name=name) for name in ("loss", "optimizer")}
    recipe = Recipe(
        task=Task.REGRESSION,
        model=ModelChoice(reference="models/mlp.py", sha256=""),
        head="linear",
        learning_rate=0.1,
        metric="mean_absolute_error",
        **choices,
    )
    (found,) = to_answers([np.zeros((40, 2))], (split,), recipe)
    assert (found == 50.0).all()
