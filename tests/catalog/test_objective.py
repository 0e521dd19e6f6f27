"""An objective says which of two values is better."""

from __future__ import annotations

import math

import pytest

from tuner.catalog import METRICS, Objective

ACCURACY, ERROR = Objective("accuracy", "maximize"), Objective("mean_squared_error", "minimize")


@pytest.mark.parametrize(("objective", "better", "worse"), [(ACCURACY, 0.9, 0.4), (ERROR, 0.4, 0.9)])
def test_the_direction_decides_which_value_is_better(objective: Objective, better: float, worse: float) -> None:
    assert objective.better(better, worse)
    assert not objective.better(worse, better)
    assert not objective.better(better, better)
    assert objective.gain(better, worse) == pytest.approx(0.5)
    assert objective.gain(worse, better) == pytest.approx(-0.5)
    assert objective.improve(worse, 0.5) == pytest.approx(better)
    assert (objective.best([worse, better]), objective.worst([worse, better])) == (better, worse)


@pytest.mark.parametrize("objective", [ACCURACY, ERROR])
def test_what_is_not_finite_comes_last(objective: Objective) -> None:
    values = [None, math.nan, math.inf, -math.inf, 0.5]
    assert sorted(values, key=objective.sort_key)[0] == 0.5
    assert not objective.better(math.nan, 0.5)
    assert not objective.better(0.5, math.nan)
    assert objective.best([]) is None
    assert objective.worst([]) is None


def test_a_metric_has_its_objective() -> None:
    assert METRICS["accuracy"].objective == ACCURACY
    assert not METRICS["mean_squared_error"].objective.maximize
