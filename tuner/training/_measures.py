"""How each metric is computed; scikit-learn does it, and is imported when it is needed.

Every function takes `(y_true, scores, weight=None, task=None)` as `MetricRow.compute` says and gives a float.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tuner.training.task import Task

Compute: TypeAlias = Callable[..., float]
_Inner: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray | None, Task], float]

_SMALLEST = np.finfo(np.float64).eps


def _measure(inner: _Inner) -> Compute:
    """`inner` over float64 arrays of two axes; NaN where a score is not finite."""

    @functools.wraps(inner)
    def compute(y_true: Any, scores: Any, weight: Any = None, task: Task | None = None) -> float:
        truth, given = _columns(y_true), _columns(scores)
        if truth.shape != given.shape:
            raise ValueError(f"targets and scores must have the same shape, but got {truth.shape} and {given.shape}")
        if not np.isfinite(given).all():
            return float("nan")
        rows = None if weight is None else np.asarray(weight, dtype=np.float64).reshape(-1)
        return float(inner(truth, given, rows, _task_of(truth) if task is None else task))

    return compute


def _columns(values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _task_of(truth: np.ndarray) -> Task:
    """Which classification has such targets; used only where the caller does not say."""
    if truth.shape[1] == 1:
        return Task.BINARY
    return Task.MULTICLASS if np.all(truth.sum(axis=1) == 1.0) else Task.MULTILABEL


def _decided(truth: np.ndarray, scores: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answer as integers: `(n,)` for one answer a row, `(n, labels)` for several."""
    if task is Task.MULTICLASS:
        return truth.argmax(axis=1), scores.argmax(axis=1)
    right, answer = truth > 0.5, scores > 0.5
    if task is Task.BINARY:
        right, answer = right[:, 0], answer[:, 0]
    return right.astype(np.int64), answer.astype(np.int64)


def _averaging(truth: np.ndarray, task: Task) -> dict[str, Any]:
    """Class 1 for yes-or-no answers, else the mean over the classes of the truth, or over all labels."""
    if task is Task.BINARY:
        return {"average": "binary", "zero_division": 0.0}
    labels = {"labels": np.unique(truth)} if task is Task.MULTICLASS else {}
    return {"average": "macro", "zero_division": 0.0, **labels}


def _mean(values: np.ndarray, weight: np.ndarray | None) -> float:
    return float(np.average(values, weights=weight))


@_measure
def accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    right, answer = _decided(truth, scores, task)
    return _mean((right == answer).reshape(len(truth), -1).mean(axis=1), weight)


@_measure
def exact_match(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    right, answer = _decided(truth, scores, Task.MULTILABEL)
    return _mean((right == answer).all(axis=1).astype(np.float64), weight)


@_measure
def balanced_accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    from sklearn.metrics import recall_score

    right, answer = _decided(truth, scores, task)
    # balanced_accuracy_score is this, with a warning for each class that is answered and not there.
    return recall_score(right, answer, labels=np.unique(right), average="macro", sample_weight=weight)


def _averaged(name: str) -> Compute:
    """The classification metric of scikit-learn by this name, averaged as `_averaging` says."""

    @_measure
    def compute(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
        import sklearn.metrics

        right, answer = _decided(truth, scores, task)
        return getattr(sklearn.metrics, name)(right, answer, sample_weight=weight, **_averaging(right, task))

    return compute


precision, recall, f1 = _averaged("precision_score"), _averaged("recall_score"), _averaged("f1_score")


@_measure
def matthews_correlation(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    from sklearn.metrics import matthews_corrcoef

    right, answer = _decided(truth, scores, task)
    return matthews_corrcoef(right, answer, sample_weight=weight)


def _over_columns(
    score: Callable[..., float], truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None
) -> float:
    """Mean over the columns that hold both a 0 and a 1; NaN where none does."""
    both = [column for column in range(truth.shape[1]) if len(np.unique(truth[:, column])) == 2]
    if not both:
        return float("nan")
    return float(np.mean([score(truth[:, c], scores[:, c], sample_weight=weight) for c in both]))


@_measure
def auc(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    from sklearn.metrics import roc_auc_score

    return _over_columns(roc_auc_score, truth, scores, weight)


@_measure
def average_precision(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    from sklearn.metrics import average_precision_score

    return _over_columns(average_precision_score, truth, scores, weight)


def _top(count: int) -> Compute:
    """Share of rows whose class is among the `count` highest scores, however equal scores are ordered.

    Ties count against the model: one that gives all classes the same score has found none.  (Keras counts them for
    it; scikit-learn lets the order of the classes decide.)
    """

    @_measure
    def top(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
        of_truth = np.take_along_axis(scores, truth.argmax(axis=1)[:, None], axis=1)
        return _mean(((scores >= of_truth).sum(axis=1) <= count).astype(np.float64), weight)  # the truth included

    return top


top_3_accuracy, top_5_accuracy = _top(3), _top(5)


@_measure
def log_loss(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    given = np.clip(scores, _SMALLEST, 1.0 - _SMALLEST)
    if task is Task.MULTICLASS:
        shares = given / given.sum(axis=1, keepdims=True)
        return _mean(-(truth * np.log(shares)).sum(axis=1), weight)
    return _mean(-(truth * np.log(given) + (1.0 - truth) * np.log1p(-given)).mean(axis=1), weight)


@_measure
def brier(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
    if task is Task.MULTICLASS:
        shares = scores / np.maximum(scores.sum(axis=1, keepdims=True), _SMALLEST)
        return _mean(((shares - truth) ** 2).sum(axis=1), weight)
    return _mean(((scores - truth) ** 2).mean(axis=1), weight)


def _of_numbers(name: str) -> Compute:
    """The regression metric of scikit-learn by this name, over all targets alike."""

    @_measure
    def compute(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: Task) -> float:
        import sklearn.metrics

        return getattr(sklearn.metrics, name)(truth, scores, sample_weight=weight)

    return compute


mean_absolute_error = _of_numbers("mean_absolute_error")
mean_squared_error = _of_numbers("mean_squared_error")
root_mean_squared_error = _of_numbers("root_mean_squared_error")
median_absolute_error = _of_numbers("median_absolute_error")
mean_absolute_percentage_error = _of_numbers("mean_absolute_percentage_error")
r2 = _of_numbers("r2_score")
