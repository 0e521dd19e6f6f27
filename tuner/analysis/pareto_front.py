"""The Pareto front of objective and cost: the trials that no other one beats in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tuner.catalog import Objective
from tuner.results import network_cost_row
from tuner.search import StoredTrial, ranked_complete, searched_params
from tuner.storage import trial_attributes

COSTS = ("weights", "multiply_adds", "predict_ms")
"""What an objective can be weighed against."""
_SHOWN = ("weights", "multiply_adds", "bytes", "predict_ms", "predict_256_ms")


def find_pareto_front(trials: Iterable[StoredTrial], objective: Objective, cost: str) -> list[dict[str, Any]]:
    """Find the complete trials of which no other one is as good and cheaper, or better and no dearer.

    Of trials that are equal in both the earliest counts; trials whose cost is not known are left out.

    Args:
        trials: Of a study.
        objective: Of the study.
        cost: One of `COSTS`.

    Returns:
        `[{"trial", "value", "weights", "multiply_adds", "bytes", "predict_ms", "predict_256_ms", "params"}]`, the
        cheapest first.
    """
    front: list[dict[str, Any]] = []
    for trial in ranked_complete(trials, objective):  # best first: only a cheaper one is new
        row = _row(trial)
        if row[cost] is None or (front and row[cost] >= front[-1][cost]):
            continue
        if front and front[-1]["value"] == row["value"]:
            front.pop()
        front.append(row)
    return front[::-1]


def _row(trial: StoredTrial) -> dict[str, Any]:
    cost = network_cost_row(trial_attributes(trial))
    shown = {name: cost[name] for name in _SHOWN}
    return {"trial": trial.number, "value": trial.value, **shown, "params": searched_params(trial)}
