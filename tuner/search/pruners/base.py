"""The entry of a pruner, and rungs and options that several share; imported without Optuna."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tuner.catalog import Entry, Option
from tuner.errors import UsageError
from tuner.space import Fixed, Int, Value

MOST_DECISIONS = 10
"""Default share of the steps between two decisions in regular rungs."""

WARMUP = 3
"""Default share of the steps before the first comparison with other trials.

Replayed on 150 real curves of digits (`benchmarks/README.md`): hyperband ends the best of 40 trials in 21 % of the
draws, a median that decides from the first tenth on in 12 %, one that waits for a third in 7 %, and it still saves 38 %
of the epochs.  A training that warms up looks bad at first.
"""


def _no_rungs(steps: int) -> tuple[int, ...]:
    return ()


def _no_reason(folds: int | None, **options: Value) -> str | None:
    return None


@dataclass(frozen=True)
class PrunerEntry(Entry):
    """A pruner.

    `build(steps, folds=False, **options)` returns an `optuna.pruners.BasePruner`; `steps` is the number of steps of a
    whole trial, and `folds` says whether these are folds.  It gets all options; those that set the
    steps with a decision, such as `n_warmup_steps`, take effect in `rungs`, and `build` ignores them.

    Attributes:
        rungs: `(steps, **options)` → the steps, ascending, after which a decision is asked for; never the last one.
        incompatible_because: `(folds, **options)` → why it cannot be used, or None; `folds` is None for a hold-out.
        over: What a step is: an epoch of one training, or a fold of a cross-validation.
        ends_trials: Whether it ends trials at all.
        reports: What is reported after a fold: the "mean" over the folds so far, or the fold's own "value".  After an
            epoch of a hold-out validation it is the value in any case.
    """

    rungs: Callable[..., tuple[int, ...]] = _no_rungs
    incompatible_because: Callable[..., str | None] = _no_reason
    over: Literal["epochs", "folds"] = "epochs"
    reports: Literal["mean", "value"] = "mean"
    ends_trials: bool = True

    def after_folds(self, values: Sequence[float]) -> float:
        """Return what to report after the last of these folds.

        Args:
            values: Objective on each fold so far, in their order; at least one.
        """
        return values[-1] if self.reports == "value" else math.fsum(values) / len(values)


def regular_rungs(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, **_: Any
) -> tuple[int, ...]:
    """Return steps at regular intervals after a warm-up."""
    return tuple(
        range(n_warmup_steps or math.ceil(steps / WARMUP), steps, interval_steps or math.ceil(steps / MOST_DECISIONS))
    )


def halving_rungs(steps: int, min_resource: int | None = None, reduction_factor: int = 3, **_: Any) -> tuple[int, ...]:
    """Return steps of which each is `reduction_factor` times the one before."""
    rung, rungs = first_rung(steps, min_resource), []
    while rung < steps:
        rungs.append(rung)
        rung *= reduction_factor
    return tuple(rungs)


def first_rung(steps: int, given: int | None) -> int:
    """Return the first rung of a halving: what is given, or a tenth of the steps."""
    return given or math.ceil(steps / MOST_DECISIONS)


def refuse(reason: str | None) -> None:
    """Raise `UsageError` with a reason, if there is one."""
    if reason is not None:
        raise UsageError(f"This pruner cannot be used: {reason}.")


# The first trials are known good settings: a median of few of them ended what would have won (benchmarks/README.md).
STARTUP = Option("n_startup_trials", 20, Fixed(20), Int(0, 10_000), "complete trials before the first decision")

WARMUP_STEPS = Option(
    "n_warmup_steps",
    None,
    Fixed(None),
    Int(1, 1_000_000),
    "first step with a decision; by default a third of the steps",
)

INTERVAL_STEPS = Option(
    "interval_steps", None, Fixed(None), Int(1, 1_000_000), "steps between decisions; by default a tenth of the steps"
)

REGULAR = (STARTUP, WARMUP_STEPS, INTERVAL_STEPS)

HALVING = (
    Option(
        "min_resource",
        None,
        Fixed(None),
        Int(1, 1_000_000),
        "steps before the first decision; by default a tenth of the steps",
    ),
    Option("reduction_factor", 3, Fixed(3), Int(2, 100), "one trial in this many continues at each decision"),
)
