"""The progress of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.catalog import FINISHED_STATES, TrialState
from tuner.engines import EpochRecord
from tuner.text import count


def count_finished(counts: Mapping[TrialState, int]) -> int:
    """Count the finished trials."""
    return sum(counts[state] for state in FINISHED_STATES)


@dataclass(frozen=True)
class RunningTraining:
    """A training in progress.

    Attributes:
        name: Number of its trial, or what else it is called.
        epochs: Epochs that it may have, those of all folds together.
        epoch: Epochs that are done.
        value: Objective after the last epoch, or None before the first one has ended.
        optimizer: Name of the optimizer, if it has one.
        learning_rate: Base learning rate, if it has one.
        epoch_s: Wall time of the last epoch in seconds, or None before the first one has ended.
    """

    name: str
    epochs: int
    epoch: int = 0
    value: float | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    epoch_s: float | None = None

    @classmethod
    def of(
        cls, name: str, recipe: Mapping[str, Any], folds: int = 1, last: EpochRecord | None = None
    ) -> RunningTraining:
        """Describe a training.

        Args:
            name: See the attribute.
            recipe: What is trained, as JSON.
            folds: Number of splits that it trains on.
            last: What was measured in the last epoch; None before the first one has ended.
        """
        return cls(
            name,
            recipe["epochs"] * folds,
            0 if last is None else last.fold * recipe["epochs"] + last.epoch,
            None if last is None else last.metric,
            recipe["optimizer"]["name"],
            recipe["learning_rate"],
            None if last is None else last.seconds,
        )


@dataclass(frozen=True)
class Progress:
    """The progress of a run.

    Attributes:
        metric: Name of the objective.
        counts: Trials of the study by state.
        best: Number, value and parameters of the best trial, or None before the first.
        elapsed_s: Wall time of this run.
        trials: Trials that the study may have; None for no limit.
        time_s: Wall time that this run may use; None for no limit.
        note: A message for the user, if there is one.
        unit: Name of what is counted, in the plural.
        running: The trainings of this process that are in progress.
        stage: What is done before the first training can begin, such as "importing TensorFlow in 2 workers"; None
            afterwards.
        trials_left_s: Estimated seconds until all trials are finished; None while it is unknown.
        dashboard: Address of a dashboard of the database on this machine, if one runs.
    """

    metric: str
    counts: Mapping[TrialState, int]
    best: tuple[int, float, dict[str, Any]] | None
    elapsed_s: float
    trials: int | None
    time_s: float | None
    note: str | None = None
    unit: str = "trials"
    running: tuple[RunningTraining, ...] = ()
    stage: str | None = None
    trials_left_s: float | None = None
    dashboard: str | None = field(default=None, repr=False)

    @classmethod
    def at_start(
        cls,
        metric: str,
        trials: int | None,
        time_s: float | None,
        elapsed_s: float,
        note: str | None = None,
        stage: str | None = None,
    ) -> Progress:
        """Create the progress of a run that has not read its study yet."""
        return cls(metric, dict.fromkeys(TrialState, 0), None, elapsed_s, trials, time_s, note, stage=stage)

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
        """Estimated seconds to the end; None while it is unknown."""
        left = [] if self.trials_left_s is None else [self.trials_left_s]
        if self.time_s is not None:
            left.append(self.time_s - self.elapsed_s)
        return max(0.0, min(left)) if left else None


def startup_text(workers: int) -> str | None:
    """Say what workers that are not ready yet are doing; None for no workers."""
    if not workers:
        return None
    return f"importing TensorFlow in {count(workers, 'worker')}"
