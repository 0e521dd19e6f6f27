"""Each metric against scikit-learn or a value worked out by hand.  No Keras here."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from tuner.catalog import METRICS, Task, find_metric
from tuner.errors import UnknownNameError

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


def by_column(function, truth: np.ndarray, given: np.ndarray, weight) -> list[float]:
    return [function(truth[:, c], given[:, c], sample_weight=weight) for c in range(truth.shape[1])]


def over_both(function, truth: np.ndarray, given: np.ndarray, weight) -> float:
    """The mean of what can be measured: columns with a 0 and a 1 in rows that weigh something."""
    some = truth if weight is None else truth[weight > 0]
    found = np.array(by_column(function, truth, given, weight))[[len(set(column)) == 2 for column in some.T]]
    return float(found.mean()) if len(found) else math.nan


def scikit_learn(name: str, task: Task, y: np.ndarray, s: np.ndarray, weight) -> float:
    """The metric as scikit-learn has it; it warns of classes that are not there."""
    several = task is Task.MULTICLASS
    truth = y.argmax(axis=1) if several else (y > 0.5).astype(int)
    answer = s.argmax(axis=1) if several else (s > 0.5).astype(int)
    if task is Task.BINARY:
        truth, answer = truth[:, 0], answer[:, 0]
    match name:
        case "accuracy" if task is Task.MULTILABEL:
            return float(np.mean(by_column(sk.accuracy_score, truth, answer, weight)))
        case "accuracy" | "exact_match":
            return sk.accuracy_score(truth, answer, sample_weight=weight)
        case "precision" | "recall" | "f1":
            average = "binary" if task is Task.BINARY else "macro"
            function = getattr(sk, f"{name}_score")
            return function(truth, answer, average=average, zero_division=0.0, sample_weight=weight)
        case "balanced_accuracy" | "matthews_correlation":
            function = sk.balanced_accuracy_score if name == "balanced_accuracy" else sk.matthews_corrcoef
            return function(truth, answer, sample_weight=weight)
        case "auc" | "average_precision":
            return over_both(sk.roc_auc_score if name == "auc" else sk.average_precision_score, y, s, weight)
        case "top_3_accuracy" | "top_5_accuracy":
            better = (s >= s[np.arange(len(s)), truth][:, None]).sum(axis=1)  # ties count against the model
            return float(np.average(better <= int(name[4]), weights=weight))
        case "log_loss" if task is Task.MULTILABEL:
            labels = [0, 1]
            return float(np.mean(by_column(functools.partial(sk.log_loss, labels=labels), y, s, weight)))
        case "log_loss":
            labels = range(s.shape[1]) if several else [0, 1]
            return sk.log_loss(truth, s if several else s[:, 0], sample_weight=weight, labels=list(labels))
        case "brier" if several:
            return float(np.average(((s - y) ** 2).sum(axis=1), weights=weight))
        case "brier":
            brier = functools.partial(sk.brier_score_loss, pos_label=1.0, labels=[0.0, 1.0])
            return float(np.mean(by_column(brier, y, s, weight)))
        case _:
            return getattr(sk, "r2_score" if name == "r2" else name)(y, s, sample_weight=weight)


CASES = [(row.name, task) for row in METRICS.values() for task in sorted(row.tasks)]


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_a_metric_is_that_of_scikit_learn(name: str, task: Task, weight) -> None:
    found = METRICS[name].compute(*DATA[task], weight, task)
    assert isinstance(found, float)
    assert found == pytest.approx(scikit_learn(name, task, *DATA[task], weight), rel=1e-9)


@st.composite
def parts(draw: st.DrawFn, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Few rows, so that classes lack, with ties in the scores, and weights of which some are 0."""
    rows, width = draw(st.integers(2, 12)), draw(st.integers(2, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if task is Task.REGRESSION:
        y = random.integers(-2, 3, (rows, width)).astype(float)
        s = y + random.integers(-1, 2, (rows, width))
    elif task is Task.MULTICLASS:
        y = np.eye(width)[random.choice(random.permutation(width)[: draw(st.integers(1, width))], rows)]
        s = random.multinomial(8, np.full(width, 1 / width), rows) / 8
    else:
        width = 1 if task is Task.BINARY else width
        y = (random.random((rows, width)) < random.choice([0.0, 0.2, 0.6, 1.0], width)).astype(float)
        s = random.integers(0, 9, (rows, width)) / 8
    weight = random.choice([0.0, 0.5, 1.0, 3.0], rows) if draw(st.booleans()) else None
    return y, s, weight


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning:sklearn")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_with_classes_that_lack_ties_and_weights_too(name: str, task: Task, data: st.DataObject) -> None:
    y, s, weight = data.draw(parts(task))
    found = METRICS[name].compute(y, s, weight, task)
    if weight is not None and not weight.any():
        assert math.isnan(found)
        return
    assert found == pytest.approx(scikit_learn(name, task, y, s, weight), rel=1e-9, abs=1e-12, nan_ok=True)
    row = METRICS[name]
    low, high = sorted((row.best, row.worst if row.direction == "maximize" or row.worst == 2.0 else math.inf))
    assert math.isnan(found) or low - 1e-12 <= found <= high + 1e-12


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


def test_a_class_that_is_answered_and_not_there_counts_as_nothing_found() -> None:
    y, s = np.eye(4)[[0, 0, 1]], np.eye(4)[[0, 2, 1]]  # class 2 is answered only, class 3 is nowhere
    assert METRICS["f1"].compute(y, s, None, Task.MULTICLASS) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert METRICS["recall"].compute(y, s, None, Task.MULTICLASS) == pytest.approx((0.5 + 1 + 0) / 3)
    assert METRICS["precision"].compute(y, s, None, Task.MULTICLASS) == pytest.approx((1 + 1 + 0) / 3)
    assert METRICS["balanced_accuracy"].compute(y, s, None, Task.MULTICLASS) == pytest.approx(0.75)
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
