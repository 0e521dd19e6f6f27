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


def write_project(folder: Path) -> Path:
    """Write the files, and return the folder."""
    for name, text in (("losses.py", LOSSES), ("parts.py", PARTS), ("costs.py", COSTS)):
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
