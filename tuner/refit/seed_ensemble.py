"""Ensembles: the average of several trainings, and how its score varies with their seeds.

Notation: n seeds, θ the score of the ensemble, θ_i that of the ensemble without seed i.  The jackknife's standard error
√((n - 1) / n · Σ (θ_i - mean)²) is s / √n of the n values θ + (n - 1) · (mean - θ_i), so what is known of the mean of
n values holds for the score of an ensemble.  Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, 11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.refit.intervals import ErrorWidths, Interval, interval_around, lower_bound, seeds_width
from tuner.refit.score_uncertainty import Answers, Measure, standard_error

Combine = Callable[[Sequence[int]], Answers]
"""Returns the answers of the ensemble of these seeds."""


@dataclass(frozen=True)
class Estimate:
    """An objective, and how it varies.

    Attributes:
        score: The objective.
        values: One a seed; their mean is the score, and their spread that over seeds.
        draws: The objective on bootstrap samples of the rows, `(DRAWS, 1)`.
        interval: Confidence interval, over seeds and rows; None with fewer than two seeds.
        bound: The lower confidence bound over seeds (upper, if lower is better); None with fewer than two seeds.
        trainings: The answers that were scored: one of an ensemble, one a seed of a single network.
    """

    score: float
    values: tuple[float, ...]
    draws: np.ndarray
    interval: Interval | None
    bound: float | None
    trainings: tuple[Answers, ...]

    @property
    def error(self) -> float:
        """Standard error of the score that comes from the rows."""
        return standard_error(self.draws.mean(axis=1))


def average(trainings: Sequence[Answers], weights: Sequence[float] | None = None) -> list[np.ndarray]:
    """Return the weighted mean of the answers of trainings, part by part."""
    return [
        np.average(np.stack([np.asarray(part, np.float64) for part in parts]), axis=0, weights=weights)
        for parts in zip(*trainings, strict=True)
    ]


def estimate_ensemble(combine: Combine, seeds: Sequence[int], measure: Measure) -> Estimate | None:
    """Score the ensemble of some seeds, and each with one of them left out; None if the score is not finite."""
    answers = combine(seeds)
    score, draws = measure.score(answers), measure.draws([answers])
    if not math.isfinite(score):
        return None
    without = [measure.score(combine([seed for seed in seeds if seed != left])) for left in seeds if len(seeds) > 1]
    if len(without) < 2 or not np.isfinite(without).all():
        return Estimate(score, (score,), draws, None, None, (answers,))
    values = score + (len(seeds) - 1) * (np.mean(without) - np.array(without))
    widths = [ErrorWidths(*[seeds_width(values.tolist())] * 2), measure.widths(score, standard_error(draws[:, 0]))]
    interval = interval_around(score, widths, *measure.limits)
    bound = lower_bound(values.tolist(), measure.objective)
    return Estimate(score, tuple(values.tolist()), draws, interval, bound, (answers,))
