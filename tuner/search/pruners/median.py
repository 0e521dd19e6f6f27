"""The default: the better half continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.pruners.base import REGULAR, PrunerEntry, regular_rungs
from tuner.search.pruners.percentile import build as build_percentile

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def build(
    steps: int,
    folds: bool = False,
    *,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    return build_percentile(steps, folds, percentile=50.0, n_startup_trials=n_startup_trials)


MEDIAN = PrunerEntry(
    "median",
    "prunes a trial whose best value so far (over folds: its mean) is worse than the median of complete trials",
    "Golovin et al., Google Vizier, KDD 2017 (median stopping rule)",
    build,
    REGULAR,
    rungs=regular_rungs,
)
