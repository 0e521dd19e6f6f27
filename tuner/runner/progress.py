"""The progress of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.catalog import FINISHED_STATES, TrialState


def count_finished(counts: Mapping[TrialState, int]) -> int:
    """Count the finished trials."""
    return sum(counts[state] for state in FINISHED_STATES)


@dataclass(frozen=True)
class Progress:
    """The progress of a run.

    Attributes:
        metric: Name of the objective.
        counts: Trials of the study by state.
        best: Number, value and parameters of the best trial, or None before the first.
        elapsed_s: Wall time of this run.
        finished_before: Trials that earlier runs had finished.
        trials: Trials that the study may have; None for no limit.
        time_s: Wall time that this run may use; None for no limit.
        note: A message for the user, if there is one.
        unit: Name of what is counted, in the plural.
    """

    metric: str
    counts: Mapping[TrialState, int]
    best: tuple[int, float, dict[str, Any]] | None
    elapsed_s: float
    finished_before: int
    trials: int | None
    time_s: float | None
    note: str | None = None
    unit: str = "trials"

    @classmethod
    def at_start(cls, metric: str, trials: int | None, time_s: float | None, elapsed_s: float, note: str) -> Progress:
        """Create the progress of a run that has not read its study yet."""
        return cls(metric, dict.fromkeys(TrialState, 0), None, elapsed_s, 0, trials, time_s, note)

    @property
    def finished(self) -> int:
        """Trials of the study that are finished."""
        return count_finished(self.counts)

    @property
    def share(self) -> float:
        """The used share of the budget, in [0, 1]: of trials or time, whichever ends first."""
        shares = []
        if self.trials is not None:
            shares.append(self.finished / self.trials)
        if self.time_s is not None:
            shares.append(self.elapsed_s / self.time_s)
        return min(1.0, max(shares, default=0.0))

    @property
    def left_s(self) -> float | None:
        """Estimated seconds to the end, from the pace so far; None while it is unknown."""
        left = []
        done = self.finished - self.finished_before
        if self.trials is not None and done > 0:
            left.append((self.trials - self.finished) * self.elapsed_s / done)
        if self.time_s is not None:
            left.append(self.time_s - self.elapsed_s)
        return max(0.0, min(left)) if left else None
