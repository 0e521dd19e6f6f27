"""The value of each trial on a scale on which effects add up, pruned trials included."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tuner.catalog import METRICS, Objective, TrialState
from tuner.search import StoredTrial

_OUTLIER = 4.0
"""Standard deviations, robustly estimated, from the median at which values are cut off.

With 3, a tenth of the strong effects was lost in the presence of two others in `benchmarks/planted_effects.py`; 4 and 5
were alike.
"""

_MAD = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations


def trial_values(trials: Sequence[StoredTrial], states: Sequence[TrialState], objective: Objective) -> np.ndarray:
    """Return the value of each trial, higher is better; for a pruned one what it would have become.

    A metric between two bounds, such as accuracy, is taken as its logit, and one with a best value alone, such as a
    loss, as the logarithm of the distance from it: 0.98 and 0.99 are as different as 0.5 and 0.67.  A pruned trial is
    given what the trials that continued have gained since, the median from each step at which any ended to the next.

    Args:
        trials: The trials, `n` of them.
        states: The state of each, one of `RANKED_STATES`.
        objective: What the study optimizes.

    Returns:
        Shape `(n,)`; NaN for a trial that diverged, or has reported no finite number.
    """
    reports = [_reports(trial, state) for trial, state in zip(trials, states, strict=True)]
    known = np.array([bool(one) for one in reports])
    values = np.full(len(trials), np.nan)
    if known.any():
        last = np.array([max(one, default=-math.inf) for one in reports])
        steps = np.unique(last[known])
        table = _on_additive_scale(np.array([[one.get(step, np.nan) for step in steps] for one in reports]), objective)
        values[known] = _without_outliers(_carried_on(table[known], np.searchsorted(steps, last[known])))
    return values


def _reports(trial: StoredTrial, state: TrialState) -> Mapping[float, float]:
    """Return the finite numbers of a trial by step, the objective of a complete one after all steps."""
    if state == TrialState.DIVERGED:
        return {}
    found: dict[float, float] = {float(step): value for step, value in trial.intermediate_values.items()}
    if state == TrialState.COMPLETE and trial.value is not None:
        found[math.inf] = trial.value
    return {step: value for step, value in found.items() if math.isfinite(value)}


def _on_additive_scale(values: np.ndarray, objective: Objective) -> np.ndarray:
    """Return values, NaN among them, on a scale without bounds; those at a bound count as half as near as the next."""
    if not METRICS.is_built_in(objective.metric):  # the bounds of the user's own are not known
        return values if objective.maximize else -values
    metric = METRICS[objective.metric]
    scaled = -_log_distance(values, metric.best)
    return scaled + _log_distance(values, metric.worst) if math.isfinite(metric.worst) else scaled


def _log_distance(values: np.ndarray, bound: float) -> np.ndarray:
    distance = np.abs(values - bound)
    nearest = float(np.min(distance[distance > 0], initial=math.inf))
    logarithm: np.ndarray = np.log(np.maximum(distance, nearest / 2 if math.isfinite(nearest) else 1.0))
    return logarithm


def _carried_on(table: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the last value of each row, with the median gain of the rows that continued.

    Args:
        table: Shape `(n, steps)`, NaN at steps without a report.
        last: Shape `(n,)`: the column of the last report of each row.
    """
    gains = np.zeros(table.shape[1])
    for step in range(table.shape[1] - 1, 0, -1):
        gained = table[last >= step, step] - table[last >= step, step - 1]
        gained = gained[np.isfinite(gained)]
        gains[step - 1] = gains[step] + (float(np.median(gained)) if len(gained) else 0.0)
    carried: np.ndarray = table[np.arange(len(table)), last] + gains[last]
    return carried


def _without_outliers(values: np.ndarray) -> np.ndarray:
    middle = float(np.median(values))
    spread = _OUTLIER * (_MAD * float(np.median(np.abs(values - middle))) or float(values.std()))
    cut: np.ndarray = np.clip(values, middle - spread, middle + spread)
    return cut
