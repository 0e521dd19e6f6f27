"""The best part continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.catalog import Option
from tuner.search.pruners.base import REGULAR, PrunerEntry, regular_rungs
from tuner.search.trial_window import WINDOW
from tuner.space import Fixed, Float

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def build(
    steps: int,
    folds: bool = False,
    *,
    percentile: float = 25.0,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from optuna.pruners import PercentilePruner

    from tuner.search.pruners.subsampled_pruner import SubsampledPruner

    pruner = SubsampledPruner(
        PercentilePruner(percentile, n_startup_trials=n_startup_trials), max(WINDOW, n_startup_trials)
    )
    if not folds:
        return pruner
    from tuner.search.pruners.last_value_pruner import LastValuePruner

    return LastValuePruner(pruner)


PERCENTILE = PrunerEntry(
    "percentile",
    "like median, with a different share: the best `percentile` percent continue",
    "optuna.pruners.PercentilePruner",
    build,
    (Option("percentile", 25.0, Fixed(25.0), Float(0.0, 100.0), "percentage of trials that continue"), *REGULAR),
    rungs=regular_rungs,
)
