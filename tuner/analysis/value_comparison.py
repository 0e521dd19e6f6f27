"""Comparison of the values of a dimension: quality, speed, failures, cost, and the significance of the difference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.analysis.epochs_to_target import TargetValue, default_target, epochs_to_target
from tuner.analysis.grouping import Group, find_dimension, group_trials
from tuner.analysis.significance import significance_test
from tuner.analysis.study_effects import StudyEffects, study_effects
from tuner.catalog import FINISHED_STATES, TrialState
from tuner.errors import NoBestTrialError
from tuner.health import HEALTHY
from tuner.results import StoredStudy, read_curves
from tuner.search import StoredTrial
from tuner.storage import trial_attributes


@dataclass(frozen=True)
class _Context:
    study: StoredStudy
    target: TargetValue | None
    curves: Mapping[int, Sequence[float | None]]
    effects: StudyEffects


def compare(study: StoredStudy, dimensions: Sequence[str], bins: int = 4) -> dict[str, Any]:
    """Compare the values of each dimension.

    Only trials that have ended count.  Values and tests are over the complete ones: a pruned trial has no value after
    all its epochs, a diverged one none at all; both are counted, in shares of the trials that have ended.

    Args:
        study: The study.
        dimensions: Names, as `find_dimension` takes them.
        bins: Number of bins that a range of numbers is cut into, with about equally many trials in each.

    Returns:
        The shape of `tuner compare --by DIMENSION --json`, see docs/json.md.

    Raises:
        UsageError: A dimension that is not searched.
        NoBestTrialError: No trial has ended yet.
    """
    record = study.record
    ended = [trial for trial in record.trials if study.trial_state(trial)[0] in FINISHED_STATES]
    if not ended:
        raise NoBestTrialError(
            f"A comparison needs trials that have ended, but the study {record.name!r} has none. {study.next_step}"
        )
    names = list(dict.fromkeys(find_dimension(study, name) for name in dimensions))
    context = _Context(study, default_target(study), read_curves(study), study_effects(study))
    return {
        "study": record.name,
        "metric": study.metric,
        "direction": record.direction,
        "trials": len(ended),
        "complete": len(_complete(study, ended)),
        "goal": None if context.target is None else context.target.to_json(),
        "comparisons": [_comparison(context, name, group_trials(ended, name, bins)) for name in names],
    }


def _comparison(context: _Context, dimension: str, groups: Sequence[Group]) -> dict[str, Any]:
    study = context.study
    samples = [[float(trial.value or 0.0) for trial in _complete(study, group.trials)] for group in groups]
    ranks = context.effects.ranks_by_trial(dimension)
    tested = [group for group in groups if group.value is not None]
    ranked = [np.array([ranks[trial.number] for trial in group.trials if trial.number in ranks]) for group in tested]
    labels = [str(group.value) for group in tested]
    found = significance_test(study, dimension, context.effects.effects.get(dimension), labels, ranked)
    against = [*found.pop("p_against_leader"), *[None] * (len(groups) - len(tested))]
    rows = [
        {**_row(context, group, values), "p_against_leader": p}
        for group, values, p in zip(groups, samples, against, strict=True)
    ]
    return {"dimension": dimension, "groups": rows, "test": found}


def _complete(study: StoredStudy, trials: Sequence[StoredTrial]) -> list[StoredTrial]:
    return [trial for trial in trials if study.trial_state(trial)[0] == TrialState.COMPLETE]


def _row(context: _Context, group: Group, values: Sequence[float]) -> dict[str, Any]:
    study, trials = context.study, group.trials
    ended = [study.trial_state(trial) for trial in trials]
    counts = Counter(state for state, _ in ended)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if values else (None, None, None)
    seconds = [duration for trial in trials if (duration := trial_attributes(trial).duration_s) is not None]
    verdicts = study.trial_verdicts(trials)
    epochs = [] if context.target is None else epochs_to_target(trials, context.curves, context.target)
    unusable = (TrialState.DIVERGED, TrialState.FAILED)
    return {
        "value": group.value,
        "low": group.low,
        "high": group.high,
        "trials": len(trials),
        **{state: counts[state] for state in FINISHED_STATES},
        "best": study.objective.best(values),
        "median": None if middle is None else float(middle),
        "spread": None if low is None else float(high - low),
        "reached": len(epochs),
        "epochs_to_goal": float(np.median(epochs)) if epochs else None,
        "share_diverged": counts[TrialState.DIVERGED] / len(trials),
        "share_pruned": counts[TrialState.PRUNED] / len(trials),
        "verdict": next(iter(verdicts), None),
        "verdicts": verdicts,
        "share_unhealthy": 1 - verdicts.get(HEALTHY, 0) / sum(verdicts.values()) if verdicts else None,
        "failure": _commonest([reason for state, reason in ended if state in unusable and reason]),
        "seconds_a_trial": sum(seconds) / len(seconds) if seconds else None,
        "seconds": float(sum(seconds)),
    }


def _commonest(reasons: Sequence[str]) -> dict[str, Any] | None:
    """Return the most common reason, numbers apart, in its first wording, and its count; or None without any."""
    if not reasons:
        return None
    kinds = [re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "#", reason) for reason in reasons]
    kind, count = Counter(kinds).most_common(1)[0]
    return {"reason": reasons[kinds.index(kind)], "count": count}
