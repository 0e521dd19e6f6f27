"""A project with a loss and a metric of its own, for the tests of user code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOSSES = '''"""Losses of this project."""

import keras
from keras import ops

from parts import sums


def tversky(y_true, y_pred, *, alpha=0.5, beta=0.5):
    """Tversky loss of each row: false positives weigh alpha, false negatives beta."""
    hit, false, missed = sums(y_true, y_pred)
    return 1.0 - (hit + 1.0) / (hit + alpha * false + beta * missed + 1.0)


tversky.heads = {"binary": "sigmoid", "multilabel": "sigmoid"}


class Pinball(keras.losses.Loss):
    """The pinball loss."""

    heads = {"regression": "linear"}

    def __init__(self, tau=0.5, name="pinball", reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.tau = tau

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.tau * error, (self.tau - 1.0) * error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "tau": self.tau}
'''
PARTS = """from keras import ops


def sums(y_true, y_pred):
    parts = (y_true * y_pred, (1.0 - y_true) * y_pred, y_true * (1.0 - y_pred))
    return [ops.sum(part, axis=-1) for part in parts]
"""
COSTS = '''import numpy as np


def money(truth, answers, weight=None):
    """What wrong answers cost a row: 20 if a positive is missed, 1 for a false alarm."""
    cost = np.where(truth > answers, 20.0, np.where(truth < answers, 1.0, 0.0))
    return np.average(cost, weights=weight)


money.direction = "minimize"
money.takes = "classes"
'''


TRAINING = '''"""What this project trains with."""

import keras
from keras import ops


class AdaBelief(keras.optimizers.Optimizer):
    """Adam with the variance of the gradient around its mean."""

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-7, name="adabelief", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.means = [self.add_variable_from_reference(one, name="mean") for one in variables]
        self.spreads = [self.add_variable_from_reference(one, name="spread") for one in variables]

    def update_step(self, gradient, variable, learning_rate):
        rate, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        mean, spread = (each[self._get_variable_index(variable)] for each in (self.means, self.spreads))
        self.assign_add(mean, (1.0 - self.beta_1) * (gradient - mean))
        self.assign_add(spread, (1.0 - self.beta_2) * (ops.square(gradient - mean) - spread) + self.epsilon)
        upper = mean / (1.0 - ops.power(self.beta_1, step))
        lower = ops.sqrt(spread / (1.0 - ops.power(self.beta_2, step))) + self.epsilon
        self.assign_sub(variable, rate * upper / lower)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


def triangular(step, steps, base, *, cycles=2, lowest=0.1):
    """Up and down in straight lines (Smith 2017)."""
    part = step * cycles / steps % 1.0
    return base * (lowest + (1.0 - lowest) * (1.0 - abs(2.0 * part - 1.0)))


class Fixup(keras.initializers.Initializer):
    """He's normal draws, times a factor."""

    def __init__(self, factor=0.5, seed=None):
        self.factor, self.seed = factor, seed

    def __call__(self, shape, dtype=None):
        return self.factor * keras.random.normal(shape, 0.0, (2.0 / shape[0]) ** 0.5, dtype=dtype, seed=self.seed)

    def get_config(self):
        return {"factor": self.factor}


def adaptive(gradients, weights, *, factor=0.01):
    """No gradient is longer than a share of its weights."""
    longest = [factor * ops.maximum(ops.norm(weight), 1e-3) for weight in weights]
    return [g * ops.minimum(1.0, most / (ops.norm(g) + 1e-6)) for g, most in zip(gradients, longest)]


def bent(x):
    """A smooth relu."""
    return (ops.sqrt(x * x + 1.0) - 1.0) / 2.0 + x
'''


def write_project(folder: Path) -> Path:
    """Write the files, and return the folder."""
    for name, text in (("losses.py", LOSSES), ("parts.py", PARTS), ("costs.py", COSTS), ("training.py", TRAINING)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def study(**changed: Any) -> dict[str, Any]:
    """A study that names them."""
    return {
        "name": "own",
        "model": "models/mlp.py",
        "data": {"source": "breast_cancer"},
        "objective": {"metric": "costs.py:money"},
        "search": {
            "loss": ["binary_crossentropy", "losses.py:tversky"],
            "loss_options": {"losses.py:tversky": {"alpha": {"low": 0.2, "high": 0.8}}},
        },
        "budget": {"trials": 2, "epochs": 2},
        **changed,
    }
