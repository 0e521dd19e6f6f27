"""A pruner that compares with a part of the finished trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from optuna.pruners import BasePruner
from optuna.trial import TrialState

from tuner.search.trial_window import WINDOW, FinishedTrials, WindowedStudy

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class SubsampledPruner(BasePruner):
    """Decides like `pruner` would if only some of the complete trials were there, spread evenly over all of them.

    Optuna's median reads all complete trials at each decision, 1 ms at 1,000 trials and 8 ms at 10,000, seven times a
    trial of 20 epochs.  A percentile of 1,000 of them is off by one and a half percent.

    Args:
        pruner: The pruner that decides; it must read complete trials only.
        count: How many it is shown.
    """

    def __init__(self, pruner: BasePruner, count: int = WINDOW) -> None:
        self._pruner, self._count = pruner, count
        self._complete = FinishedTrials((TrialState.COMPLETE,))

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to prune the trial; see `optuna.pruners.BasePruner`."""
        self._complete.take_in(study.get_trials(deepcopy=False))
        seen = WindowedStudy(study, self._complete.spread(self._count))
        return self._pruner.prune(cast("Study", seen), trial)
