"""The objectives of exported scripts are those of the study, for every metric, task and weight."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.results import numpy_metrics as plain
from tuner.training import METRICS, Task

CASES = [(name, task) for name, row in METRICS.items() for task in sorted(row.tasks)]


def rows(task: Task, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """Targets and scores as in `Task`; classes that are rare, and one that is never there."""
    random = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        truth = random.normal(size=(40, 2)) * [1.0, 30.0]
        return truth, truth + random.normal(size=(40, 2))
    if task is Task.MULTICLASS:
        truth = np.eye(6)[random.choice(5, 40, p=[0.4, 0.3, 0.2, 0.05, 0.05])]
        scores = random.dirichlet(np.ones(6), 40)
    else:
        columns = 1 if task is Task.BINARY else 4
        truth = (random.random((40, columns)) < 0.3).astype(float)
        scores = random.random((40, columns))
    return truth, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_it_is_the_studys_metric(name, task, ties, weighted):
    for seed in range(4):
        truth, scores = rows(task, seed, ties)
        weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], 40) if weighted else None
        expected = METRICS[name].compute(truth, scores, weight, task)
        assert getattr(plain, name)(truth, scores, weight, str(task)) == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_constant_targets_and_right_answers():
    ones = np.ones((5, 1))
    for scores in (ones, ones * 2):
        expected = METRICS["r2"].compute(ones, scores, None, Task.REGRESSION)
        assert plain.r2(ones, scores, None, "regression") == expected
    assert np.isnan(plain.auc(ones, ones, None, "binary"))
    assert plain.matthews_correlation(ones, ones, None, "binary") == 0.0
