"""A signed-rank test against the best trial, fold by fold."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from tuner.catalog import Option
from tuner.search.pruners.base import PrunerEntry
from tuner.space import Fixed, Float

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def _rungs(steps: int, p_threshold: float = 0.1, **_: Any) -> tuple[int, ...]:
    return tuple(range(_folds_to_decide(p_threshold), steps))


def _folds_to_decide(p_threshold: float) -> int:
    """Folds after which a one-sided signed-rank test can give `p < p_threshold`: the smallest p of n pairs is 2^-n."""
    return max(2, math.floor(-math.log2(p_threshold)) + 1)


def build(steps: int, folds: bool = True, *, p_threshold: float = 0.1) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.pruners import WilcoxonPruner

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return WilcoxonPruner(p_threshold=p_threshold)


def _incompatible_because(folds: int | None, *, p_threshold: float = 0.1, **_: Any) -> str | None:
    if folds is None:
        return "wilcoxon compares folds, and the study has none; set validation = { folds = 5 }, or use median"
    needed = _folds_to_decide(p_threshold) + 1
    if folds < needed:
        return f"wilcoxon with p_threshold={p_threshold:g} can decide from {needed} folds on, but the study has {folds}"
    return None


WILCOXON = PrunerEntry(
    "wilcoxon",
    "compares a trial with the best one fold by fold, with a signed-rank test; for cross-validation",
    "Wilcoxon, Individual Comparisons by Ranking Methods, 1945; optuna.pruners.WilcoxonPruner",
    build,
    (Option("p_threshold", 0.1, Fixed(0.1), Float(1e-6, 0.5), "p-value below which a trial is pruned"),),
    rungs=_rungs,
    incompatible_because=_incompatible_because,
    over="folds",
    reports="value",
)
