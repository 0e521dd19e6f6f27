"""A pruner that compares with a part of the complete trials."""

from __future__ import annotations

import optuna
import pytest

from tuner.search.pruners.subsampled_pruner import SubsampledPruner


@pytest.mark.parametrize(("count", "median"), [(1000, 19.5), (4, 24.0)], ids=["all", "9, 19, 29 and 39"])
def test_it_compares_with_an_even_spread_of_the_complete_trials(count: int, median: float) -> None:
    study = optuna.create_study(
        direction="maximize", pruner=SubsampledPruner(optuna.pruners.MedianPruner(n_startup_trials=4), count)
    )
    first = study.ask()  # finishes last
    for value in range(1, 40):
        trial = study.ask()
        trial.report(value, 1)
        study.tell(trial, value)
        bad = study.ask()
        bad.report(100.0, 1)
        study.tell(bad, state=optuna.trial.TrialState.PRUNED if value % 2 else optuna.trial.TrialState.FAIL)
        assert study.ask().should_prune() is False
    first.report(0, 1)
    study.tell(first, 0)
    for value in (median - 1, median, median + 1):
        trial = study.ask()
        trial.report(value, 1)
        assert trial.should_prune() == (value < median)
