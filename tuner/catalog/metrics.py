"""The objectives: measured on the whole validation part, the same for every loss.

A decision is `score > 0.5` for one or several labels, arg max for classes.  If a score is not finite, the value is NaN:
the training has diverged.
"""

from __future__ import annotations

import math

from tuner.catalog import numpy_metrics as functions
from tuner.catalog.entries import MetricEntry
from tuner.catalog.task import Task
from tuner.errors import UnknownNameError
from tuner.registry import Registry

_SKLEARN = "https://scikit-learn.org/stable/modules/generated/sklearn.metrics."

_ONE_ANSWER = frozenset({Task.BINARY, Task.MULTICLASS})
_CLASSES = frozenset({Task.BINARY, Task.MULTICLASS, Task.MULTILABEL})
_NUMBERS = frozenset({Task.REGRESSION})

METRICS: Registry[MetricEntry] = Registry(
    "metric",
    MetricEntry(
        "accuracy",
        "maximize",
        "share of correct predictions; with several labels, of correct labels",
        f"{_SKLEARN}accuracy_score.html",
        functions.accuracy,
        _CLASSES,
        default_for=_ONE_ANSWER,
        best=1.0,
        worst=0.0,
        alias=("acc", "binary_accuracy", "categorical_accuracy"),
        proportion=_ONE_ANSWER,
    ),
    MetricEntry(
        "balanced_accuracy",
        "maximize",
        "mean recall over the classes that occur in the rows",
        f"{_SKLEARN}balanced_accuracy_score.html",
        functions.balanced_accuracy,
        _ONE_ANSWER,
        best=1.0,
        worst=0.0,
    ),
    MetricEntry(
        "auc",
        "maximize",
        "area under the ROC curve; one-vs-rest mean over the classes or labels that some rows have and some do not",
        f"{_SKLEARN}roc_auc_score.html",
        functions.auc,
        _CLASSES,
        best=1.0,
        worst=0.0,
        alias=("roc_auc", "auroc"),
    ),
    MetricEntry(
        "average_precision",
        "maximize",
        "area under the precision-recall curve; mean over the classes or labels that some rows have and some do not",
        f"{_SKLEARN}average_precision_score.html",
        functions.average_precision,
        _CLASSES,
        best=1.0,
        worst=0.0,
        alias=("ap", "pr_auc", "auprc"),
    ),
    MetricEntry(
        "f1",
        "maximize",
        "harmonic mean of precision and recall: of class 1, or the mean over classes or labels (macro)",
        f"{_SKLEARN}f1_score.html",
        functions.f1,
        _CLASSES,
        default_for=frozenset({Task.MULTILABEL}),
        best=1.0,
        worst=0.0,
        alias=("f1_score", "f1_macro"),
    ),
    MetricEntry(
        "precision",
        "maximize",
        "share of the positive predictions that are correct: of class 1, or the mean over classes or labels",
        f"{_SKLEARN}precision_score.html",
        functions.precision,
        _CLASSES,
        best=1.0,
        worst=0.0,
    ),
    MetricEntry(
        "recall",
        "maximize",
        "share of the positives that are found: of class 1, or the mean over classes or labels",
        f"{_SKLEARN}recall_score.html",
        functions.recall,
        _CLASSES,
        best=1.0,
        worst=0.0,
    ),
    MetricEntry(
        "matthews_correlation",
        "maximize",
        "correlation of prediction and truth; fair to rare classes",
        f"{_SKLEARN}matthews_corrcoef.html",
        functions.matthews_correlation,
        _ONE_ANSWER,
        best=1.0,
        worst=-1.0,
        alias=("mcc", "matthews_corrcoef"),
    ),
    MetricEntry(
        "top_3_accuracy",
        "maximize",
        "share of rows whose class is among the three with the highest scores; ties count against it",
        f"{_SKLEARN}top_k_accuracy_score.html",
        functions.top_3_accuracy,
        frozenset({Task.MULTICLASS}),
        best=1.0,
        worst=0.0,
        proportion=frozenset({Task.MULTICLASS}),
    ),
    MetricEntry(
        "top_5_accuracy",
        "maximize",
        "share of rows whose class is among the five with the highest scores; ties count against it",
        f"{_SKLEARN}top_k_accuracy_score.html",
        functions.top_5_accuracy,
        frozenset({Task.MULTICLASS}),
        best=1.0,
        worst=0.0,
        proportion=frozenset({Task.MULTICLASS}),
    ),
    MetricEntry(
        "exact_match",
        "maximize",
        "share of rows with every label correct",
        f"{_SKLEARN}accuracy_score.html (multilabel)",
        functions.exact_match,
        frozenset({Task.MULTILABEL}),
        best=1.0,
        worst=0.0,
        alias=("subset_accuracy",),
        proportion=frozenset({Task.MULTILABEL}),
    ),
    MetricEntry(
        "log_loss",
        "minimize",
        "mean negative logarithm of the probability of the truth, in nats",
        f"{_SKLEARN}log_loss.html",
        functions.log_loss,
        _CLASSES,
        alias=("logloss", "cross_entropy", "crossentropy"),
    ),
    MetricEntry(
        "brier",
        "minimize",
        "mean squared error of the probabilities; for classes, summed over them",
        f"{_SKLEARN}brier_score_loss.html",
        functions.brier,
        _CLASSES,
        worst=2.0,
        alias=("brier_score", "brier_score_loss"),
    ),
    MetricEntry(
        "mean_absolute_error",
        "minimize",
        "mean |error|, in the unit of the target",
        f"{_SKLEARN}mean_absolute_error.html",
        functions.mean_absolute_error,
        _NUMBERS,
        default_for=_NUMBERS,
        alias=("mae",),
        absolute=True,
    ),
    MetricEntry(
        "mean_squared_error",
        "minimize",
        "mean error², in the squared unit of the target",
        f"{_SKLEARN}mean_squared_error.html",
        functions.mean_squared_error,
        _NUMBERS,
        alias=("mse",),
    ),
    MetricEntry(
        "root_mean_squared_error",
        "minimize",
        "root of the mean error², in the unit of the target; mean over the targets",
        f"{_SKLEARN}root_mean_squared_error.html",
        functions.root_mean_squared_error,
        _NUMBERS,
        alias=("rmse",),
    ),
    MetricEntry(
        "r2",
        "maximize",
        "share of the variance explained; 0 is no better than predicting the mean",
        f"{_SKLEARN}r2_score.html",
        functions.r2,
        _NUMBERS,
        best=1.0,
        worst=-math.inf,
        alias=("r2_score", "r_squared"),
    ),
    MetricEntry(
        "median_absolute_error",
        "minimize",
        "median |error|, in the unit of the target",
        f"{_SKLEARN}median_absolute_error.html",
        functions.median_absolute_error,
        _NUMBERS,
        alias=("medae",),
        absolute=True,
    ),
    MetricEntry(
        "mean_absolute_percentage_error",
        "minimize",
        "mean |error / target|, 1 is 100 %; meaningless near a target of 0",
        f"{_SKLEARN}mean_absolute_percentage_error.html",
        functions.mean_absolute_percentage_error,
        _NUMBERS,
        alias=("mape",),
        relative=True,
        absolute=True,
    ),
)

_BY_ALIAS = {alias: row for row in METRICS.values() for alias in row.alias}


def find_metric(name: str) -> MetricEntry:
    """Return the metric with this name or alias ("mae").

    Raises:
        UnknownNameError: No metric has this name; "loss" and "val_loss" are not metrics.
    """
    if name in METRICS:
        return METRICS[name]
    if isinstance(name, str) and name in _BY_ALIAS:
        return _BY_ALIAS[name]
    raise UnknownNameError("metric", name, METRICS)
