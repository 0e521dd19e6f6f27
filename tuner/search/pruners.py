"""The pruners: which trainings are ended early.

A value is reported after every step; a decision is asked for only at the steps of `rungs`, because it reads all trials
(asked at every step it was the dominating cost: 31 → 6 trials/s).  Steps are counted from 1: the number of epochs, or
folds, that are complete.  The table is read without Optuna.

Values of different folds cannot be compared: one fold is easier than another.  So after a fold most pruners are told
the mean over the folds so far, which is comparable between trials and ends as the objective: see `after_folds`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tuner.errors import UsageError
from tuner.registry import Table
from tuner.search.window import WINDOW
from tuner.space import Fixed, Float, Int, Value
from tuner.training import Option, Row

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

MOST_DECISIONS = 10
"""By default a tenth of the steps lies between two decisions in regular rungs."""

WARMUP = 3
"""By default a third of the steps lies before the first comparison with other trials.

Replayed on 150 real curves of digits (`benchmarks/README.md`): hyperband ends the best of 40 trials in 21 % of the
draws, a median that decides from the first tenth on in 12 %, one that waits for a third in 7 %, and it still saves 38 %
of the epochs.  A training that warms up looks bad at first.
"""


def _no_rungs(steps: int) -> tuple[int, ...]:
    return ()


def _always(folds: int | None, **options: Value) -> str | None:
    return None


@dataclass(frozen=True)
class PrunerRow(Row):
    """A pruner.

    `build(steps, folds=False, **options)` gives an `optuna.pruners.BasePruner`; `steps` is how many steps a whole trial
    has, and `folds` says whether these are folds.

    Attributes:
        rungs: `(steps, **options)` → the steps, ascending, after which a decision is asked for; never the last one.
        unsuited: `(folds, **options)` → why it cannot be used, or None; `folds` is None for a hold-out validation.
        over: What a step is: an epoch of one training, or a fold of a cross-validation.
        ends_trials: Whether it ends trials at all.
        reports: What is reported after a fold: the "mean" over the folds so far, or the fold's own "value".  After an
            epoch of a hold-out validation it is the value in any case.
    """

    rungs: Callable[..., tuple[int, ...]] = _no_rungs
    unsuited: Callable[..., str | None] = _always
    over: Literal["epochs", "folds"] = "epochs"
    reports: Literal["mean", "value"] = "mean"
    ends_trials: bool = True

    def after_folds(self, values: Sequence[float]) -> float:
        """What is to be reported after the last of these folds.

        Args:
            values: Objective on each fold so far, in their order; at least one.
        """
        return values[-1] if self.reports == "value" else math.fsum(values) / len(values)


def _regular(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, **_: Any
) -> tuple[int, ...]:
    return tuple(
        range(n_warmup_steps or math.ceil(steps / WARMUP), steps, interval_steps or math.ceil(steps / MOST_DECISIONS))
    )


def _limit_rungs(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, **_: Any
) -> tuple[int, ...]:
    return _regular(steps, n_warmup_steps or math.ceil(steps / MOST_DECISIONS), interval_steps)


def _patient_rungs(
    steps: int, n_warmup_steps: int | None = None, interval_steps: int | None = None, patience: int = 3, **_: Any
) -> tuple[int, ...]:
    # Optuna compares the last `patience + 1` values with those before: there must be one before.
    return tuple(step for step in _regular(steps, n_warmup_steps, interval_steps) if step >= patience + 2)


def _halving_rungs(steps: int, min_resource: int | None = None, reduction_factor: int = 3, **_: Any) -> tuple[int, ...]:
    rung, rungs = _min_resource(steps, min_resource), []
    while rung < steps:
        rungs.append(rung)
        rung *= reduction_factor
    return tuple(rungs)


def _fold_rungs(steps: int, p_threshold: float = 0.1, **_: Any) -> tuple[int, ...]:
    return tuple(range(_folds_to_decide(p_threshold), steps))


def _min_resource(steps: int, given: int | None) -> int:
    return given or math.ceil(steps / MOST_DECISIONS)


def _folds_to_decide(p_threshold: float) -> int:
    """Folds after which a one-sided signed-rank test can give `p < p_threshold`: the smallest p of n pairs is 2^-n."""
    return max(2, math.floor(-math.log2(p_threshold)) + 1)


def _none(steps: int, folds: bool = False) -> BasePruner:
    from optuna.pruners import NopPruner

    return NopPruner()


def _median(
    steps: int,
    folds: bool = False,
    *,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    return _percentile(steps, folds, percentile=50.0, n_startup_trials=n_startup_trials)


def _percentile(
    steps: int,
    folds: bool = False,
    *,
    percentile: float = 25.0,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    from optuna.pruners import PercentilePruner

    from tuner.search.sample import OfASample

    pruner = OfASample(PercentilePruner(percentile, n_startup_trials=n_startup_trials), max(WINDOW, n_startup_trials))
    if not folds:
        return pruner
    from tuner.search.latest import LatestValue

    return LatestValue(pruner)


def _hyperband(
    steps: int, folds: bool = False, *, min_resource: int | None = None, reduction_factor: int = 3
) -> BasePruner:
    from optuna.pruners import HyperbandPruner

    first = _min_resource(steps, min_resource)
    # Optuna divides the two, and allows no bracket that is shorter than its first rung.
    return HyperbandPruner(first, max(first, steps), reduction_factor)


def _successive_halving(
    steps: int, folds: bool = False, *, min_resource: int | None = None, reduction_factor: int = 3
) -> BasePruner:
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(_min_resource(steps, min_resource), reduction_factor)


def _patient(
    steps: int,
    folds: bool = False,
    *,
    patience: int = 3,
    min_delta: float = 0.0,
    n_startup_trials: int = 5,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    from optuna.exceptions import ExperimentalWarning
    from optuna.pruners import PatientPruner

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return PatientPruner(_median(steps, folds, n_startup_trials=n_startup_trials), patience, min_delta)


def _threshold(
    steps: int,
    folds: bool = False,
    *,
    lower: float | None = None,
    upper: float | None = None,
    n_warmup_steps: int | None = None,
    interval_steps: int | None = None,
) -> BasePruner:
    from optuna.pruners import ThresholdPruner

    _refuse(_threshold_unsuited(None, lower=lower, upper=upper))
    return ThresholdPruner(lower, upper)


def _threshold_unsuited(
    folds: int | None, *, lower: float | None = None, upper: float | None = None, **_: Any
) -> str | None:
    if lower is None and upper is None:
        return "threshold needs `lower`, `upper` or both"
    if lower is not None and upper is not None and lower >= upper:
        return f"`lower < upper` must hold, but got lower={lower:g}, upper={upper:g}"
    return None


def _wilcoxon(steps: int, folds: bool = True, *, p_threshold: float = 0.1) -> BasePruner:
    from optuna.exceptions import ExperimentalWarning
    from optuna.pruners import WilcoxonPruner

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return WilcoxonPruner(p_threshold=p_threshold)


def _wilcoxon_unsuited(folds: int | None, *, p_threshold: float = 0.1, **_: Any) -> str | None:
    if folds is None:
        return "wilcoxon compares folds, and the study has none; set validation = { folds = 5 }, or take median"
    needed = _folds_to_decide(p_threshold) + 1
    if folds < needed:
        return f"wilcoxon with p_threshold={p_threshold:g} can decide from {needed} folds on, but the study has {folds}"
    return None


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise UsageError(f"This pruner cannot be used: {reason}.")


# The first trials are known good settings: a median of few of them ended what would have won (benchmarks/README.md).
_STARTUP = Option("n_startup_trials", 20, Fixed(20), Int(0, 10_000), "complete trials before the first decision")
_WARMUP = Option(
    "n_warmup_steps", None, Fixed(None), Int(1, 1_000_000), "first step with a decision; default a third of them"
)
_INTERVAL = Option(
    "interval_steps", None, Fixed(None), Int(1, 1_000_000), "steps between decisions; default a tenth of them"
)
_REGULAR = (_STARTUP, _WARMUP, _INTERVAL)
_HALVING = (
    Option(
        "min_resource", None, Fixed(None), Int(1, 1_000_000), "steps before the first decision; default a tenth of them"
    ),
    Option("reduction_factor", 3, Fixed(3), Int(2, 100), "one trial in this many goes on at each decision"),
)
_LIMIT = Float(-1e300, 1e300)

PRUNERS: Table[PrunerRow] = Table(
    "pruner",
    PrunerRow("none", "every trial is trained to its end", "optuna.pruners.NopPruner", _none, ends_trials=False),
    PrunerRow(
        "median",
        "ends a trial whose best value so far (over folds: its mean) is worse than the median of complete trials",
        "Golovin et al., Google Vizier, KDD 2017 (median stopping rule)",
        _median,
        _REGULAR,
        rungs=_regular,
    ),
    PrunerRow(
        "percentile",
        "like median with another share: the best `percentile` percent go on",
        "optuna.pruners.PercentilePruner",
        _percentile,
        (Option("percentile", 25.0, Fixed(25.0), Float(0.0, 100.0), "share of trials that go on, percent"), *_REGULAR),
        rungs=_regular,
    ),
    PrunerRow(
        "hyperband",
        "several successive halvings side by side, from eager to patient",
        "Li et al., Hyperband, JMLR 2018; Li et al., arXiv:1810.05934",
        _hyperband,
        _HALVING,
        rungs=_halving_rungs,
    ),
    PrunerRow(
        "successive_halving",
        "asynchronous: at each rung the best one in `reduction_factor` goes on",
        "Li et al., A System for Massively Parallel Hyperparameter Tuning, arXiv:1810.05934",
        _successive_halving,
        _HALVING,
        rungs=_halving_rungs,
    ),
    PrunerRow(
        "patient",
        "median, but only for a trial that has not improved for `patience` steps",
        "optuna.pruners.PatientPruner",
        _patient,
        (
            Option("patience", 3, Fixed(3), Int(0, 1_000_000), "steps without improvement before a decision"),
            Option("min_delta", 0.0, Fixed(0.0), Float(0.0, 1e300), "loss of value that is tolerated"),
            *_REGULAR,
        ),
        rungs=_patient_rungs,
    ),
    PrunerRow(
        "threshold",
        "ends a trial whose value lies outside fixed limits",
        "optuna.pruners.ThresholdPruner",
        _threshold,
        (
            Option("lower", None, Fixed(None), _LIMIT, "smallest value of the objective that is tolerated"),
            Option("upper", None, Fixed(None), _LIMIT, "largest value of the objective that is tolerated"),
            replace(_WARMUP, summary="first step with a decision; default a tenth of them"),
            _INTERVAL,
        ),
        rungs=_limit_rungs,
        unsuited=_threshold_unsuited,
    ),
    PrunerRow(
        "wilcoxon",
        "compares a trial with the best one fold by fold by a signed-rank test; for cross-validation",
        "Wilcoxon, Individual Comparisons by Ranking Methods, 1945; optuna.pruners.WilcoxonPruner",
        _wilcoxon,
        (Option("p_threshold", 0.1, Fixed(0.1), Float(1e-6, 0.5), "error probability below which a trial is ended"),),
        rungs=_fold_rungs,
        unsuited=_wilcoxon_unsuited,
        over="folds",
        reports="value",
    ),
)
DEFAULT_PRUNER = "median"
