"""Epochs until a trial is nearly as good as the best one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.catalog import Objective, TrialState
from tuner.results import StoredStudy
from tuner.search import StoredTrial, find_best

_TARGET_SHARE = 0.95
"""Share of the best value, or of the way to it, that counts as nearly as good."""


@dataclass(frozen=True)
class TargetValue:
    """The objective that counts as nearly as good as the best one.

    Attributes:
        value: The objective to reach.
        objective: What the study optimizes.
        rule: What the value is, as a sentence.
    """

    value: float
    objective: Objective
    rule: str

    def to_json(self) -> dict[str, Any]:
        """Return the target as plain JSON: a part of `tuner compare --json`."""
        return {"value": self.value, "direction": self.objective.direction, "rule": self.rule}

    def reached(self, value: float) -> bool:
        """Return True if a value is as good."""
        return not self.objective.better(self.value, value)


def default_target(study: StoredStudy) -> TargetValue | None:
    """Return the target of a study, or None while no trial is complete.

    An objective that is maximized and above 0 must reach 95 % of the best value.  A share of a value that is minimized,
    or negative, depends on its zero: such an objective must get 95 % of the way from the median of the complete
    trials to the best one.
    """
    record = study.record
    best = find_best(record.trials, study.objective)
    if best is None or best.value is None:
        return None
    if study.objective.maximize and best.value > 0:
        return TargetValue(_TARGET_SHARE * best.value, study.objective, "95 % of the best value of the study")
    values = [trial.value for trial in record.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    middle = float(np.median([value for value in values if value is not None]))
    value = middle + _TARGET_SHARE * (best.value - middle)
    return TargetValue(value, study.objective, "95 % of the way from the median of the complete trials to the best one")


def epochs_to_target(
    trials: Iterable[StoredTrial], curves: Mapping[int, Sequence[float | None]], target: TargetValue
) -> list[int]:
    """Return the first epoch (from 1) in which each trial reached the target, without trials that never did."""
    found = []
    for trial in trials:
        curve = curves.get(trial.trial_id, ())
        at = next((i for i, value in enumerate(curve, 1) if value is not None and target.reached(value)), None)
        if at is not None:
            found.append(at)
    return found
