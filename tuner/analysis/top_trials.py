"""The best trials of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from tuner.catalog import Objective
from tuner.search import StoredTrial

LEAST_TOP = 5
"""Fewer trials than this are too few to say what the best ones have in common."""


def top_trials(trials: Sequence[StoredTrial], objective: Objective, share: float) -> list[StoredTrial]:
    """Return the best share of complete trials, best first, and those that equal the last of them.

    Args:
        trials: Complete trials.
        objective: What the study optimizes.
        share: How many of them, as `top_count` says.
    """
    best = ranked(trials, objective)
    top = top_count(len(best), share)
    return [trial for index, trial in enumerate(best) if index < top or trial.value == best[top - 1].value]


def top_count(many: int, share: float) -> int:
    """Return a share in (0, 1] of the trials, rounded up; `LEAST_TOP` at least, if there are as many."""
    return min(many, max(LEAST_TOP, math.ceil(share * many - 1e-9)))


class Trial(Protocol):
    """A trial of Optuna, or a view of one."""

    @property
    def number(self) -> int: ...

    @property
    def value(self) -> float | None: ...


_Trial = TypeVar("_Trial", bound=Trial)


def ranked(trials: Iterable[_Trial], objective: Objective) -> list[_Trial]:
    """Sort complete trials, best first; of equal ones the earlier first."""
    return sorted(trials, key=lambda trial: (objective.sort_key(trial.value), trial.number))
