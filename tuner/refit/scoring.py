"""Scores of several trainings on the same rows, and how they vary with the rows.

Notation: n rows, k outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.catalog import METRICS, Objective, Recipe, Task
from tuner.data import HeldOut, PreparedData, Split, Subset
from tuner.refit.intervals import Z2, ErrorWidths, normal, wilson

DRAWS = 200
"""Bootstrap samples: enough for a standard error (Efron and Tibshirani 1993, An Introduction to the Bootstrap, 6.4)."""

_MOST_DRAWN = 2_000
"""Rows of a part that a sample has: an area under the curve over 20,000 rows and ten classes takes 60 ms, and some
3,000 of them are taken."""

Answers = Sequence[np.ndarray]
"""What one training answers on each measured part: scores or values as a metric takes them, `(n, k)`."""


@dataclass(frozen=True)
class Measure:
    """An objective on some parts: the mean over the parts, which are one, or the k folds.

    Attributes:
        metric: Row of the table of metrics.
        task: Its task.
        truths: Targets of each part, in their own unit, `(n, k)`.
        weights: Weights of the rows of each part, `(n,)`, or None.
    """

    metric: str
    task: Task
    truths: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray | None, ...]

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(map(len, self.truths))

    @property
    def objective(self) -> Objective:
        """The metric with its direction."""
        return METRICS[self.metric].objective

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that the objective can have."""
        row = METRICS[self.metric]
        return (row.worst, row.best) if self.objective.maximize else (row.best, row.worst)

    def score(self, answers: Answers) -> float:
        """Score one training."""
        return self._score_rows(answers, [slice(None)] * len(self.truths))

    def draws(self, trainings: Sequence[Answers]) -> np.ndarray:
        """Score each training on the same bootstrap samples of the rows: `(DRAWS, trainings)`.

        Rows are drawn within their part.  If a sample lacks a class, the objective may be NaN.  From many rows
        smaller samples are drawn, and what they differ by is scaled down to that of whole ones (Bickel, Götze and van
        Zwet 1997, Resampling fewer than n observations).
        """
        random = np.random.default_rng(0)
        found = np.empty((DRAWS, len(trainings)))
        drawn = [min(len(truth), _MOST_DRAWN) for truth in self.truths]
        for draw in range(DRAWS):
            rows = [random.integers(0, len(truth), size) for truth, size in zip(self.truths, drawn, strict=True)]
            found[draw] = [self._score_rows(answers, rows) for answers in trainings]
        if sum(drawn) < self.rows:
            center = np.nanmean(found, axis=0)
            found = center + (found - center) * (sum(drawn) / self.rows) ** 0.5
        return found

    def widths(self, value: float, error: float, rows: float | None = None) -> ErrorWidths:
        """Return the sampling error of an objective over its rows.

        A proportion gets Wilson's interval, other objectives 1.96 standard errors.  If an objective has a best and a
        worst value, that is no less than what rows of a kind that the sample lacks may change: `_unseen` at the best
        value, towards the worst, and in proportion between them.  Else the interval of right answers has no width.

        Args:
            value: The objective.
            error: Its standard error over these rows, from `draws`; a proportion needs none.
            rows: Of another sample; None for these rows.
        """
        ratio = 1.0 if rows is None else self.rows / rows
        if self.task in METRICS[self.metric].proportion:
            return wilson(min(1.0, max(0.0, value)), self._effective_rows() / ratio)
        sampled, row = normal(error * ratio**0.5), METRICS[self.metric]
        if not np.isfinite(row.worst):
            return sampled
        unseen = max(self._unseen(ratio), wilson(1.0, self._effective_rows() / ratio).below)
        worse = unseen * min(1.0, max(0.0, (value - row.worst) / (row.best - row.worst)))
        below, above = (worse, unseen - worse) if self.objective.maximize else (unseen - worse, worse)
        return ErrorWidths(max(sampled.below, below), max(sampled.above, above))

    def _unseen(self, ratio: float) -> float:
        """Compute how much worse right answers score with z² more rows that are answered wrongly.

        The share of right answers becomes n / (n + z²), which is Wilson's lower limit.  The rows are of the class or
        label with the fewest rows, or without it, whichever costs more.
        """
        perfect = self.score(self.truths)
        found = [perfect - self._with_wrong(positive, ratio) for positive in (1.0, 0.0)]
        return float(np.nanmax([0.0, *np.abs(found)]))

    def _with_wrong(self, positive: float, ratio: float) -> float:
        values = []
        for truth, weight in zip(self.truths, self.weights, strict=True):
            rows = np.ones(len(truth)) if weight is None else weight
            counts = rows @ (truth == positive)
            column = int(np.where(counts > 0, counts, np.inf).argmin())
            wrong = truth[[int((rows * (truth[:, column] == positive)).argmax())]]
            extra = Z2 * ratio * len(truth) / self.rows * np.square(rows).sum() / rows.sum()
            given = np.concatenate([truth, 1.0 - wrong])
            values.append(
                METRICS[self.metric].compute(np.concatenate([truth, wrong]), given, np.append(rows, extra), self.task)
            )
        return float(np.mean(values))

    def _effective_rows(self) -> float:
        """Return the effective sample size of weighted rows (Kish 1965, Survey Sampling)."""
        total = 0.0
        for truth, weight in zip(self.truths, self.weights, strict=True):
            total += len(truth) if weight is None else float(weight.sum() ** 2 / np.square(weight).sum())
        return total

    def _score_rows(self, answers: Answers, rows: Sequence[np.ndarray | slice]) -> float:
        function = METRICS[self.metric].function
        values = []
        for truth, weight, scores, chosen in zip(self.truths, self.weights, answers, rows, strict=True):
            some = None if weight is None else weight[chosen]
            if not np.isfinite(scores).all() or (some is not None and not some.any()):
                return float("nan")
            values.append(function(truth[chosen], scores[chosen], some, str(self.task)))
        return float(np.mean(values))


def standard_error(draws: np.ndarray) -> float:
    """Return the standard deviation of bootstrap samples `(DRAWS,)`, without those that are not finite."""
    given = draws[np.isfinite(draws)]
    return float(np.std(given, ddof=1)) if len(given) > 1 else float("nan")


def validation_measure(prepared: PreparedData, recipe: Recipe) -> Measure:
    """Return the objective on the validation part of each split."""
    return _measure(prepared.splits, recipe)


def held_out_measure(held: HeldOut, recipe: Recipe) -> Measure:
    """Return the objective on the test part."""
    return _measure((held,), recipe)


def to_answers(outputs: Sequence[np.ndarray], splits: Sequence[Split], recipe: Recipe) -> list[np.ndarray]:
    """Convert the model's outputs on the validation part of each split to what a metric takes."""
    found = [recipe.scores(array) for array in outputs]
    if recipe.task is not Task.REGRESSION:
        return found
    return [split.unscale(array) for split, array in zip(splits, found, strict=True)]


def _measure(splits: Sequence[Split], recipe: Recipe) -> Measure:
    parts: list[Subset] = [split.validation for split in splits]
    truths = tuple(split.truth for split in splits)
    return Measure(recipe.metric, recipe.task, truths, tuple(part.weight for part in parts))
