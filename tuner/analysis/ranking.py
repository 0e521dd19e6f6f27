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
    """Return the best share of complete trials, best first; of equal ones the earlier first.

    Args:
        trials: Complete trials.
        objective: What the study optimizes.
        share: How many of them, in (0, 1], rounded up; `LEAST_TOP` at least, where there are as many.
    """
    return ranked(trials, objective)[: max(LEAST_TOP, math.ceil(share * len(trials) - 1e-9))]


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
