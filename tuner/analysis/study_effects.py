"""The main effects of the dimensions of a study, over all trials that have ended without a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.analysis.additive_trial_values import trial_values
from tuner.analysis.dimension_columns import DimensionColumns, dimension_columns
from tuner.analysis.main_effects import MainEffect, adjusted_ranks, main_effects
from tuner.analysis.ranks_at_common_step import RANKED_STATES, trial_ranks
from tuner.catalog import Objective, TrialState
from tuner.results import StoredStudy
from tuner.search import StoredTrial

MIN_TRIALS = 20
"""Fewest trials: with fewer, effects and chance cannot be distinguished."""


@dataclass(frozen=True)
class StudyEffects:
    """The main effect of each dimension, and what it was estimated from.

    Attributes:
        trials: The complete, pruned and diverged trials, `n` of them.
        ranks: Shape `(n,)`: see `trial_ranks`.
        columns: The columns of each dimension that had several values; none with fewer than `MIN_TRIALS` trials.
        effects: The effect of each of these.
    """

    trials: tuple[StoredTrial, ...]
    ranks: np.ndarray
    columns: Mapping[str, DimensionColumns]
    effects: Mapping[str, MainEffect]

    def ranks_by_trial(self, dimension: str) -> dict[int, float]:
        """Return the ranks by number of the trial, less the effects of the other dimensions that mattered."""
        others = [name for name, effect in self.effects.items() if effect.mattered and name != dimension]
        ranks = self.ranks
        if dimension in self.columns:
            ranks = adjusted_ranks(ranks, self.columns[dimension], [self.columns[name] for name in others])
        return {trial.number: float(rank) for trial, rank in zip(self.trials, ranks, strict=True)}


def study_effects(study: StoredStudy) -> StudyEffects:
    """Estimate the main effects of a study."""
    states = [study.trial_state(trial)[0] for trial in study.record.trials]
    ranked = [at for at, state in enumerate(states) if state in RANKED_STATES]
    return estimate_effects([study.record.trials[at] for at in ranked], [states[at] for at in ranked], study.objective)


def estimate_effects(trials: Sequence[StoredTrial], states: Sequence[TrialState], objective: Objective) -> StudyEffects:
    """Estimate the main effects over some trials.

    Args:
        trials: The trials.
        states: The state of each, one of `RANKED_STATES`.
        objective: What the study optimizes.
    """
    ranks = trial_ranks(trials, states, objective)
    names = dict.fromkeys(name for trial in trials for name in trial.params) if len(trials) >= MIN_TRIALS else {}
    columns = {name: found for name in names if (found := dimension_columns(trials, name)) is not None}
    if not columns:
        return StudyEffects(tuple(trials), ranks, {}, {})
    diverged = np.array([state == TrialState.DIVERGED for state in states])
    effects = main_effects(ranks, trial_values(trials, states, objective), diverged, columns)
    return StudyEffects(tuple(trials), ranks, columns, effects)
