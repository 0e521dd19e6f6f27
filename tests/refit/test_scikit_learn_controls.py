"""Controls answer every task, with weights, on the rows of the networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.catalog import Choice, ModelChoice, Recipe, Task
from tuner.data import DataFacts, PreparedData, Split, Subset
from tuner.protocol import TrainingArtifacts
from tuner.refit import CONTROLS, train_control
from tuner.refit.scikit_learn_controls import training_values

pytestmark = pytest.mark.slow

ROWS, COLUMNS = 120, 4
METRICS = {
    Task.MULTICLASS: "accuracy",
    Task.BINARY: "auc",
    Task.MULTILABEL: "f1",
    Task.REGRESSION: "mean_absolute_error",
}


def split_of(task: Task, seed: int, weight: bool) -> Split:
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    signal = x[:, :3] + 0.1 * random.normal(size=(ROWS, 3))
    y = {
        Task.MULTICLASS: np.eye(3)[signal.argmax(axis=1)],
        Task.BINARY: signal[:, :1] > 0,
        Task.MULTILABEL: np.column_stack([signal[:, :2] > 0, np.zeros(ROWS)]),
        Task.REGRESSION: signal[:, :2],
    }[task].astype(np.float32)
    weights = random.uniform(0.5, 1.5, ROWS).astype(np.float32) if weight else None
    outputs = y.shape[1]
    center, scale = (
        (np.full(outputs, 100.0), np.full(outputs, 10.0))
        if task is Task.REGRESSION
        else (np.zeros(outputs), np.ones(outputs))
    )
    half = ROWS // 2
    parts = (
        Subset(x[rows], y[rows], None if weights is None else weights[rows])
        for rows in (slice(half), slice(half, None))
    )
    return Split(*parts, center, scale)


def prepared_of(task: Task, weight: bool = False) -> PreparedData:
    splits = tuple(split_of(task, seed, weight) for seed in range(2))
    outputs = splits[0].train.y.shape[1]
    facts = DataFacts(task, (COLUMNS,), outputs, (), (), {"train": 60, "validation": 60, "test": 0}, (), "")
    return PreparedData(facts, splits)


def recipe_of(task: Task, class_weight: dict[int, float] | None = None) -> Recipe:
    loss = "mean_squared_error" if task is Task.REGRESSION else "binary_crossentropy"
    return Recipe(
        task=task,
        model=ModelChoice(reference="models/mlp.py:build", sha256=""),
        head="linear",
        loss=Choice(name=loss),
        optimizer=Choice(name="adam"),
        learning_rate=0.01,
        metric=METRICS[task],
        class_weight=class_weight,
    )


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("task", METRICS)
def test_each_task(name: str, task: Task, tmp_path: Path) -> None:
    prepared, kept = prepared_of(task, weight=True), TrainingArtifacts(tmp_path, 1)
    training = train_control(name, recipe_of(task), prepared, kept)
    answers, cost = kept.outputs(), kept.cost()
    assert [answer.shape for answer in answers] == [split.validation.y.shape for split in prepared.splits]
    assert cost is not None
    assert cost.weights > 0
    assert cost.one_row_ms > 0
    assert training.value is not None
    if task is Task.REGRESSION:
        assert training.value < 6.0, "in the unit of the target, whose deviation is 10"
        assert np.mean(answers[0]) == pytest.approx(100.0, abs=5.0)
    else:
        assert training.value > (0.5 if task is Task.MULTILABEL else 0.65)
        assert all((answer >= 0.0).all() and (answer <= 1.0).all() for answer in answers)
    if task is Task.MULTICLASS:
        assert answers[0].sum(axis=1) == pytest.approx(1.0)


def test_class_weights_count(tmp_path: Path) -> None:
    prepared = prepared_of(Task.BINARY)
    shares = []
    for weight in ({0: 1.0, 1: 1.0}, {0: 1.0, 1: 50.0}):
        kept = TrainingArtifacts(tmp_path, len(shares))
        train_control("linear", recipe_of(Task.BINARY, weight), prepared, kept)
        shares.append(np.mean(kept.outputs()[0]))
    assert shares[1] > shares[0] + 0.1


def test_the_work_is_counted() -> None:
    prepared = prepared_of(Task.MULTICLASS)
    assert training_values(prepared.facts, prepared) == 2 * 60 * COLUMNS * 3
