"""Dimensions as columns of a linear model."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from tuner.analysis.dimension_columns import dimension_columns

KINDS = {
    "optimizer": CategoricalDistribution(("sgd", "adam", "adamw")),
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "nesterov": CategoricalDistribution((True, False)),
}


def trial(**params):
    kinds = {name: KINDS[name] for name in params}
    return optuna.trial.create_trial(value=0.0, params=params, distributions=kinds)


TRIALS = [
    trial(optimizer="sgd", rate=1e-4, nesterov=True),
    trial(optimizer="sgd", rate=1e-2, nesterov=False),
    trial(optimizer="adam", rate=1.0),
    trial(optimizer="adam", rate=1e-2),
    trial(optimizer="adamw", rate=1e-2),
]


def test_a_number_is_a_parabola_over_its_range_on_its_scale():
    found = dimension_columns(TRIALS, "rate")
    raw = np.array([[-1, 1], [0, 0], [1, 1], [0, 0], [0, 0]])
    assert found.trials == pytest.approx(raw - [0, 1 / 3], abs=0.01)
    assert found.space[[0, -1]] == pytest.approx(np.array([[-1, 2 / 3], [1, 2 / 3]]), abs=0.01)
    assert found.space.mean(axis=0) == pytest.approx([0, 0])


def test_a_choice_has_a_column_for_each_value_but_one():
    found = dimension_columns(TRIALS, "optimizer")
    assert found.trials.shape == (5, 2)
    assert np.linalg.matrix_rank(found.trials) == 2
    assert found.active == 1.0


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
def test_a_choice_of_plain_optuna_may_be_a_list():
    kind = CategoricalDistribution(([8, 8], [16], [8]))
    trials = [
        optuna.trial.create_trial(value=0.0, params={"sizes": sizes}, distributions={"sizes": kind})
        for sizes in kind.choices
    ]
    assert dimension_columns(trials, "sizes").trials.shape == (3, 2)


def test_where_a_dimension_does_not_count_it_adds_nothing():
    found = dimension_columns(TRIALS, "nesterov")
    assert np.abs(found.trials[:, 0]) == pytest.approx([0.5, 0.5, 0, 0, 0])
    assert found.active == pytest.approx(1 / 3)  # one optimizer of three, though two trials of five


def test_columns_do_not_depend_on_what_the_sampler_preferred():
    often = dimension_columns([*TRIALS, *TRIALS[:1] * 20], "nesterov")
    assert (often.trials[:5] == dimension_columns(TRIALS, "nesterov").trials).all()


def test_a_dimension_with_one_value_has_no_columns():
    assert dimension_columns(TRIALS[2:], "nesterov") is None
    assert dimension_columns([trial(optimizer="sgd"), trial(optimizer="sgd")], "optimizer") is None
