"""Outcomes of trials, and how they are told to the sampler.

On a space where a learning rate above 0.5 diverges, 81 % of the later trials of TPE and all of gp's were wasted while
divergence was told to Optuna as FAIL; as it is told here, 6 % of either.  A diverged trial is told as bad, in the way
in which the sampler can read it:

- "feasibility" (tpe, and the samplers that read nothing): PRUNED, and the constraint "finite" violated, or "limits" by
  how far the network is over one of `[limits]`.  TPE ranks such a trial after all others, the larger violation last.
- "values" (gp, cmaes, nsga2), which see complete trials only: COMPLETE with the worst value of a complete trial so far.
  No constraint is set here: cmaes ignores constraints with a warning, and gp stops with an error if only some trials
  have one.  Before there is a complete trial: PRUNED.

What happened is kept in our own attribute of the trial, which `trial_ranking` reads; Optuna's state says less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tuner.catalog import Objective, TrialState
from tuner.search.samplers import SAMPLERS
from tuner.search.samplers.base import FailureEncoding
from tuner.search.trial_ranking import OUTCOME

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial


_FINITE, _LIMITS = "finite", "limits"
"""Constraints, as Optuna knows them."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        state: A finished one.
        value: The objective of a complete trial, finite; None otherwise (that of a pruned one is its last report).
        reason: One sentence for the user, or None.
        violation: How far the network of a diverged trial is over a limit (`TrainingResult.violation`), or None.

    Raises:
        ValueError: A complete trial without a finite value, or another one with a value.
    """

    state: TrialState
    value: float | None = None
    reason: str | None = None
    violation: float | None = None

    def __post_init__(self) -> None:
        complete = self.state == TrialState.COMPLETE
        if complete and (self.value is None or not math.isfinite(self.value)):
            raise ValueError(f"a complete trial needs a finite value, but got {self.value}")
        if not complete and self.value is not None:
            raise ValueError(f"a {self.state} trial has no value, but got {self.value}")


def tell(study: Study, trial: Trial | int, outcome: Outcome) -> bool:
    """End a trial, so that the sampler learns from it.

    Only finite values may have been reported for it before.

    Args:
        study: The study.
        trial: The trial, or its number.
        outcome: How it ended.

    Returns:
        Whether it was told; False if the trial had ended already (a late result), which changes nothing.
    """
    from optuna.trial import TrialState as OptunaState

    number = trial if isinstance(trial, int) else trial.number
    storage = study._storage
    trial_id = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    if storage.get_trial(trial_id).state.is_finished():
        return False
    if outcome.state == TrialState.DIVERGED or outcome.reason is not None:
        content: dict[str, str | float | None] = {"state": outcome.state, "reason": outcome.reason}
        content |= {} if outcome.violation is None else {"violation": outcome.violation}
        storage.set_trial_user_attr(trial_id, OUTCOME, content)
    match outcome.state:
        case TrialState.COMPLETE:
            study.tell(number, outcome.value)
        case TrialState.PRUNED:
            study.tell(number, state=OptunaState.PRUNED)
        case TrialState.FAILED:
            study.tell(number, state=OptunaState.FAIL)
        case TrialState.DIVERGED:
            _tell_diverged(study, number, trial_id, outcome.violation)
    return True


def _tell_diverged(study: Study, number: int, trial_id: int, violation: float | None) -> None:
    from optuna.trial import TrialState as OptunaState

    from tuner.optuna_internals import CONSTRAINT_PREFIX

    encoding = _failure_encoding(study.sampler)
    worst = _worst(study) if encoding == "values" else None
    if worst is not None:
        study.tell(number, worst)
        return
    if encoding != "values":
        # What `Trial.set_constraint` writes; a trial that is known by its number alone has no such method.
        name, value = (_FINITE, 1.0) if violation is None else (_LIMITS, violation)
        study._storage.set_trial_system_attr(trial_id, f"{CONSTRAINT_PREFIX}{name}", value)
    study.tell(number, state=OptunaState.PRUNED)


def _worst(study: Study) -> float | None:
    from optuna.trial import TrialState as OptunaState

    trials = study.get_trials(deepcopy=False, states=(OptunaState.COMPLETE,))
    values = [cast(float, trial.value) for trial in trials]
    return Objective("objective", study.direction.name.lower()).worst(values)


def _failure_encoding(sampler: BaseSampler) -> FailureEncoding:
    classes = {cls.__name__ for cls in type(sampler).__mro__}
    return next((row.failure_encoding for row in SAMPLERS.values() if row.optuna_class in classes), "feasibility")
