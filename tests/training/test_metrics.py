"""Each metric against scikit-learn or a value worked out by hand.  No Keras here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from tuner.errors import UnknownNameError
from tuner.training import METRICS, Task, find_metric

RNG = np.random.default_rng(11)
N = 60
CLASS = RNG.integers(0, 4, N)
ONE_HOT = np.eye(4)[CLASS]
SHARES = RNG.dirichlet(np.ones(4), N) * 0.7 + 0.3 * ONE_HOT[RNG.permutation(N)]
BINARY = RNG.integers(0, 2, (N, 1)).astype(float)
CHANCES = RNG.uniform(size=(N, 1))
LABELS = RNG.integers(0, 2, (N, 3)).astype(float)
LABEL_CHANCES = RNG.uniform(size=(N, 3))
NUMBERS = RNG.normal(size=(N, 2)) + 3
PREDICTIONS = NUMBERS + RNG.normal(size=(N, 2))
WEIGHT = RNG.uniform(0.2, 3.0, N)

DATA = {
    Task.BINARY: (BINARY, CHANCES),
    Task.MULTICLASS: (ONE_HOT, SHARES),
    Task.MULTILABEL: (LABELS, LABEL_CHANCES),
    Task.REGRESSION: (NUMBERS, PREDICTIONS),
}
ANSWER = {
    Task.BINARY: (BINARY[:, 0].astype(int), (CHANCES[:, 0] > 0.5).astype(int)),
    Task.MULTICLASS: (CLASS, SHARES.argmax(axis=1)),
    Task.MULTILABEL: (LABELS.astype(int), (LABEL_CHANCES > 0.5).astype(int)),
}


def of_answers(function, task: Task, weight, **options) -> float:
    truth, answer = ANSWER[task]
    return function(truth, answer, sample_weight=weight, **options)


def by_label(function, truth: np.ndarray, given: np.ndarray, weight, **options) -> float:
    columns = range(truth.shape[1])
    return float(np.mean([function(truth[:, c], given[:, c], sample_weight=weight, **options) for c in columns]))


def expected(name: str, task: Task, weight) -> float:
    y, s = DATA[task]
    average = "binary" if task is Task.BINARY else "macro"
    match name:
        case "accuracy" if task is Task.MULTILABEL:
            return by_label(sk.accuracy_score, *ANSWER[task], weight)
        case "accuracy" | "exact_match":
            return of_answers(sk.accuracy_score, task, weight)
        case "balanced_accuracy":
            return of_answers(sk.balanced_accuracy_score, task, weight)
        case "precision" | "recall" | "f1":
            return of_answers(getattr(sk, f"{name}_score"), task, weight, average=average)
        case "matthews_correlation":
            return of_answers(sk.matthews_corrcoef, task, weight)
        case "auc" if task is Task.MULTICLASS:
            return sk.roc_auc_score(CLASS, s / s.sum(1, keepdims=True), multi_class="ovr", sample_weight=weight)
        case "auc":
            return sk.roc_auc_score(y, s, sample_weight=weight)
        case "average_precision":
            return sk.average_precision_score(y, s, sample_weight=weight)
        case "top_3_accuracy" | "top_5_accuracy":
            return sk.top_k_accuracy_score(CLASS, s, k=3, sample_weight=weight) if "3" in name else 1.0
        case "log_loss" if task is Task.MULTILABEL:
            return by_label(sk.log_loss, y, s, weight)
        case "log_loss":
            return sk.log_loss(ANSWER[task][0], s if task is Task.MULTICLASS else s[:, 0], sample_weight=weight)
        case "brier" if task is Task.MULTICLASS:
            return float(np.average(((s - y) ** 2).sum(1), weights=weight))
        case "brier":
            return by_label(sk.brier_score_loss, y, s, weight)
        case "r2":
            return sk.r2_score(y, s, sample_weight=weight)
        case "median_absolute_error" if weight is None:
            return float(np.median(np.abs(y - s), axis=0).mean())
        case _:
            return getattr(sk, name)(y, s, sample_weight=weight)


CASES = [(row.name, task) for row in METRICS.values() for task in sorted(row.tasks)]


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_a_metric_is_that_of_scikit_learn(name: str, task: Task, weight) -> None:
    found = METRICS[name].compute(*DATA[task], weight, task)
    assert isinstance(found, float)
    assert found == pytest.approx(expected(name, task, weight), rel=1e-9)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_perfect_answers_score_the_best_value(name: str, task: Task) -> None:
    y = DATA[task][0]
    assert METRICS[name].compute(y, y, None, task) == pytest.approx(METRICS[name].best, abs=1e-9)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_scores_that_are_not_finite_give_nan(name: str, task: Task) -> None:
    y, s = DATA[task]
    lost = s.copy()
    lost[3, 0] = np.inf
    assert math.isnan(METRICS[name].compute(y, lost, None, task))


@pytest.mark.parametrize("name", ["accuracy", "f1", "auc", "log_loss", "brier"])
def test_without_a_task_it_is_read_off_the_targets(name: str) -> None:
    for task in (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL):
        y, s = DATA[task]
        assert METRICS[name].compute(y, s) == METRICS[name].compute(y, s, None, task)


def test_labels_that_exclude_each_other_by_chance_are_still_labels() -> None:
    y, s = np.eye(3), np.array([[0.9, 0.8, 0.0], [0.0, 0.9, 0.8], [0.8, 0.0, 0.9]])
    assert METRICS["accuracy"].compute(y, s, None, Task.MULTILABEL) == pytest.approx(6 / 9)
    assert METRICS["accuracy"].compute(y, s, None, Task.MULTICLASS) == 1.0


def test_flat_targets_and_scores_are_one_column() -> None:
    assert METRICS["accuracy"].compute([0, 1, 1], [0.2, 0.7, 0.1]) == pytest.approx(2 / 3)


def test_an_answer_of_one_half_is_no() -> None:
    assert METRICS["accuracy"].compute([0.0, 1.0], [0.5, 0.5], None, Task.BINARY) == 0.5


def test_a_class_that_is_not_there_does_not_count() -> None:
    y, s = np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 2, 1]]
    assert METRICS["balanced_accuracy"].compute(y, s, None, Task.MULTICLASS) == pytest.approx(0.75)
    assert METRICS["recall"].compute(y, s, None, Task.MULTICLASS) == pytest.approx(0.75)
    assert METRICS["auc"].compute(y, s, None, Task.MULTICLASS) == pytest.approx((0.75 + 1.0) / 2)


@pytest.mark.parametrize("name", ["top_3_accuracy", "top_5_accuracy"])
@pytest.mark.parametrize("score", [0.0, 1 / 6, 1.0], ids=["all off", "undecided", "all on"])
def test_a_collapsed_model_has_found_no_class(name: str, score: float) -> None:
    assert METRICS[name].compute(np.eye(6), np.full((6, 6), score), None, Task.MULTICLASS) == 0.0


def test_ties_count_against_the_model_only_where_they_decide() -> None:
    scores = np.array(
        [
            [0.9, 0.5, 0.5, 0.5],  # the truth shares places 2 to 4
            [0.9, 0.5, 0.5, 0.1],  # the truth shares places 2 and 3: among the three in any case
            [0.9, 0.5, 0.1, 0.1],
        ]
    )
    truth = np.eye(4)[[1, 1, 1]]
    assert METRICS["top_3_accuracy"].compute(truth, scores, None, Task.MULTICLASS) == pytest.approx(2 / 3)
    assert METRICS["top_5_accuracy"].compute(truth, scores, None, Task.MULTICLASS) == 1.0


def test_an_area_over_one_class_is_not_defined() -> None:
    assert math.isnan(METRICS["auc"].compute([[1.0], [1.0]], [[0.2], [0.3]], None, Task.BINARY))


def test_a_class_never_answered_has_precision_zero_without_a_warning() -> None:
    assert METRICS["precision"].compute([[1.0], [0.0]], [[0.1], [0.2]], None, Task.BINARY) == 0.0


def test_certain_and_wrong_is_a_finite_log_loss() -> None:
    found = METRICS["log_loss"].compute([[1.0]], [[0.0]], None, Task.BINARY)
    assert found == pytest.approx(-math.log(np.finfo(float).eps))


def test_log_loss_and_brier_take_scores_that_do_not_sum_to_one() -> None:
    y, doubled = ONE_HOT, 2.0 * SHARES
    for name in ("log_loss", "brier"):
        clipped = np.minimum(doubled, 1.0)
        shares = clipped / clipped.sum(axis=1, keepdims=True)
        found = METRICS[name].compute(y, clipped, None, Task.MULTICLASS)
        assert found == pytest.approx(METRICS[name].compute(y, shares, None, Task.MULTICLASS), rel=1e-9)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"same shape, but got \(3, 1\) and \(2, 1\)"):
        METRICS["accuracy"].compute([0, 1, 1], [0, 1])


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("rmse", "root_mean_squared_error"),
        ("acc", "accuracy"),
        ("logloss", "log_loss"),
        ("accuracy", "accuracy"),
    ],
)
def test_metrics_are_found_by_what_people_call_them(alias: str, name: str) -> None:
    assert find_metric(alias).name == name


@pytest.mark.parametrize("name", ["loss", "val_loss", "acuracy", None])
def test_what_is_no_metric_is_refused(name) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_metric(name)
    assert caught.value.nearest == ("accuracy" if name == "acuracy" else caught.value.nearest)
    assert "There is no metric" in str(caught.value)
