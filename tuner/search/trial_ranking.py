"""The states of trials, and the best of them, by what `outcomes` has told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from tuner.catalog import Objective, TrialState
from tuner.search.stored_trial import StoredTrial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

AnyTrial = TypeVar("AnyTrial", "FrozenTrial", "StoredTrial")

OUTCOME = "outcome"
"""User attribute of a trial: its state and reason, if Optuna's state does not say it all."""
_FINISHED = {"COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED, "FAIL": TrialState.FAILED}
"""State of a finished trial, by its name in Optuna."""


def trial_state(trial: FrozenTrial | StoredTrial) -> tuple[TrialState, str | None]:
    """Return the state of a trial and the reason for it."""
    attribute = trial.user_attrs.get(OUTCOME, {})
    if not trial.state.is_finished():
        return (TrialState.RUNNING if trial.state.name == "RUNNING" else TrialState.WAITING), None
    state = attribute.get("state") or _FINISHED[trial.state.name]
    return TrialState(state), attribute.get("reason")


def find_best(trials: Iterable[AnyTrial], objective: Objective) -> AnyTrial | None:
    """Find the best complete trial that did not diverge, the earliest one of equals, or return None."""
    return next(iter(ranked_complete(trials, objective)), None)


def ranked_complete(trials: Iterable[AnyTrial], objective: Objective) -> list[AnyTrial]:
    """Sort the complete trials that did not diverge, best first; of equal ones the earlier first."""
    complete = [trial for trial in trials if trial_state(trial)[0] == TrialState.COMPLETE]
    return sorted(complete, key=lambda trial: (objective.sort_key(trial.value), trial.number))
