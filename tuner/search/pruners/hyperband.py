"""Several successive halvings side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.pruners.base import HALVING, PrunerEntry, first_rung, halving_rungs

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def build(steps: int, folds: bool = False, *, min_resource: int | None = None, reduction_factor: int = 3) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from tuner.optuna_internals import hyperband_brackets
    from tuner.search.pruners.bracket_pruner import BracketPruner

    first = first_rung(steps, min_resource)
    # Optuna divides the two, and allows no bracket that is shorter than its first rung.
    return BracketPruner(*hyperband_brackets(first, max(first, steps), reduction_factor))


HYPERBAND = PrunerEntry(
    "hyperband",
    "several successive halvings side by side, from eager to patient",
    "Li et al., Hyperband, JMLR 2018; Li et al., arXiv:1810.05934",
    build,
    HALVING,
    rungs=halving_rungs,
)
