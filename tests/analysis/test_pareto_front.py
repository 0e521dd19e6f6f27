"""The front of objective and size equals what comparing each two trials gives."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial

from tuner.analysis import find_pareto_front
from tuner.catalog import Objective


def trial(number: int, value: float, weights: int | None, state: str = "COMPLETE") -> FrozenTrial:
    size = {"weights": weights, "trainable_weights": 1, "multiply_adds": None if weights is None else 100 - weights}
    made = optuna.trial.create_trial(
        value=value,
        state=optuna.trial.TrialState[state],
        user_attrs={} if weights is None else {"network_size": size},
    )
    made.number = number
    return made


@pytest.mark.parametrize("size", ["weights", "multiply_adds"])
@pytest.mark.parametrize("objective", [Objective("accuracy", "maximize"), Objective("log_loss", "minimize")])
def test_it_is_what_no_other_trial_beats(objective: Objective, size: str) -> None:
    for seed in range(50):
        drawn = np.random.default_rng(seed).integers(0, 8, (12, 2)).tolist()  # with many ties
        trials = [trial(number, float(value), weights) for number, (value, weights) in enumerate(drawn)]
        points = [
            (objective.sort_key(float(value)), weights if size == "weights" else 100 - weights, number)
            for number, (value, weights) in enumerate(drawn)
        ]
        expected = [
            mine
            for mine in points
            if not any(
                other[0] <= mine[0] and other[1] <= mine[1] and (other[:2] != mine[:2] or other[2] < mine[2])
                for other in points
            )
        ]
        found = [row["trial"] for row in find_pareto_front(trials, objective, size)]
        assert found == [number for *_, number in sorted(expected, key=lambda point: point[1])]


def test_only_complete_trials_of_known_size_count() -> None:
    trials = [trial(0, 0.9, None), trial(1, 0.8, 5, "PRUNED"), trial(2, 0.5, 7)]
    (row,) = find_pareto_front(trials, Objective("accuracy", "maximize"), "weights")
    assert (row["trial"], row["value"], row["weights"], row["bytes"]) == (2, 0.5, 7, 28)
