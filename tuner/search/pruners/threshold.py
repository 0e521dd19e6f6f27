"""Fixed limits of the objective."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tuner.catalog import Option
from tuner.search.pruners.base import INTERVAL_STEPS, MOST_DECISIONS, WARMUP_STEPS, PrunerEntry, refuse, regular_rungs
from tuner.space import Fixed, Float

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


_LIMIT = Float(-1e300, 1e300)


def _rungs(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, **_: Any
) -> tuple[int, ...]:
    return regular_rungs(steps, n_warmup_steps or math.ceil(steps / MOST_DECISIONS), interval_steps)


def build(
    steps: int,
    folds: bool = False,
    *,
    lower: float | None = None,
    upper: float | None = None,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from optuna.pruners import ThresholdPruner

    refuse(_incompatible_because(None, lower=lower, upper=upper))
    return ThresholdPruner(lower, upper)


def _incompatible_because(
    folds: int | None, *, lower: float | None = None, upper: float | None = None, **_: Any
) -> str | None:
    if lower is None and upper is None:
        return "threshold needs `lower`, `upper` or both"
    if lower is not None and upper is not None and lower >= upper:
        return f"`lower < upper` must hold, but got lower={lower:g}, upper={upper:g}"
    return None


THRESHOLD = PrunerEntry(
    "threshold",
    "prunes a trial whose value is outside fixed limits",
    "optuna.pruners.ThresholdPruner",
    build,
    (
        Option("lower", None, Fixed(None), _LIMIT, "smallest value of the objective that is tolerated"),
        Option("upper", None, Fixed(None), _LIMIT, "largest value of the objective that is tolerated"),
        replace(WARMUP_STEPS, summary="first step with a decision; by default a tenth of the steps"),
        INTERVAL_STEPS,
    ),
    rungs=_rungs,
    incompatible_because=_incompatible_because,
)
