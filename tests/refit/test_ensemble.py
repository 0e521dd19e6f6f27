"""Averages, their jackknife, the greedy mixture, what is fitted across folds, and the temperature."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.refit.cross_fitting import cross_fit
from tuner.refit.ensemble_selection import greedy_shares
from tuner.refit.score_uncertainty import Answers, Measure
from tuner.refit.seed_ensemble import average, estimate_ensemble
from tuner.refit.temperature import calibrate, fit_temperature

ROWS = 300


def values(seed: int = 0) -> tuple[Measure, np.ndarray]:
    truth = np.random.default_rng(seed).normal(size=(ROWS, 1))
    return Measure("mean_squared_error", Task.REGRESSION, (truth,), (None,)), truth


def noisy(truth: np.ndarray, seed: int, noise: float = 1.0) -> Answers:
    return [truth + noise * np.random.default_rng(seed).normal(size=truth.shape)]


def shares_of(scale: float, classes: int = 3) -> tuple[Measure, Answers]:
    """Classes drawn from probabilities, and answers whose logits are `scale` times the right ones."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(2_000, classes)) * 1.5
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.eye(classes)[[random.choice(classes, p=row) for row in right]]
    given = np.exp(scale * logits)
    task = Task.MULTICLASS
    return Measure("log_loss", task, (truth,), (None,)), [given / given.sum(axis=1, keepdims=True)]


def test_an_average_is_weighted():
    parts = [[np.array([[1.0]]), np.array([[2.0]])], [np.array([[3.0]]), np.array([[6.0]])]]
    assert [part.item() for part in average(parts)] == [2.0, 4.0]
    assert [part.item() for part in average(parts, [0.75, 0.25])] == [1.5, 3.0]


def test_the_jackknife_is_that_of_the_mean_where_the_score_is_one():
    """Of a score that is linear in the answers, its values are those of the seeds."""
    measure, truth = values()
    measure = replace(measure, metric="mean_absolute_error")
    trainings = [[truth + 1.0 + 0.1 * seed] for seed in range(5)]  # all on one side: |mean| is the mean
    found = estimate_ensemble(lambda seeds: average([trainings[seed] for seed in seeds]), range(5), measure)
    assert found is not None
    assert found.score == pytest.approx(1.2)
    assert found.values == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4])
    assert found.bound == pytest.approx(1.2 + 2.1318 * np.std(found.values, ddof=1) / math.sqrt(5), rel=1e-4)
    assert found.interval is not None
    assert found.interval.low < 1.2 < found.interval.high


def test_an_ensemble_of_one_has_no_interval():
    measure, truth = values()
    found = estimate_ensemble(lambda seeds: noisy(truth, 1), [0], measure)
    assert found is not None
    assert (found.interval, found.bound) == (None, None)
    assert estimate_ensemble(lambda seeds: [np.full_like(truth, np.nan)], [0, 1], measure) is None


def test_the_mixture_takes_what_helps():
    measure, truth = values()
    good, other, bad = noisy(truth, 1), noisy(truth, 2), noisy(truth, 3, 20.0)
    shares = greedy_shares([good, other, bad], measure)
    assert sum(shares) == pytest.approx(1.0)
    assert shares[2] == 0.0
    assert shares[0] == pytest.approx(0.5, abs=0.15)
    assert measure.score(average([good, other, bad], shares)) < measure.score(good)
    assert greedy_shares([good, good], measure) == (1.0, 0.0), "of equals the first one alone"


def test_each_row_is_answered_by_what_was_fitted_without_it():
    measure, truth = values()
    seen: list[set[int]] = []

    def fit(some: Measure, rows: list[np.ndarray]) -> int:
        assert len(some.truths[0]) == len(rows[0])
        seen.append(set(rows[0].tolist()))
        return len(seen) - 1

    crossed = cross_fit(measure, fit)
    fold_of = crossed.answers([truth], lambda parts, number: [np.full((len(part), 1), number) for part in parts])[0]
    assert all(row not in seen[int(fold)] for row, fold in enumerate(fold_of[:, 0]))
    assert len(seen) == len(np.unique(fold_of)) == 5


def test_rows_of_one_unit_are_in_one_fold():
    units = np.repeat(np.arange(40), 5)
    measure = Measure("mean_squared_error", Task.REGRESSION, (np.zeros((200, 1)),), (None,), (units,))
    folds = measure.row_folds(5)
    assert sorted(np.concatenate([fold[0] for fold in folds]).tolist()) == list(range(200))
    assert all(
        len(set(units[fold[0]].tolist()) & set(units[other[0]].tolist())) == 0 or fold is other
        for fold in folds
        for other in folds
    )
    assert measure.subset([np.arange(10)]).independent == 2


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_temperature_takes_back_what_was_too_sure(scale):
    measure, answers = shares_of(scale)
    found = fit_temperature(answers, measure)
    assert found == pytest.approx(scale, rel=0.1)
    better = calibrate(answers, found, measure.task)
    assert measure.score(better) < measure.score(answers)
    assert (better[0].argmax(axis=1) == answers[0].argmax(axis=1)).all()
    assert better[0].sum(axis=1) == pytest.approx(1.0)


def test_labels_and_binary_answers_are_calibrated_alone():
    scores = np.array([[0.9, 0.5], [0.1, 1.0]])
    found = calibrate([scores], 2.0, Task.MULTILABEL)[0]
    assert found[0] == pytest.approx([0.75, 0.5])
    assert found[1, 0] == pytest.approx(0.25)
    assert 0.99 < found[1, 1] < 1.0
