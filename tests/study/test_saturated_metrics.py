"""Advice on studies whose trials would tie at a perfect score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.study import StudySpec, read_study_dict, trained_advice


@pytest.fixture
def project(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3))
    y = random.integers(0, 2, len(x))
    for name, distance in (("far", 20.0), ("near", 1.0)):
        np.savez(tmp_path / f"{name}.npz", x=x + distance * y[:, None], y=y)
    np.savez(tmp_path / "amounts.npz", x=x, y=x[:, 0] + 0.5)
    return tmp_path


def read(project: Path, source: str, metric: str | None = None, **data: Any) -> StudySpec:
    objective = {"objective": {"metric": metric}} if metric else {}
    study = {"name": "own", "model": "models/mlp.py", "data": {"source": f"{source}.npz", **data}, **objective}
    return read_study_dict({**study, "search": {"learning_rate": [1e-3, 1e-2]}}, project)


def perfect(spec: StudySpec) -> list[str]:
    return [sentence for sentence in spec.advice if "tie at" in sentence]


def test_classes_that_a_linear_model_tells_apart_tie_at_the_best_score(project: Path) -> None:
    (sentence,) = perfect(read(project, "far"))
    assert sentence.startswith("objective.metric: a linear model has all 100 validation rows right, so many trials")
    assert 'metric = "log_loss" also takes into account how confident the predictions are' in sentence
    (folds,) = perfect(read(project, "far", "auc", validation={"folds": 5}))
    assert "all 400 validation rows" in folds


@pytest.mark.parametrize(
    ("source", "metric"), [("near", None), ("far", "log_loss"), ("far", "brier"), ("amounts", None)]
)
def test_other_studies_get_no_such_advice(project: Path, source: str, metric: str | None) -> None:
    assert perfect(read(project, source, metric)) == []


def test_a_first_training_that_is_perfect_says_so() -> None:
    said = trained_advice("accuracy", Task.BINARY, 1.0, 2)
    assert said is not None
    assert said.startswith("After 2 epochs the first setting has accuracy 1, so many trials will tie at 1")
    assert trained_advice("accuracy", Task.BINARY, 0.99, 2) is None
    assert trained_advice("log_loss", Task.BINARY, 0.0, 2) is None
    assert trained_advice("r2", Task.REGRESSION, 1.0, 2) is None
    assert trained_advice("mine.py:score", Task.BINARY, 1.0, 2) is None
