"""The objectives in NumPy, each with the definition of scikit-learn, which the tests compare them with.

Each function takes `(truth, scores, weight, task)`: float64 `(n, k)` as `tuner.catalog.Task` says, weight `(n,)` or
None.  `MetricEntry.compute` checks the arguments first.  The exporter copies what a script needs; the names are those
of the metrics.
"""

from __future__ import annotations

import numpy as np

SMALLEST = np.finfo(np.float64).eps


def softmax(margins: np.ndarray) -> np.ndarray:
    """Convert margins to shares, in the same order."""
    powers = np.exp(margins - margins.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def decided(truth: np.ndarray, scores: np.ndarray, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and answer as integer labels (n,), or as a matrix of labels (n, k)."""
    if task == "multiclass":
        return truth.argmax(axis=1), scores.argmax(axis=1)
    right, answer = (truth > 0.5).astype(int), (scores > 0.5).astype(int)
    return (right[:, 0], answer[:, 0]) if task == "binary" else (right, answer)


def mean(values: np.ndarray, weight: np.ndarray | None) -> float:
    """Compute the weighted mean of the rows."""
    return float(np.average(values, weights=weight))


def accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of right answers."""
    right, answer = decided(truth, scores, task)
    return mean((right == answer).reshape(len(truth), -1).mean(axis=1), weight)


def exact_match(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of rows with every label right."""
    return mean(((truth > 0.5) == (scores > 0.5)).all(axis=1).astype(np.float64), weight)


def counts(
    right: np.ndarray, answer: np.ndarray, weight: np.ndarray | None, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted counts of each class or label: found rightly, answered, there."""
    rows = np.ones(len(right)) if weight is None else weight
    if labels is not None:
        right, answer = right[:, None] == labels, answer[:, None] == labels
    right, answer = right.astype(bool).reshape(len(rows), -1), answer.astype(bool).reshape(len(rows), -1)
    return rows @ (right & answer), rows @ answer, rows @ right


def shares(found: np.ndarray, of: np.ndarray) -> float:
    """Mean of the quotients, 0 where there is nothing."""
    return float(np.mean(np.divide(found, of, out=np.zeros(len(found)), where=of > 0)))


def averaged(right: np.ndarray, answer: np.ndarray, task: str) -> np.ndarray | None:
    """Return the classes to average over: those that occur as truth or answer; None if columns are the labels."""
    return np.unique(np.concatenate([right, answer])) if task == "multiclass" else None


def balanced_accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Mean over the classes of the share found of each."""
    right, answer = decided(truth, scores, task)
    found, _, there = counts(right, answer, weight, np.unique(right))
    return float(np.mean(found[there > 0] / there[there > 0]))


def precision(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of the answers that are right."""
    right, answer = decided(truth, scores, task)
    found, answered, _ = counts(right, answer, weight, averaged(right, answer, task))
    return shares(found, answered)


def recall(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of what is there that is found."""
    right, answer = decided(truth, scores, task)
    found, _, there = counts(right, answer, weight, averaged(right, answer, task))
    return shares(found, there)


def f1(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Harmonic mean of precision and recall."""
    right, answer = decided(truth, scores, task)
    found, answered, there = counts(right, answer, weight, averaged(right, answer, task))
    return shares(2.0 * found, answered + there)


def matthews_correlation(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Correlation of answer and truth (Gorodkin 2004)."""
    right, answer = decided(truth, scores, task)
    found, answered, there = counts(right, answer, weight, averaged(right, answer, "multiclass"))
    rows = there.sum()
    spread = (rows**2 - answered @ answered) * (rows**2 - there @ there)
    return float((found.sum() * rows - answered @ there) / np.sqrt(spread)) if spread > 0 else 0.0


def ranking(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the positives and of the negatives above each different score, highest score first."""
    rows = np.ones(len(truth)) if weight is None else weight
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    return np.cumsum(rows[order] * truth[order])[last], np.cumsum(rows[order] * (1.0 - truth[order]))[last]


def area(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
    """Area under the ROC curve of one label."""
    true, false = (np.append(0.0, side) / side[-1] for side in ranking(truth, scores, weight))
    return float((np.diff(false) * (true[1:] + true[:-1]) / 2.0).sum())


def measurable(truth: np.ndarray, weight: np.ndarray | None) -> list[int]:
    """Return the columns that hold both a 0 and a 1 in rows with a weight."""
    some = truth if weight is None else truth[weight > 0]
    return [column for column in range(truth.shape[1]) if len(np.unique(some[:, column])) == 2]


def auc(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Area under the ROC curve, mean over the columns."""
    columns = measurable(truth, weight)
    return float(np.mean([area(truth[:, c], scores[:, c], weight) for c in columns])) if columns else float("nan")


def average_precision(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Area under the precision-recall curve, mean over the columns."""
    found = []
    for column in measurable(truth, weight):
        true, false = ranking(truth[:, column], scores[:, column], weight)
        share = np.divide(true, true + false, out=np.zeros(len(true)), where=true + false > 0)
        found.append(float((np.diff(np.append(0.0, true / true[-1])) * share).sum()))
    return float(np.mean(found)) if found else float("nan")


def among_top(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, count: int) -> float:
    """Share of rows whose class is among the `count` with the highest scores; ties count against the model."""
    of_truth = np.take_along_axis(scores, truth.argmax(axis=1)[:, None], axis=1)
    return mean(((scores >= of_truth).sum(axis=1) <= count).astype(np.float64), weight)


def top_3_accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of rows whose class is among the three with the highest scores."""
    return among_top(truth, scores, weight, 3)


def top_5_accuracy(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of rows whose class is among the five with the highest scores."""
    return among_top(truth, scores, weight, 5)


def log_loss(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Mean negative logarithm of the probability of the truth."""
    given = np.clip(scores, SMALLEST, 1.0 - SMALLEST)
    if task == "multiclass":
        given = given / given.sum(axis=1, keepdims=True)
        return mean(-(truth * np.log(given)).sum(axis=1), weight)
    return mean(-(truth * np.log(given) + (1.0 - truth) * np.log1p(-given)).mean(axis=1), weight)


def brier(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Mean squared error of the probabilities; for classes, summed over them."""
    if task == "multiclass":
        given = scores / np.maximum(scores.sum(axis=1, keepdims=True), SMALLEST)
        return mean(((given - truth) ** 2).sum(axis=1), weight)
    return mean(((scores - truth) ** 2).mean(axis=1), weight)


def mean_absolute_error(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Mean |error|."""
    return mean(np.abs(scores - truth).mean(axis=1), weight)


def mean_squared_error(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Mean error²."""
    return mean(((scores - truth) ** 2).mean(axis=1), weight)


def root_mean_squared_error(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Root of the mean error² of each target, mean over the targets."""
    return float(np.sqrt(np.average((scores - truth) ** 2, axis=0, weights=weight)).mean())


def mean_absolute_percentage_error(
    truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str
) -> float:
    """Mean |error / target|."""
    return mean((np.abs(scores - truth) / np.maximum(np.abs(truth), SMALLEST)).mean(axis=1), weight)


def median(values: np.ndarray, weight: np.ndarray) -> float:
    """Weighted median of one column: the mean of the two middle values where the weight falls between them."""
    order = np.argsort(values, kind="stable")
    order = order[weight[order] > 0]
    above = np.cumsum(weight[order])
    middle = int(np.searchsorted(above, above[-1] / 2.0))
    both = [middle, middle + 1] if above[middle] == above[-1] / 2.0 else [middle]
    return float(values[order][both].mean())


def median_absolute_error(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Median |error| of each target, mean over the targets."""
    rows = np.ones(len(truth)) if weight is None else weight
    return float(np.mean([median(errors, rows) for errors in np.abs(scores - truth).T]))


def r2(truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
    """Share of the variance explained, mean over the targets."""
    rows = np.ones(len(truth)) if weight is None else weight
    error = rows @ (scores - truth) ** 2
    spread = rows @ (truth - np.average(truth, axis=0, weights=rows)) ** 2
    quotient = np.divide(error, spread, out=np.where(error > 0, 1.0, 0.0), where=spread > 0)
    return float(np.mean(1.0 - quotient))
