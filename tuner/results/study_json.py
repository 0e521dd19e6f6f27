"""The documented JSON of `tuner run --json` and `tuner show --json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tuner.catalog import TrialState
from tuner.engines import BYTES_PER_WEIGHT
from tuner.results.rejected_networks import rejected_row
from tuner.results.stored_study import StoredStudy
from tuner.search import StoredTrial, find_best, searched_params
from tuner.storage import TrialAttributes, trial_attributes
from tuner.text import count, without_numbers


def summary(study: StoredStudy) -> dict[str, Any]:
    """Return the study as plain JSON.

    Returns:
        `{"study", "direction", "metric", "counts", "best", "wall_s", "programs", "settings", "health", "over_limit",
        "warnings", "older_points", "trials"}`:
        `counts` by state, `best` is `{"trial", "value", "params"}` or None, `programs` is `{"traced", "seconds"}`,
        `settings` is `{"total", "trained", "text"}`, `health` has trials by verdict, `over_limit` is
        `{"trials", "text"}`, and `trials` has one `{"number", "state", "value", "training_values", "params", "epochs",
        "selected_epochs", "duration_s", "engine", "fallback_reason", "weights", "trainable_weights", "multiply_adds",
        "bytes", "predict_ms", "predict_256_ms", "violation", "reason", "health"}` a trial, where `health` has its
        findings, the verdict first.
    """
    record, attrs = study.record, study.record.attrs
    rows = [trial_row(study, trial) for trial in record.trials]
    best = find_best(record.trials, study.objective)
    return {
        "study": record.name,
        "direction": record.direction,
        "metric": study.metric,
        "counts": {state: sum(row["state"] == state for row in rows) for state in TrialState},
        "best": None if best is None else {"trial": best.number, "value": best.value, "params": searched_params(best)},
        "wall_s": attrs.wall_s,
        "programs": attrs.programs.model_dump(),
        "settings": {"total": attrs.settings, "trained": study.trained_settings, "text": study.coverage},
        "health": study.trial_verdicts(record.trials),
        "over_limit": rejected_row(study),
        "warnings": attrs.warnings,
        "older_points": [point.model_dump() for point in attrs.older_points.points],
        "trials": rows,
    }


def failure_texts(trials: Iterable[Mapping[str, Any]], most: int = 3) -> list[str]:
    """Return a sentence for each of the most common errors of failed trials, and one for the others.

    Errors that differ only in numbers count as one.

    Args:
        trials: Rows of `summary`.
        most: Errors that are named.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for row in trials:
        if row["state"] == TrialState.FAILED and row["reason"]:
            kinds[without_numbers(row["reason"])].append(row["reason"])
    found = sorted(kinds.values(), key=len, reverse=True)
    texts = [
        f"{count(len(reasons), 'trial')} failed{', for example' if len({*reasons}) > 1 else ''}: {reasons[0]}"
        for reasons in found[:most]
    ]
    others = sum(map(len, found[most:]))
    return [*texts, f"{count(others, 'more trial')} failed for other reasons."] if others else texts


def trial_row(study: StoredStudy, trial: StoredTrial) -> dict[str, Any]:
    """One trial as plain JSON; `value` is None unless it is complete or pruned."""
    (state, reason), attrs = study.trial_state(trial), trial_attributes(trial)
    return {
        "number": trial.number,
        "state": state,
        "value": trial.value if state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        "training_values": attrs.training_values,
        "params": searched_params(trial),
        "epochs": study.epochs.get(trial.trial_id, 0),
        "selected_epochs": attrs.selected_epochs,
        "duration_s": attrs.duration_s,
        "engine": attrs.engine,
        "fallback_reason": attrs.fallback_reason,
        **network_cost_row(attrs),
        "violation": attrs.outcome.violation,
        "reason": reason,
        "health": [finding.to_json() for finding in study.trial_health(trial)],
    }


def network_cost_row(attrs: TrialAttributes) -> dict[str, Any]:
    """Return what a trial's network costs; what is not known is None."""
    size, times = attrs.network_size, attrs.predict_times
    return {
        "weights": None if size is None else size.weights,
        "trainable_weights": None if size is None else size.trainable_weights,
        "multiply_adds": None if size is None else size.multiply_adds,
        "bytes": None if size is None else BYTES_PER_WEIGHT * size.weights,
        "predict_ms": None if times is None else times.one_row_ms,
        "predict_256_ms": None if times is None else times.batch_ms,
    }
