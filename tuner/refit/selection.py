"""Which of the recipes that were trained again is chosen, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tuner.analysis import holm
from tuner.catalog import Objective
from tuner.errors import StudyFailedError
from tuner.refit.finalists import Leader
from tuner.refit.intervals import ErrorWidths, Interval, interval_around, lower_bound, p_of_difference, seeds_width
from tuner.refit.score_uncertainty import Answers, Measure, standard_error

ALPHA = 0.05
"""Smaller p values count as more than chance."""


@dataclass(frozen=True)
class Candidate:
    """A recipe that was trained again.

    Attributes:
        leader: Its trial.
        values: The objective on the validation part with each seed; None if the training diverged.
        answers: The predictions of these trainings there; None if the training diverged.
        draws: Their objectives on bootstrap samples, `(DRAWS, complete trainings)`.
        mean: Mean of the values, or None without any.
        interval: Confidence interval of the mean, over seeds and rows; None with fewer than two values.
        bound: The lower confidence bound over seeds (upper, if lower is better); None with fewer than two values.
    """

    leader: Leader
    values: tuple[float | None, ...]
    answers: tuple[Answers | None, ...] = field(repr=False)
    draws: np.ndarray = field(repr=False)
    mean: float | None
    interval: Interval | None
    bound: float | None

    @property
    def complete(self) -> list[float]:
        """The values of the trainings that did not diverge."""
        return [value for value in self.values if value is not None]

    @property
    def error(self) -> float:
        """Standard error of the mean that comes from the rows."""
        return standard_error(self.draws.mean(axis=1))


def evaluate(leader: Leader, answers: Sequence[Answers | None], measure: Measure) -> Candidate:
    """Evaluate a recipe by the answers of its trainings."""
    found = [None if given is None else measure.score(given) for given in answers]
    values = tuple(None if value is None or not math.isfinite(value) else value for value in found)
    kept = tuple(given if value is not None else None for given, value in zip(answers, values, strict=True))
    complete = [value for value in values if value is not None]
    draws = measure.draws([given for given in kept if given is not None])
    mean = float(np.mean(complete)) if complete else None
    interval = bound = None
    if mean is not None and len(complete) > 1:
        seeds = ErrorWidths(*[seeds_width(complete)] * 2)
        rows = measure.widths(mean, standard_error(draws.mean(axis=1)))
        interval = interval_around(mean, [seeds, rows], *measure.limits)
        bound = lower_bound(complete, measure.objective)
    return Candidate(leader, values, kept, draws, mean, interval, bound)


def select(candidates: Sequence[Candidate], objective: Objective) -> Candidate:
    """Select the best bound among the candidates with the fewest diverged trainings; the earlier one of equals.

    Raises:
        StudyFailedError: None has two trainings that did not diverge.
    """
    able = [one for one in candidates if one.bound is not None]
    if not able:
        tried = ", ".join(str(one.leader.trial) for one in candidates)
        raise StudyFailedError(
            f"A recipe needs two trainings that do not diverge, but none of the trials {tried} has them: "
            "their scores in the search were luck. Search at lower learning rates, or raise --seeds."
        )
    fewest = min(one.values.count(None) for one in able)
    steady = [one for one in able if one.values.count(None) == fewest]
    return min(steady, key=lambda one: (objective.sort_key(one.bound), objective.sort_key(one.mean)))


def p_against(chosen: Candidate, others: Sequence[Candidate], measure: Measure) -> list[float | None]:
    """Return the p-value of each difference from the chosen candidate, over seeds and rows, corrected by Holm.

    None if fewer than two seeds are complete in both.
    """
    raw = [_p_between(chosen, other, measure) for other in others]
    tested = [index for index, p in enumerate(raw) if p is not None]
    found: list[float | None] = [None] * len(others)
    for index, corrected in zip(tested, holm([raw[index] or 0.0 for index in tested]), strict=True):
        found[index] = corrected
    return found


def _p_between(one: Candidate, other: Candidate, measure: Measure) -> float | None:
    pairs = [index for index, two in enumerate(zip(one.values, other.values, strict=True)) if None not in two]
    if len(pairs) < 2:
        return None
    differences = [(one.values[index] or 0.0) - (other.values[index] or 0.0) for index in pairs]
    first, second = (each.draws[:, [_column(each, index) for index in pairs]] for each in (one, other))
    return p_of_difference(
        differences, standard_error((first - second).mean(axis=1)), measure.independent, one_sided=False
    )


def _column(one: Candidate, index: int) -> int:
    """Return the column of a seed in `draws`, which leave out what diverged."""
    return index - one.values[:index].count(None)


def p_above(values: Sequence[float], draws: np.ndarray, constant: Answers, measure: Measure) -> float:
    """Return the one-sided p-value that trainings are better than a constant answer, over seeds and rows.

    Args:
        values, draws: Of the trainings.
        constant: The answer to each row.
        measure: The objective.
    """
    level = measure.score_if_defined(constant)
    if not math.isfinite(level):
        return float("nan")
    spread = standard_error(draws.mean(axis=1) - measure.draws([constant])[:, 0])
    return p_of_difference(
        [measure.objective.gain(value, level) for value in values], spread, measure.independent, one_sided=True
    )


def leaders_text(chosen: Candidate, others: Sequence[Candidate], ps: Sequence[float | None], seeds: int) -> str:
    """Say in one sentence whether the candidates can be distinguished."""
    name = f"trial {chosen.leader.trial}"
    if not others:
        return f"Only {name} was retrained: there is nothing to compare it with."
    alike = [one.leader.trial for one, p in zip(others, ps, strict=True) if p is None or p >= ALPHA]
    behind = [one.leader.trial for one, p in zip(others, ps, strict=True) if p is not None and p < ALPHA]
    how = f"paired over {seeds} seeds, and over the rows; Holm"
    if not alike:
        return f"{name.capitalize()} differs from {_trials(behind)} by more than chance explains (p < {ALPHA}, {how})."
    least = min((p for p in ps if p is not None and p >= ALPHA), default=None)
    text = (
        f"{name.capitalize()} and {_trials(alike)} are too close to call"
        f"{'' if least is None else f' (p = {least:.2g}, {how})'}: that it was chosen may be chance"
    )
    return f"{text}; it does differ from {_trials(behind)} (p < {ALPHA})." if behind else f"{text}."


def _trials(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"trials {', '.join(first)} and {last}" if first else f"trial {last}"
