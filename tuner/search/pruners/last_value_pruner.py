"""A pruner that is shown the last value of a trial alone."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class LastValuePruner(BasePruner):
    """Decides like `pruner` would if the trial had reported its last value only.

    Optuna's median and percentile compare the *best* value of a trial so far with those of other trials at this step.
    Over epochs that spares a curve that shakes.  Over folds, the best mean so far is that after the easiest folds: with
    an easy first fold no trial would ever be ended.

    Args:
        pruner: The pruner that decides.
    """

    def __init__(self, pruner: BasePruner) -> None:
        self._pruner = pruner

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to prune the trial; see `optuna.pruners.BasePruner`."""
        step = trial.last_step
        if step is None:
            return False
        seen = copy.copy(trial)
        seen.intermediate_values = {step: trial.intermediate_values[step]}
        return self._pruner.prune(study, seen)
