"""The rank of each trial among all that have ended, pruned and diverged ones included."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tuner.catalog import Objective, TrialState
from tuner.search import StoredTrial

RANKED_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)
"""A trial that failed says nothing about its setting."""

_DIVERGED, _UNREPORTED, _FINAL = -1.0, 0.0, math.inf
"""Steps besides those that were reported: before the first, without a report, and the objective of a complete trial."""


def trial_ranks(trials: Sequence[StoredTrial], states: Sequence[TrialState], objective: Objective) -> np.ndarray:
    """Rank trials by comparing each two of them at the last step that both have reached.

    So a pruned trial counts by what it had reached, against the others at that very step; complete trials among each
    other count by the objective, and a diverged trial is behind all that are not.  Comparing the complete trials alone
    would leave a third of the trials of a study with the default pruner, and those chosen by their value.

    Args:
        trials: The trials, `n` of them.
        states: The state of each, one of `RANKED_STATES`.
        objective: What the study optimizes.

    Returns:
        Shape `(n,)`, in (0, 1): the share of the other trials that are worse, ties and itself by half.
    """
    reports = [_reports(trial, state, objective) for trial, state in zip(trials, states, strict=True)]
    last = np.array([max(steps) for steps in reports])
    worse = np.zeros(len(trials))
    for step in np.unique(last):
        ended, longer = np.flatnonzero(last == step), np.flatnonzero(last > step)
        here = np.array([steps.get(step, math.inf) for steps in reports])
        ended_values, longer_values = np.sort(here[ended]), np.sort(here[longer])
        worse[ended] += _count_below(ended_values, here[ended]) + _count_below(longer_values, here[ended])
        worse[longer] += _count_below(ended_values, here[longer])
    ranks: np.ndarray = worse / len(trials)
    return ranks


def _reports(trial: StoredTrial, state: TrialState, objective: Objective) -> dict[float, float]:
    """Return what a trial has reported by step, higher is better."""
    if state == TrialState.DIVERGED:
        return {_DIVERGED: 0.0}
    found: dict[float, float] = {step: -objective.sort_key(value) for step, value in trial.intermediate_values.items()}
    if state == TrialState.COMPLETE:
        found[_FINAL] = -objective.sort_key(trial.value)
    return found or {_UNREPORTED: 0.0}


def _count_below(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Count for each value those of an ascending array that are less, and half of those that are equal."""
    both: np.ndarray = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return both / 2
