"""Scores of several trainings on the same rows, and how they vary with the rows.

Notation: n rows, k outputs, G units.  A unit is what was drawn independently: a row, or the rows of one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from tuner.catalog import METRICS, Objective, Recipe, Task
from tuner.data import HeldOut, PreparedData, Split, Subset
from tuner.errors import ContentError
from tuner.refit.bootstrap import RowSampler, rescale
from tuner.refit.intervals import Z2, ErrorWidths, clustered_rows, normal, student, wilson

DRAWS = 200
"""Bootstrap samples: enough for a standard error (Efron and Tibshirani 1993, An Introduction to the Bootstrap, 6.4)."""

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
        units: Number of the unit of each row of each part, `(n,)`, or None if each row is one; empty for None in all.
            Units of two parts are different ones.
        ordered: Whether parts are periods that follow each other.
    """

    metric: str
    task: Task
    truths: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray | None, ...]
    units: tuple[np.ndarray | None, ...] = ()
    ordered: bool = False

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(map(len, self.truths))

    @property
    def clustered(self) -> bool:
        """Whether some rows depend on each other."""
        return any(units is not None for units in self.units)

    @property
    def independent(self) -> int:
        """How many observations the rows are worth in a test: the units, less one for each part after the first."""
        return max(1, sum(sampler.units for sampler in self._samplers()) - len(self.truths) + 1)

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

    def score_if_defined(self, answers: Answers, rows: Sequence[np.ndarray | slice] | None = None) -> float:
        """Score answers; NaN if a metric of the user fails on them, as a correlation may on constant ones.

        Args:
            answers: To all rows.
            rows: Some rows of each part, or None for all.
        """
        with suppress(ContentError):
            return self._score_rows(answers, [slice(None)] * len(self.truths) if rows is None else rows)
        return float("nan")

    def subset(self, rows: Sequence[np.ndarray]) -> Measure:
        """Return the objective on some rows of each part."""

        def taken(parts: Sequence[np.ndarray | None]) -> tuple[np.ndarray | None, ...]:
            return tuple(None if part is None else part[some] for part, some in zip(parts, rows, strict=True))

        truths = tuple(truth[some] for truth, some in zip(self.truths, rows, strict=True))
        return replace(self, truths=truths, weights=taken(self.weights), units=taken(self._part_units()))

    def row_folds(self, count: int) -> list[list[np.ndarray]]:
        """Deal the units of each part to folds at random: for each fold, its rows in each part."""
        random, dealt = np.random.default_rng(0), []
        for truth, units in zip(self.truths, self._part_units(), strict=True):
            numbers = np.arange(len(truth)) if units is None else np.unique(units, return_inverse=True)[1]
            dealt.append(random.permutation(int(numbers.max(initial=-1)) + 1)[numbers] % count)
        return [[np.flatnonzero(part == fold) for part in dealt] for fold in range(count)]

    def draws(self, trainings: Sequence[Answers]) -> np.ndarray:
        """Score each training on the same bootstrap samples of the units: `(DRAWS, trainings)`.

        Units are drawn within their part.  If a sample lacks a class, the objective may be NaN, as it is if a metric of
        the user fails on the sample, and if a part has a single unit, which says nothing about others.
        """
        random, samplers = np.random.default_rng(0), self._samplers()
        found = np.empty((DRAWS, len(trainings)))
        for draw in range(DRAWS):
            rows = [sampler.draw(random) for sampler in samplers]
            found[draw] = [self.score_if_defined(answers, rows) for answers in trainings]
        return rescale(found, samplers)

    def _samplers(self) -> list[RowSampler]:
        return [RowSampler(len(truth), units) for truth, units in zip(self.truths, self._part_units(), strict=True)]

    def _part_units(self) -> tuple[np.ndarray | None, ...]:
        return self.units or (None,) * len(self.truths)

    def widths(self, value: float, error: float, rows: float | None = None) -> ErrorWidths:
        """Return the sampling error of an objective over its units.

        A proportion gets Wilson's interval, other objectives 1.96 standard errors (of few groups, Student's quantile).
        That is no less than what units of a kind that the sample lacks may change, or the interval of right answers has
        no width.  If an objective has a best and a worst value, that is `_unseen` at the best value, towards the worst,
        and in proportion between them.  If it has no worst one, as a loss, it is what z² more units cost that are
        answered no better than by their mean.

        Args:
            value: The objective.
            error: Its standard error over these units, from `draws`; a proportion of independent rows needs none.
            rows: Of another sample; None for these rows.
        """
        ratio = 1.0 if rows is None else self.rows / rows
        if self.task in METRICS[self.metric].proportion:
            share = min(1.0, max(0.0, value))
            return wilson(share, self._rows_of_share(share, error) / ratio)
        error *= ratio**0.5
        sampled, row = student(error, self.independent - 1) if self.clustered else normal(error), METRICS[self.metric]
        units, better = self._effective_units() / ratio, 0.0
        if np.isfinite(row.worst):
            unseen = max(self._unseen(ratio), wilson(1.0, units).below)
            worse = unseen * min(1.0, max(0.0, (value - row.worst) / (row.best - row.worst)))
            better = unseen - worse
        else:
            gain = self.objective.gain(value, self._at_chance())  # NaN if that is not defined: it widens nothing
            worse = max(0.0, gain) * Z2 / (units + Z2)
        below, above = (worse, better) if self.objective.maximize else (better, worse)
        return ErrorWidths(max(sampled.below, below), max(sampled.above, above))

    def period_widths(self, trainings: Sequence[Answers | None]) -> ErrorWidths:
        """Return how far the score of another period may be from the mean over these, by how far these are apart.

        `t · s · √(1 + 1 / k)` with the k scores of the parts; no width if parts are no periods, or there is one.

        Args:
            trainings: Their answers, or None for those that diverged.
        """
        scores = [
            self._part_scores(answers, [slice(None)] * len(self.truths)) for answers in trainings if answers is not None
        ]
        if not self.ordered or len(self.truths) < 2 or not scores:
            return ErrorWidths(0.0, 0.0)
        means, count = np.mean(scores, axis=0), len(self.truths)
        return student(float(np.std(means, ddof=1)) * (1.0 + 1.0 / count) ** 0.5, count - 1)

    def _at_chance(self) -> float:
        """Score the mean of the truths as the answer to each row."""
        means = (np.average(t, axis=0, weights=rows) for t, rows in zip(self.truths, self._row_weights(), strict=True))
        return self.score_if_defined([np.tile(mean, (len(t), 1)) for mean, t in zip(means, self.truths, strict=True)])

    def _unseen(self, ratio: float) -> float:
        """Compute how much worse right answers score with z² more units that are answered wrongly.

        The share of right answers becomes G / (G + z²), which is Wilson's lower limit.  Their rows are of the class or
        label with the fewest rows, or without it, whichever costs more.
        """
        perfect = self.score(self.truths)
        found = [perfect - self._with_wrong(positive, ratio) for positive in (1.0, 0.0)]
        return float(np.nanmax([0.0, *np.abs(found)]))

    def _with_wrong(self, positive: float, ratio: float) -> float:
        values = []
        for truth, rows, each in zip(self.truths, self._row_weights(), self._unit_weights(), strict=True):
            counts = rows @ (truth == positive)
            column = int(np.where(counts > 0, counts, np.inf).argmin())
            wrong = truth[[int((rows * (truth[:, column] == positive)).argmax())]]
            extra = Z2 * ratio * len(truth) / self.rows * np.square(each).sum() / each.sum()
            given = np.concatenate([truth, 1.0 - wrong])
            values.append(
                METRICS[self.metric].compute(np.concatenate([truth, wrong]), given, np.append(rows, extra), self.task)
            )
        return float(np.mean(values))

    def _rows_of_share(self, share: float, error: float) -> float:
        """Return the independent rows that a share of these rows is worth: less than n if rows of a group are alike."""
        if not self.clustered:
            return self._effective_units()
        rows = sum(map(_effective_size, self._row_weights()))
        return clustered_rows(share, error, rows, self._effective_units())

    def _effective_units(self) -> float:
        return sum(map(_effective_size, self._unit_weights()))

    def _row_weights(self) -> list[np.ndarray]:
        return [np.ones(len(t)) if w is None else w for t, w in zip(self.truths, self.weights, strict=True)]

    def _unit_weights(self) -> list[np.ndarray]:
        """Return the weight of each unit, for each part."""
        return [
            rows if units is None else np.bincount(np.unique(units, return_inverse=True)[1], rows)
            for rows, units in zip(self._row_weights(), self._part_units(), strict=True)
        ]

    def _score_rows(self, answers: Answers, rows: Sequence[np.ndarray | slice]) -> float:
        return float(np.mean(self._part_scores(answers, rows)))

    def _part_scores(self, answers: Answers, rows: Sequence[np.ndarray | slice]) -> list[float]:
        """Score some rows of each part, or give NaN for parts without a finite answer or a weight above 0."""
        function = METRICS[self.metric].function
        values = []
        for truth, weight, scores, chosen in zip(self.truths, self.weights, answers, rows, strict=True):
            some = None if weight is None else weight[chosen]
            if not np.isfinite(scores).all() or (some is not None and not some.any()):
                return [float("nan")] * len(self.truths)
            values.append(float(function(truth[chosen], scores[chosen], some, str(self.task))))
        return values


def _effective_size(weights: np.ndarray) -> float:
    """Return the effective sample size of weighted observations (Kish 1965, Survey Sampling)."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


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
    weights, units = tuple(part.weight for part in parts), tuple(part.units for part in parts)
    ordered = recipe.data.get("order") is not None
    return Measure(recipe.metric, recipe.task, truths, weights, units, ordered)
