"""A study in numbers: the documented JSON of `tuner run --json` and `tuner show --json`."""

from __future__ import annotations

from typing import Any

from optuna.trial import FrozenTrial

from tuner.catalog import TrialState
from tuner.results.stored_study import StoredStudy
from tuner.search import find_best, searched_params


def summary(study: StoredStudy) -> dict[str, Any]:
    """The study as plain JSON.

    Returns:
        `{"study", "direction", "metric", "counts", "best", "wall_s", "programs", "settings", "health",
        "warnings", "trials"}`:
        `counts` by state, `best` is `{"trial", "value", "params"}` or None, `programs` is `{"traced", "seconds"}`,
        `settings` is `{"total", "trained", "text"}`, `health` has trials by verdict, and `trials` has one
        `{"number", "state", "value", "params", "epochs", "duration_s",
        "engine", "fallback_reason", "reason", "health"}` a trial, where `health` has its findings, the verdict first.
    """
    record = study.record
    rows = [trial_row(study, trial) for trial in record.trials]
    best = find_best(record.trials, study.objective)
    return {
        "study": record.name,
        "direction": record.direction,
        "metric": study.metric,
        "counts": {state: sum(row["state"] == state for row in rows) for state in TrialState},
        "best": None if best is None else {"trial": best.number, "value": best.value, "params": searched_params(best)},
        "wall_s": study.wall_s,
        "programs": study.programs,
        "settings": {"total": study.settings, "trained": study.trained_settings, "text": study.coverage},
        "health": study.trial_verdicts(record.trials),
        "warnings": study.warnings,
        "trials": rows,
    }


def trial_row(study: StoredStudy, trial: FrozenTrial) -> dict[str, Any]:
    """One trial as plain JSON; `value` is None unless it is complete or pruned."""
    state, reason = study.trial_state(trial)
    return {
        "number": trial.number,
        "state": state,
        "value": trial.value if state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        "params": searched_params(trial),
        "epochs": study.epochs.get(trial._trial_id, 0),
        "duration_s": trial.user_attrs.get("duration_s"),
        "engine": trial.user_attrs.get("engine"),
        "fallback_reason": _fallback_reason(trial),
        "reason": reason,
        "health": study.trial_health(trial),
    }


def _fallback_reason(trial: FrozenTrial) -> str | None:
    """Return why `auto` trained a trial with `model.fit`; older databases call it `slower_as`."""
    reason = trial.user_attrs.get("fallback_reason") or trial.user_attrs.get("slower_as")
    return None if reason is None else str(reason)
