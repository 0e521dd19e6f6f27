"""Trials that were not trained, as their networks were over one of `[limits]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuner.results.stored_study import StoredStudy
from tuner.search import StoredTrial
from tuner.storage import trial_attributes
from tuner.text import count


def _rejected_trials(study: StoredStudy) -> list[StoredTrial]:
    """Return the trials whose networks were over a limit, the smallest violation first."""
    found = [(trial_attributes(trial).outcome.violation, trial) for trial in study.record.trials]
    over = [(violation, trial.number, trial) for violation, trial in found if violation is not None]
    return [trial for *_, trial in sorted(over, key=lambda row: row[:2])]


def rejected_text(study: StoredStudy) -> str | None:
    """Say how many trials were not trained because of a limit, or None if there are none.

    If all of them were over a limit, it says by how little the best one was.
    """
    return _describe(study, _rejected_trials(study))


def rejected_row(study: StoredStudy) -> dict[str, Any]:
    """Return the number of these trials and `rejected_text`, as plain JSON."""
    over = _rejected_trials(study)
    return {"trials": len(over), "text": _describe(study, over)}


def _describe(study: StoredStudy, over: Sequence[StoredTrial]) -> str | None:
    if not over:
        return None
    if len(over) < sum(study.trial_state(trial)[0].is_finished for trial in study.record.trials):
        many = count(len(over), "diverged trial was", "diverged trials were")
        return f"{many} not trained, as the network was over a limit of [limits]."
    reason = study.trial_state(over[0])[1]
    return (
        f"No trial was trained: the network of each was over a limit of [limits]. The nearest, trial {over[0].number}, "
        f"has {reason}. Search smaller networks, or raise the limit in a study of another name."
    )
