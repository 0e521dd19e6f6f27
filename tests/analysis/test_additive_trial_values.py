"""Values of trials on an additive scale."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from tuner.analysis.additive_trial_values import trial_values
from tuner.catalog import Objective, TrialState

ACCURACY, LOSS = Objective("accuracy", "maximize"), Objective("log_loss", "minimize")
OWN_SCORE, OWN_COST = Objective("metrics.py:score", "maximize"), Objective("metrics.py:cost", "minimize")


def trial(state: TrialState, *reports: float):
    made = optuna.trial.create_trial(value=reports[-1] if reports else 0.0, params={}, distributions={})
    made.intermediate_values = dict(enumerate(reports, 1))
    return made, state


def values(objective: Objective, *trials) -> np.ndarray:
    return trial_values(*zip(*trials, strict=True), objective)


def complete(objective: Objective, *numbers: float) -> np.ndarray:
    return values(objective, *(trial(TrialState.COMPLETE, number) for number in numbers))


def test_a_metric_between_bounds_is_a_logit_and_a_loss_a_logarithm():
    assert complete(ACCURACY, 0.2, 0.5, 0.8) == pytest.approx([-math.log(4), 0.0, math.log(4)])
    assert complete(LOSS, 0.1, 1.0, 10.0) == pytest.approx([math.log(10), 0.0, -math.log(10)])
    assert complete(OWN_SCORE, 1.0, 2.0, 3.0) == pytest.approx([1, 2, 3])
    assert complete(OWN_COST, 1.0, 2.0, 3.0) == pytest.approx([-1, -2, -3])


def test_a_perfect_value_is_finite_and_the_best():
    found = complete(ACCURACY, 0.7, 0.8, 0.9, 1.0, 1.0)
    assert np.isfinite(found).all()
    assert found[3] == found[4] == found.max() > found[2]
    assert complete(ACCURACY, 1.0, 1.0) == pytest.approx([0, 0])


def test_a_pruned_trial_goes_on_as_the_others_did():
    went_on = [trial(TrialState.COMPLETE, *some) for some in ((1.0, 2.0, 5.0), (2.0, 3.0, 7.0), (3.0, 3.5, 8.0))]
    found = values(OWN_SCORE, *went_on, trial(TrialState.PRUNED, 0.5), trial(TrialState.PRUNED, 0.5, 2.5))
    assert found == pytest.approx([5, 7, 8, 0.5 + 1 + 4, 2.5 + 4])  # median gains are 1 and 4


def test_a_diverged_trial_and_one_without_a_number_have_no_value():
    found = values(
        LOSS,
        trial(TrialState.DIVERGED, 0.5),
        trial(TrialState.PRUNED),
        trial(TrialState.PRUNED, math.inf),
        trial(TrialState.COMPLETE, 1.0),
    )
    assert np.isnan(found).tolist() == [True, True, True, False]
    assert np.isnan(values(LOSS, trial(TrialState.DIVERGED))).all()


def test_an_outlier_does_not_outweigh_the_rest():
    usual = np.linspace(-1, 1, 21)
    found = complete(OWN_SCORE, *usual, -1e6)
    assert found[:-1] == pytest.approx(usual)
    assert -5 < found[-1] < -2
