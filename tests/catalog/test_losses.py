"""Each loss against its formula in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuner.catalog import LOSSES, Task

RNG = np.random.default_rng(3)
N, C = 7, 4
EPSILON = 1e-7

CLASSES = np.eye(C)[RNG.integers(0, C, N)]
SHARES = RNG.dirichlet(np.ones(C), N)
YES_NO = RNG.integers(0, 2, (N, 1)).astype(float)
CHANCES = RNG.uniform(0.02, 0.98, (N, 1))
LABELS = RNG.integers(0, 2, (N, 3)).astype(float)
LABEL_CHANCES = RNG.uniform(0.02, 0.98, (N, 3))
NUMBERS = RNG.normal(size=(N, 2)) * 3
PREDICTIONS = RNG.normal(size=(N, 2)) * 3
MARGINS = RNG.normal(size=(N, 3)) * 2
CLASS_MARGINS = RNG.normal(size=(N, C)) * 2


def smooth_yes_no(y: np.ndarray, by: float) -> np.ndarray:
    return y * (1 - by) + 0.5 * by


def smooth_classes(y: np.ndarray, by: float) -> np.ndarray:
    return y * (1 - by) + by / y.shape[1]


def binary_crossentropy(y: np.ndarray, p: np.ndarray, label_smoothing: float = 0.0) -> np.ndarray:
    y = smooth_yes_no(y, label_smoothing)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=1)


def binary_focal(
    y: np.ndarray, p: np.ndarray, gamma: float = 2.0, alpha: float = 0.5, label_smoothing: float = 0.0
) -> np.ndarray:
    y = smooth_yes_no(y, label_smoothing)
    of_truth = y * p + (1 - y) * (1 - p)
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    weight = y * alpha + (1 - y) * (1 - alpha)
    return (weight * (1 - of_truth) ** gamma * entropy).mean(axis=1)


def categorical_focal(y: np.ndarray, p: np.ndarray, gamma: float = 2.0, label_smoothing: float = 0.0) -> np.ndarray:
    y = smooth_classes(y, label_smoothing)
    return (0.25 * (1 - p) ** gamma * -y * np.log(p)).sum(axis=1)


def categorical_crossentropy(y: np.ndarray, p: np.ndarray, label_smoothing: float = 0.0) -> np.ndarray:
    return -(smooth_classes(y, label_smoothing) * np.log(p)).sum(axis=1)


def huber(y: np.ndarray, p: np.ndarray, delta: float = 1.0) -> np.ndarray:
    r = np.abs(p - y)
    return np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).mean(axis=1)


def pinball(y: np.ndarray, p: np.ndarray, tau: float = 0.5) -> np.ndarray:
    return np.where(y > p, tau * (y - p), (1 - tau) * (p - y)).mean(axis=1)


def kl_divergence(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    y = np.clip(y, EPSILON, 1)
    return (y * np.log(y / np.clip(p, EPSILON, 1))).sum(axis=1)


def categorical_hinge(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(((1 - y) * p).max(axis=1) - (y * p).sum(axis=1) + 1, 0)


def hinge(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(1 - (2 * y - 1) * p, 0).mean(axis=1)


def squared_hinge(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (np.maximum(1 - (2 * y - 1) * p, 0) ** 2).mean(axis=1)


def squared(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return ((p - y) ** 2).mean(axis=1)


def absolute(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.abs(p - y).mean(axis=1)


def log_cosh(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.log(np.cosh(p - y)).mean(axis=1)


CASES: list[tuple[str, Callable[..., np.ndarray], np.ndarray, np.ndarray, list[dict[str, float]]]] = [
    ("mean_squared_error", squared, NUMBERS, PREDICTIONS, [{}]),
    ("mean_squared_error", squared, YES_NO, CHANCES, [{}]),
    ("mean_squared_error", squared, CLASSES, SHARES, [{}]),
    ("mean_absolute_error", absolute, NUMBERS, PREDICTIONS, [{}]),
    ("huber", huber, NUMBERS, PREDICTIONS, [{}, {"delta": 0.3}, {"delta": 4.0}]),
    ("quantile", pinball, NUMBERS, PREDICTIONS, [{}, {"tau": 0.1}, {"tau": 0.9}]),
    ("log_cosh", log_cosh, NUMBERS, PREDICTIONS, [{}]),
    ("binary_crossentropy", binary_crossentropy, YES_NO, CHANCES, [{}, {"label_smoothing": 0.2}]),
    ("binary_crossentropy", binary_crossentropy, LABELS, LABEL_CHANCES, [{}, {"label_smoothing": 0.2}]),
    (
        "binary_focal_crossentropy",
        binary_focal,
        LABELS,
        LABEL_CHANCES,
        [{}, {"gamma": 3.5}, {"alpha": 0.8}, {"gamma": 1.0, "alpha": 0.1, "label_smoothing": 0.1}],
    ),
    ("hinge", hinge, LABELS, MARGINS, [{}]),
    ("squared_hinge", squared_hinge, LABELS, MARGINS, [{}]),
    ("categorical_crossentropy", categorical_crossentropy, CLASSES, SHARES, [{}, {"label_smoothing": 0.3}]),
    (
        "categorical_focal_crossentropy",
        categorical_focal,
        CLASSES,
        SHARES,
        [{}, {"gamma": 4.0}, {"gamma": 1.0, "label_smoothing": 0.1}],
    ),
    ("categorical_hinge", categorical_hinge, CLASSES, CLASS_MARGINS, [{}]),
    ("kl_divergence", kl_divergence, CLASSES, SHARES, [{}]),
]


def test_every_loss_and_option_has_a_formula() -> None:
    written = {(name, option) for name, _, _, _, cases in CASES for case in cases for option in case}
    wanted = {(row.name, option.name) for row in LOSSES.values() for option in row.options}
    wanted |= {(row.name, "label_smoothing") for row in LOSSES.values() if row.label_smoothing}
    assert written == wanted
    assert {case[0] for case in CASES} == set(LOSSES)


@pytest.mark.parametrize(
    ("name", "formula", "y", "p", "options"),
    [pytest.param(*case[:4], options, id=f"{case[0]}-{options}") for case in CASES for options in case[4]],
)
def test_a_loss_is_its_formula(name: str, formula: Any, y: np.ndarray, p: np.ndarray, options: dict[str, Any]) -> None:
    loss = LOSSES[name].build(**options)
    rows = formula(y, p, **options)
    weight = np.linspace(0.5, 2.0, N)
    np.testing.assert_allclose(loss(y, p), rows.mean(), rtol=3e-5)
    np.testing.assert_allclose(loss(y, p, sample_weight=weight), (rows * weight).mean(), rtol=3e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_survives_serialisation(name: str) -> None:
    row = LOSSES[name]
    given = {option.name: option.auto.high for option in row.options}
    given |= {"label_smoothing": 0.1} if row.label_smoothing else {}
    loss = row.build(**given)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    _, _, y, p, _ = next(case for case in CASES if case[0] == name)
    assert float(again(y, p)) == float(loss(y, p))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_builds_with_its_defaults_named(name: str) -> None:
    row = LOSSES[name]
    assert row.build(**row.defaults()).get_config() == {**row.build().get_config()}


EXACT = ["binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"]


@pytest.mark.parametrize("name", EXACT)
def test_extreme_logits_give_the_unclipped_loss(name: str) -> None:
    """Keras finds the logits behind the head again; from the probabilities alone, 100 would be cut to 16."""
    classes = "categorical" in name
    raw = np.array([[0.0, 100.0]] if classes else [[-100.0]], np.float32)
    truth = np.array([[1.0, 0.0]] if classes else [[1.0]], np.float32)
    inputs = keras.Input(raw.shape[1:])
    model = keras.Model(inputs, keras.layers.Activation("softmax" if classes else "sigmoid")(inputs))
    model.compile(loss=LOSSES[name].build())
    expected = 50.0 if "focal" in name else 100.0  # the focal one has alpha 0.5
    assert model.evaluate(raw, truth, verbose=0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_where_the_head_saturates(name: str) -> None:
    """At the lowest and highest value of each option; a focal gamma below 1 gave NaN here."""
    row = LOSSES[name]
    task, head = next(iter(row.heads.items()))
    raw = np.array([[60.0, -60.0], [0.0, 0.0], [-60.0, 60.0]], np.float32)
    truth = np.array([[1.0, 0.0]] * 3, np.float32)
    for end in ("low", "high"):
        loss = row.build(**{option.name: getattr(option.allowed, end) for option in row.options})
        logits = tf.Variable(raw)
        with tf.GradientTape() as tape:
            value = loss(truth, keras.activations.get(head)(logits))
        assert np.isfinite(value.numpy()), task
        assert np.isfinite(tape.gradient(value, logits).numpy()).all()


@pytest.mark.parametrize("name", [row.name for row in LOSSES.values() if Task.MULTICLASS in row.heads])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_class_numbers_and_one_hot_targets_give_the_same(name: str, dtype: str) -> None:
    loss = LOSSES[name].build()
    numbers = CLASSES.argmax(axis=1).astype(dtype)
    expected = float(loss(CLASSES, SHARES))
    assert float(loss(numbers, SHARES)) == expected
    assert float(loss(numbers[:, None], SHARES)) == expected


@pytest.mark.parametrize("name", [row.name for row in LOSSES.values() if Task.BINARY in row.heads])
def test_flat_and_upright_yes_or_no_labels_give_the_same(name: str) -> None:
    loss = LOSSES[name].build()
    assert float(loss(YES_NO[:, 0].astype(int), CHANCES)) == pytest.approx(float(loss(YES_NO, CHANCES)))


@pytest.mark.parametrize("name", [row.name for row in LOSSES.values() if Task.REGRESSION in row.heads])
def test_flat_and_upright_numbers_give_the_same(name: str) -> None:
    loss = LOSSES[name].build()
    y, p = NUMBERS[:, :1], PREDICTIONS[:, :1]
    assert float(loss(y[:, 0], p)) == pytest.approx(float(loss(y, p)))
