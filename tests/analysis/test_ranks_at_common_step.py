"""Ranks of trials, compared with the comparison of each two of them."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from tuner.analysis.ranks_at_common_step import trial_ranks
from tuner.catalog import Objective, TrialState

ACCURACY, LOSS = Objective("accuracy", "maximize"), Objective("log_loss", "minimize")


def trial(state: TrialState, *reports: float):
    made = optuna.trial.create_trial(value=reports[-1] if reports else 0.0, params={}, distributions={})
    made.intermediate_values = dict(enumerate(reports, 1))
    return made, state


def ranks(objective: Objective, *trials) -> list[float]:
    return [round(rank * len(trials), 6) for rank in trial_ranks(*zip(*trials, strict=True), objective)]


def test_complete_trials_rank_by_the_objective_and_diverged_ones_last():
    some = [trial(TrialState.COMPLETE, value) for value in (0.3, 0.9, 0.5)]
    assert ranks(ACCURACY, *some, trial(TrialState.DIVERGED)) == [1.5, 3.5, 2.5, 0.5]
    assert ranks(LOSS, *some, trial(TrialState.DIVERGED)) == [3.5, 1.5, 2.5, 0.5]


def test_a_pruned_trial_is_compared_at_the_step_at_which_it_ended():
    early_but_bad = trial(TrialState.COMPLETE, 0.1, 0.2, 0.3)
    pruned_though_better = trial(TrialState.PRUNED, 0.4)
    best = trial(TrialState.COMPLETE, 0.5, 0.8, 0.9)
    assert ranks(ACCURACY, early_but_bad, pruned_though_better, best) == [0.5, 1.5, 2.5]


def test_a_pruned_trial_without_a_report_is_behind_those_with_one():
    some = (trial(TrialState.PRUNED), trial(TrialState.PRUNED, 0.1), trial(TrialState.DIVERGED))
    assert ranks(ACCURACY, *some) == [1.5, 2.5, 0.5]


def test_each_pair_is_compared_once():
    random = np.random.default_rng(0)
    trials = [trial(TrialState.PRUNED, *random.integers(0, 5, random.integers(1, 6)) / 5.0) for _ in range(40)]

    def better(one, other) -> float:
        step = min(max(one.intermediate_values), max(other.intermediate_values))
        mine, its = one.intermediate_values[step], other.intermediate_values[step]
        return 0.5 if mine == its else float(mine > its)

    expected = [sum(better(one, other) for other, _ in trials) for one, _ in trials]
    assert ranks(ACCURACY, *trials) == pytest.approx(expected)
