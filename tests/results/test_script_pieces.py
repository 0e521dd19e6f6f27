"""Every row of every table comes out of a script as it goes into a training."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mock_results import mock_results

from tuner.results import Export, export, python_script
from tuner.training import (
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Choice,
    Recipe,
    Task,
    head_for,
    loss_of,
    optimizer_of,
    scores,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("pieces")


@pytest.fixture(scope="module")
def base(place) -> Export:
    return export(mock_results(place, budget={"trials": 2, "epochs": 1}, diverges_above=100.0), place)


def chosen(table: Any, name: str) -> Choice:
    return Choice(name=name, options=table[name].defaults())


def changed(base: Export, **fields: Any) -> Export:
    return Export(**{**vars(base), "recipe": base.recipe.model_copy(update=fields)})


def variants(base: Export) -> Iterator[Recipe]:
    """A recipe for each optimizer, initializer and schedule, and for each loss with each of its tasks."""
    for name, row in OPTIMIZERS.items():
        momentum = None if row.momentum is None else 0.7
        yield changed(base, optimizer=chosen(OPTIMIZERS, name), momentum=momentum, weight_decay=1e-3, l2=1e-4).recipe
    for name in INITIALIZERS:
        yield changed(base, initializer=chosen(INITIALIZERS, name), class_weight={0: 2.0, 1: 1.0}).recipe
    for name in SCHEDULES:
        yield changed(base, schedule=chosen(SCHEDULES, name)).recipe
    for name, loss in LOSSES.items():
        for task in loss.heads:
            metric = "r2" if task is Task.REGRESSION else "accuracy"
            fields = {"task": task, "head": head_for(name, task), "metric": metric}
            yield changed(base, loss=chosen(LOSSES, name), **fields).recipe


def test_every_name_in_every_script_is_defined(base, place):
    for number, recipe in enumerate(variants(base)):
        text = python_script(Export(**{**vars(base), "recipe": recipe}), place)
        (place / f"script_{number}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "E9,F821", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_optimizers_losses_and_initializers_are_the_same(base):
    import keras

    from tuner.results.script import pieces
    from tuner.training import QuantileLoss

    names = {"keras": keras, "QuantileLoss": QuantileLoss}
    truth, given = np.eye(3, dtype="float32")[[0, 1, 2, 1]], np.full((4, 3), 0.3, "float32")
    for recipe in variants(base):
        made, expected = eval(pieces.optimizer_text(recipe), names), optimizer_of(recipe)
        assert type(made) is type(expected)
        assert made.get_config() | {"name": None} == expected.get_config() | {"name": None}
        loss = eval(pieces.loss_text(recipe), names)
        assert float(loss(truth, given)) == pytest.approx(float(loss_of(recipe)(truth, given)))
        row = INITIALIZERS[recipe.initializer.name].build(**recipe.initializer.options)
        assert eval(pieces.initializer_text(recipe), names).get_config() == row.get_config()


def test_scores_are_the_same(base):
    from tuner.results.script import pieces
    from tuner.training import metric_functions as metrics

    outputs = np.random.default_rng(0).normal(size=(20, 3))
    fitted = {"target_center": np.zeros(3), "target_scale": np.ones(3)}
    for recipe in variants(base):
        for head in (recipe.head, "model", "linear", "tanh", "relu"):
            other = recipe.model_copy(update={"head": head})
            names = {"np": np, "softmax": metrics.softmax, "outputs": outputs, "fitted": fitted}
            assert np.allclose(
                eval(pieces.scores_text(other), names), scores(outputs, head, other.task, other.loss.name)
            )
