"""At each rung the best part continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.pruners.base import HALVING, PrunerEntry, first_rung, halving_rungs

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def build(steps: int, folds: bool = False, *, min_resource: int | None = None, reduction_factor: int = 3) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from optuna.pruners import SuccessiveHalvingPruner

    from tuner.search.pruners.bracket_pruner import BracketPruner

    halving = SuccessiveHalvingPruner(first_rung(steps, min_resource), reduction_factor)
    return BracketPruner([halving], lambda study, trial: 0)


SUCCESSIVE_HALVING = PrunerEntry(
    "successive_halving",
    "asynchronous: at each rung the best one in `reduction_factor` continues",
    "Li et al., A System for Massively Parallel Hyperparameter Tuning, arXiv:1810.05934",
    build,
    HALVING,
    rungs=halving_rungs,
)
