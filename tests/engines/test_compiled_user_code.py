"""The compiled engine traces losses of user code, and trains as `model.fit` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import oracle
import pytest
from test_compiled_equality import assert_equal
from user_objects import write_project

from tuner.catalog import Choice, Task, UserObject, add_user_entry, read_user_entry
from tuner.errors import UnsupportedError
from tuner.user_code import Reference

pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def known(project: Path, family: str, name: str, task: Task) -> None:
    entry = read_user_entry(family, UserObject(project, Reference.parse(name, "")), task, "auto")
    add_user_entry(family, entry)


@pytest.mark.parametrize(
    ("task", "name", "settings"),
    [
        (Task.BINARY, "losses.py:tversky", [{"alpha": 0.3, "beta": 0.5}, {"alpha": 0.9, "beta": 0.1}]),
        (Task.REGRESSION, "losses.py:Pinball", [{"tau": 0.2}, {"tau": 0.9}]),
    ],
)
def test_losses_train_as_in_keras(tmp_path: Path, task: Task, name: str, settings: list[dict[str, Any]]) -> None:
    """Each setting of the options is that of its own program: a loss may keep, or decide by, what it was given."""
    from tuner.engines import ENGINES

    known(write_project(tmp_path), "loss", name, task)
    engine, (split, facts) = ENGINES["compiled"].make(), oracle.data(task, weighted=True)
    for options in settings:
        recipe = oracle.recipe(Choice(name=name, options=options), task=task)
        assert_equal(engine, recipe, split, facts, in_all_ways=False)


def test_clipping_trains_as_in_keras(tmp_path: Path) -> None:
    """In front of an optimizer that would update all weights as one vector, and with one of the project."""
    from tuner.engines import ENGINES

    write_project(tmp_path)
    known(tmp_path, "clipping", "training.py:adaptive", Task.MULTICLASS)
    known(tmp_path, "optimizer", "training.py:AdaBelief", Task.MULTICLASS)
    engine, (split, facts) = ENGINES["compiled"].make(), oracle.data(Task.MULTICLASS)
    own = Choice(name="training.py:AdaBelief", options={"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7})
    for factor, optimizer in ((0.5, "adam"), (0.001, "sgd"), (0.5, "sgd"), (0.001, own)):
        clipping = Choice(name="training.py:adaptive", options={"factor": factor})
        recipe = oracle.recipe("categorical_crossentropy", optimizer, clipping=clipping, learning_rate=0.3)
        assert_equal(engine, recipe, split, facts, in_all_ways=False)


def test_all_else_trains_as_in_keras(tmp_path: Path) -> None:
    from tuner.engines import ENGINES

    names = {"optimizer": "AdaBelief", "schedule": "triangular", "initializer": "Fixup", "activation": "bent"}
    write_project(tmp_path)
    for family, name in names.items():
        known(tmp_path, family, f"training.py:{name}", Task.MULTICLASS)
    engine, (split, facts) = ENGINES["compiled"].make(), oracle.data(Task.MULTICLASS)
    for beta, cycles, factor in ((0.8, 2, 0.5), (0.95, 3, 1.5)):
        recipe = oracle.recipe(
            "categorical_crossentropy",
            Choice(name="training.py:AdaBelief", options={"beta_1": beta, "beta_2": 0.99, "epsilon": 1e-7}),
            schedule=Choice(name="training.py:triangular", options={"cycles": cycles, "lowest": 0.1}),
            initializer=Choice(name="training.py:Fixup", options={"factor": factor}),
            activation="training.py:bent",
            clipping=Choice(name="clipnorm", options={"norm": 0.5}),
            weight_decay=1e-2,
        )
        assert_equal(engine, recipe, split, facts, in_all_ways=False)


UNUSUAL = """import keras
import tensorflow as tf


def in_float64(y_true, y_pred):
    return tf.reduce_mean(tf.cast(y_true - y_pred, tf.float64) ** 2, -1)


in_float64.heads = {"regression": "linear"}


def masked(y_true, y_pred):
    losses = tf.reduce_mean((y_true - y_pred) ** 2, -1)
    losses._keras_mask = losses > 0.5
    return losses


masked.heads = {"regression": "linear"}


def unseeded(y_true, y_pred):
    return tf.reduce_mean((y_true - y_pred) ** 2, -1) * tf.random.uniform([])


unseeded.heads = {"regression": "linear"}


class Half(keras.losses.Loss):
    heads = {"regression": "linear"}

    def __init__(self):
        super().__init__(dtype="float16")

    def call(self, y_true, y_pred):
        return tf.reduce_mean((y_true - y_pred) ** 2, -1)


class Noisy(keras.losses.Loss):
    heads = {"regression": "linear"}

    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator(3)

    def call(self, y_true, y_pred):
        return (y_true - y_pred) ** 2 * keras.random.uniform(tf.shape(y_pred), seed=self.generator)


class Counting(keras.optimizers.SGD):
    def build(self, variables):
        super().build(variables)
        self.count = tf.Variable(0.0, trainable=False)

    def update_step(self, gradient, variable, learning_rate):
        self.count.assign_add(1.0)
        self.assign_sub(variable, learning_rate * gradient / self.count)


class Scaling(keras.optimizers.Adam):
    def __init__(self, learning_rate=0.01, **given):
        super().__init__(learning_rate=learning_rate, loss_scale_factor=8.0, **given)
"""


def unusual(folder: Path, family: str, name: str) -> Any:
    """A recipe with a loss or an optimizer of `UNUSUAL`."""
    (folder / "unusual.py").write_text(UNUSUAL, encoding="utf-8")
    known(folder, family, f"unusual.py:{name}", Task.REGRESSION)
    choice = Choice(name=f"unusual.py:{name}", options={"learning_rate": 0.01} if name == "Scaling" else {})
    chosen: dict[str, Any] = {"loss": "mean_squared_error", family: choice}
    return oracle.recipe(**chosen, task=Task.REGRESSION)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["in_float64", "masked", "Half"])
def test_losses_with_a_dtype_or_a_mask_train_as_in_keras(tmp_path: Path, name: str, weighted: bool) -> None:
    from tuner.engines import ENGINES

    recipe = unusual(tmp_path, "loss", name)
    assert_equal(ENGINES["compiled"].make(), recipe, *oracle.data(Task.REGRESSION, weighted=weighted), with_xla=False)


@pytest.mark.parametrize(
    ("family", "name", "says"),
    [
        ("loss", "unseeded", "the loss draws random numbers .* without a seed"),
        ("loss", "Noisy", "the loss sets a variable that Keras does not know"),
        ("optimizer", "Counting", "the optimizer sets a variable that Keras does not know"),
        ("optimizer", "Scaling", "the optimizer scales the loss"),
    ],
)
def test_what_keeps_a_state_of_its_own_or_scales_the_loss_is_left_to_fit(
    tmp_path: Path, family: str, name: str, says: str
) -> None:
    from tuner.engines import ENGINES

    recipe = unusual(tmp_path, family, name)
    with pytest.raises(UnsupportedError, match=says):
        oracle.by_engine(ENGINES["compiled"].make(), recipe, *oracle.data(Task.REGRESSION))
