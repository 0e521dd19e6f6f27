"""The Pareto front of objective and size: the trials that no other one beats in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from optuna.trial import FrozenTrial

from tuner.catalog import Objective
from tuner.engines import BYTES_PER_WEIGHT
from tuner.search import ranked_complete, searched_params
from tuner.storage import trial_attributes


def find_pareto_front(trials: Iterable[FrozenTrial], objective: Objective, size: str) -> list[dict[str, Any]]:
    """Find the complete trials of which no other one is as good and smaller, or better and no larger.

    Of trials that are equal in both the earliest counts; trials whose size is not known are left out.

    Args:
        trials: Of a study.
        objective: Of the study.
        size: "weights" or "multiply_adds".

    Returns:
        `[{"trial", "value", "weights", "multiply_adds", "bytes", "params"}]`, the smallest first.
    """
    front: list[dict[str, Any]] = []
    for trial in ranked_complete(trials, objective):  # best first: only a smaller one is new
        row = _row(trial)
        if row[size] is None or (front and row[size] >= front[-1][size]):
            continue
        if front and front[-1]["value"] == row["value"]:
            front.pop()
        front.append(row)
    return front[::-1]


def _row(trial: FrozenTrial) -> dict[str, Any]:
    size = trial_attributes(trial).network_size
    return {
        "trial": trial.number,
        "value": trial.value,
        "weights": None if size is None else size.weights,
        "multiply_adds": None if size is None else size.multiply_adds,
        "bytes": None if size is None else BYTES_PER_WEIGHT * size.weights,
        "params": searched_params(trial),
    }
