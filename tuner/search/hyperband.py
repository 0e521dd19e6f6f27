"""Hyperband whose brackets are kept from the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.pruners import BasePruner, HyperbandPruner

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class Hyperband(BasePruner):
    """`optuna.pruners.HyperbandPruner`, without what it does to the sampler.

    Optuna shows the sampler of a study with a `HyperbandPruner` only the trials of the same bracket.  With three
    brackets and ten startup trials, about thirty trials are then drawn at random.  BOHB (Falkner et al., ICML 2018),
    which joined Hyperband with a Parzen estimator, learns from all brackets; so does this, by not being a subclass.

    Args:
        min_resource: Steps before the first decision of the most eager bracket.
        max_resource: Steps of a whole trial.
        reduction_factor: One trial in this many goes on at each decision.
    """

    def __init__(self, min_resource: int, max_resource: int, reduction_factor: int) -> None:
        self._brackets = HyperbandPruner(min_resource, max(min_resource, max_resource), reduction_factor)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial should end, by the rung of its bracket."""
        return self._brackets.prune(study, trial)
