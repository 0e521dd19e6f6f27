"""The median, for trials that have stopped improving."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from tuner.catalog import Option
from tuner.search.pruners.base import REGULAR, PrunerEntry, regular_rungs
from tuner.search.pruners.median import build as build_median
from tuner.space import Fixed, Float, Int

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def _rungs(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, patience: int = 3, **_: Any
) -> tuple[int, ...]:
    # Optuna compares the last `patience + 1` values with those before: there must be one before.
    return tuple(step for step in regular_rungs(steps, n_warmup_steps, interval_steps) if step >= patience + 2)


def build(
    steps: int,
    folds: bool = False,
    *,
    patience: int = 3,
    min_delta: float = 0.0,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    """Make the pruner; see `PrunerEntry`."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.pruners import PatientPruner

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return PatientPruner(build_median(steps, folds, n_startup_trials=n_startup_trials), patience, min_delta)


PATIENT = PrunerEntry(
    "patient",
    "median, but only for a trial that has not improved for `patience` steps",
    "optuna.pruners.PatientPruner",
    build,
    (
        Option("patience", 3, Fixed(3), Int(0, 1_000_000), "steps without improvement before a decision"),
        Option("min_delta", 0.0, Fixed(0.0), Float(0.0, 1e300), "worsening that is tolerated"),
        *REGULAR,
    ),
    rungs=_rungs,
)
