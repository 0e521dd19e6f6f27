"""Importance of each dimension for reaching the best values, with its uncertainty.

PED-ANOVA (Watanabe et al. 2023, https://arxiv.org/abs/2304.10255), with conditional dimensions (Optuna 5; Theorem 4.2
of https://arxiv.org/abs/2601.20800), compares the distribution of the best complete trials with that of all of them.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from tuner.analysis.ranking import LEAST_TOP, top_trials
from tuner.catalog import TrialState, written_value
from tuner.results import StoredStudy
from tuner.search import find_best

LEAST = 20
"""Fewest complete trials: fewer would leave fewer than `LEAST_TOP` best ones among many others."""

TOP_SHARE = 0.1
"""Share of the complete trials that counts as the best ones, at least `LEAST_TOP` of them."""

RESAMPLES = 100
_INTERVAL = (5.0, 95.0)


def importance(study: StoredStudy) -> dict[str, Any]:
    """Compute the importance of each searched dimension, most important first.

    `share` is the dimension's part of the sum over all dimensions.  `low` and `high` hold it in 90 % of `RESAMPLES`
    bootstrap samples of the trials.  `chance` is the share that it stays below in 95 % of `RESAMPLES` random
    assignments of the values to the trials: below it, it may be nothing.  All four are None with fewer than `LEAST`
    complete trials, and for a dimension that is in no complete trial.

    Returns:
        The shape of `tuner compare --json`, see docs/json.md.
    """
    record = study.record
    trials = [trial for trial in record.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    names = list(dict.fromkeys(name for trial in record.trials for name in trial.params))
    known = [name for name in names if any(name in trial.params for trial in trials)]
    enough = len(trials) >= LEAST
    shares = _shares(trials, record.direction, known) if enough else {}
    best, top = find_best(record.trials, study.objective), top_trials(trials, study.objective, TOP_SHARE)
    rows = [
        {
            "name": name,
            **shares.get(name, dict.fromkeys(("share", "low", "high", "chance"))),
            "best": None if best is None else written_value(name, best.params.get(name)),
            "top": _typical(name, top),
        }
        for name in names
    ]
    return {
        "study": record.name,
        "metric": study.metric,
        "direction": record.direction,
        "complete": len(trials),
        "needed": LEAST,
        "top": len(top),
        "dimensions": sorted(rows, key=lambda row: -(row["share"] or 0.0)),
        "meaning": _meaning(study, rows, len(trials), len(top)),
    }


def _top_share(count: int) -> float:
    return min(1.0, max(TOP_SHARE, LEAST_TOP / count)) if count else 1.0


def _shares(trials: Sequence[FrozenTrial], direction: str, names: list[str]) -> dict[str, dict[str, float]]:
    values = np.array([trial.value for trial in trials], np.float64)
    found = _measure(trials, values, direction, names)
    total = found.sum() or 1.0
    random = np.random.default_rng(0)
    drawn, shuffled = [], []
    for _ in range(RESAMPLES):
        rows = random.integers(len(trials), size=len(trials))
        again = _measure([trials[row] for row in rows], values[rows], direction, names)
        drawn.append(again / (again.sum() or 1.0))
        shuffled.append(_measure(trials, random.permutation(values), direction, names) / total)
    low, high = np.percentile(drawn, _INTERVAL, axis=0)
    chance = np.percentile(shuffled, _INTERVAL[1], axis=0)
    columns = zip(names, found / total, low, high, chance, strict=True)
    return {
        name: dict(zip(("share", "low", "high", "chance"), map(float, numbers), strict=True))
        for name, *numbers in columns
    }


def _measure(trials: Sequence[FrozenTrial], values: np.ndarray, direction: str, names: list[str]) -> np.ndarray:
    """Return the PED-ANOVA importance of each dimension, not normalised; 0 for one in none of the trials."""
    from optuna.importance import PedAnovaImportanceEvaluator

    sample = _Sample(trials, values, direction)
    there = [name for name in names if any(name in trial.params for trial in trials)]
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_top_share(len(trials)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of conditions that few trials meet: the interval says how unsure that is
        found = evaluator.evaluate(sample, params=there)  # type: ignore[arg-type]
    return np.array([found.get(name, 0.0) for name in names])


class _Sample:
    """Some trials with some values, as much of an `optuna.Study` as the evaluator asks for.

    A real study would copy every trial of every resample: 20,000 of them for 100 trials.
    """

    def __init__(self, trials: Sequence[FrozenTrial], values: np.ndarray, direction: str) -> None:
        self.directions = [StudyDirection[direction.upper()]]
        self._trials = [
            _Valued(trial, number, value) for number, (trial, value) in enumerate(zip(trials, values, strict=True))
        ]

    def get_trials(self, deepcopy: bool = True, states: object = None) -> list[_Valued]:
        """Return all of them: they are complete."""
        return self._trials

    def _is_multi_objective(self) -> bool:
        return False


class _Valued:
    """A copy of a trial in a resample, with its own number and possibly the value of another trial."""

    __slots__ = ("_trial_id", "distributions", "params", "value", "values")

    def __init__(self, trial: FrozenTrial, number: int, value: float) -> None:
        self._trial_id, self.params, self.distributions = number, trial.params, trial.distributions
        self.value, self.values = float(value), [float(value)]


def _typical(name: str, top: Sequence[FrozenTrial]) -> str | None:
    """Return the commonest choice of the best trials with its count, or their range of a number, or None if empty."""
    having = [trial for trial in top if name in trial.params]
    if not having:
        return None
    values = [trial.params[name] for trial in having]
    if isinstance(having[0].distributions[name], CategoricalDistribution):
        value, count = Counter(str(written_value(name, value)) for value in values).most_common(1)[0]
        return f"{value} ({count} of {len(top)})"
    low, high = (f"{bound:.3g}" for bound in (min(values), max(values)))
    text = low if low == high else f"{low} … {high}"
    return text if len(having) == len(top) else f"{text} ({len(having)} of {len(top)})"


def _meaning(study: StoredStudy, rows: Sequence[dict[str, Any]], complete: int, top: int) -> str:
    if complete < LEAST:
        return (
            f"There are too few complete trials to say what matters: {complete}, and it takes {LEAST}. "
            "Pruned and diverged trials do not count here."
        )
    clear = [row["name"] for row in rows if row["share"] is not None and row["share"] > row["chance"]]
    begin = f"Clearly more than chance: {', '.join(clear)}." if clear else "No dimension is clearly above chance."
    return (
        f"{begin} It is about reaching the best {top} of {complete} complete trials within the ranges of this study; "
        "a dimension that makes trials diverge or be pruned is underrated, because these are left out."
    )
