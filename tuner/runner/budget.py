"""The used part of a study's budget, and the best trial so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from tuner.catalog import TrialState
from tuner.runner.progress import Progress, count_finished
from tuner.search import SettingIndex, find_best, trial_state
from tuner.study import StudySpec

REOPENED_BY_FAILURE = ("trials", "exhausted")
"""Budgets that have room again if a trial fails or is abandoned."""


class Stopwatch:
    """Wall time of a run, from its construction."""

    def __init__(self) -> None:
        self._began = self._lap = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def lap_s(self) -> float:
        """Return the seconds since the last call, or since the start."""
        now = time.monotonic()
        passed, self._lap = now - self._lap, now
        return passed


class BudgetTracker:
    """Counts the trials of a study, those of other processes as well.

    Args:
        spec: The study.
        study: Its trials in memory.
        settings: The settings that are used up.
        stopwatch: Wall time of this run.

    Attributes:
        counts: Trials by state.
        best: Number, value and parameters of the best trial, or None.
    """

    def __init__(self, spec: StudySpec, study: Study, settings: SettingIndex, stopwatch: Stopwatch) -> None:
        self._spec, self._study, self._settings, self._stopwatch = spec, study, settings, stopwatch
        trials = study.get_trials(deepcopy=False)
        self.counts: dict[TrialState, int] = dict.fromkeys(TrialState, 0)
        for trial in trials:
            self.counts[trial_state(trial)[0]] += 1
        best = find_best(trials, spec.objective)
        self.best: tuple[int, float, dict[str, Any]] | None = None
        if best is not None and best.value is not None:
            self.best = best.number, best.value, dict(best.params)
        last = -1 if best is None else best.number
        informative = ("COMPLETE", "PRUNED")
        self._since_best = sum(trial.state.name in informative and trial.number > last for trial in trials)
        self._failed_before = self.counts[TrialState.FAILED]

    @property
    def started(self) -> int:
        """Trials that have a number: finished, running and waiting ones."""
        return sum(self.counts.values())

    def exhausted(self, more: int = 0) -> str | None:
        """Return the budget that would be used up if `more` trials began, or None."""
        budget = self._spec.budget
        failed = self.counts[TrialState.FAILED]  # says nothing about a setting, and uses up no budget
        begun = count_finished(self.counts) - failed + self.counts[TrialState.RUNNING] + more
        if budget.trials is not None and max(begun, failed - self._failed_before) >= budget.trials:
            return "trials"
        if budget.time_s is not None and self._stopwatch.elapsed_s >= budget.time_s:
            return "time"
        target, better = budget.target, self._spec.objective.better
        if self.best is not None and target is not None and not better(target, self.best[1]):
            return "target"
        if budget.patience is not None and self._since_best >= budget.patience:
            return "patience"
        self._settings.update(self._study.get_trials(deepcopy=False))
        new = more - self.counts[TrialState.WAITING]  # those that wait have their settings
        return "exhausted" if new >= 0 and self._settings.left <= new else None

    def on_finish(self, number: int, state: TrialState, value: float | None, params: Mapping[str, Any]) -> None:
        """Count a trial of this process that has ended."""
        self.counts[TrialState.RUNNING] -= 1
        self._count_finished(number, state, value, params)

    def on_remote_change(self, before: FrozenTrial | None, trial: FrozenTrial) -> None:
        """Count a trial that has begun, or that another process has changed."""
        if before is not None:
            self.counts[trial_state(before)[0]] -= 1
        state = trial_state(trial)[0]
        if state.is_finished:
            self._count_finished(trial.number, state, trial.value, trial.params)
        else:
            self.counts[state] += 1

    def _count_finished(self, number: int, state: TrialState, value: float | None, params: Mapping[str, Any]) -> None:
        self.counts[state] += 1
        self._since_best += state != TrialState.FAILED
        if state != TrialState.COMPLETE or value is None:
            return
        if self.best is None or self._spec.objective.better(value, self.best[1]):
            self.best, self._since_best = (number, value, dict(params)), 0

    def progress(self) -> Progress:
        """Return the progress of the run, without what its running trials add."""
        return Progress(
            metric=self._spec.metric,
            counts=dict(self.counts),
            best=self.best,
            elapsed_s=self._stopwatch.elapsed_s,
            trials=self._planned_trials(),
            time_s=self._spec.budget.time_s,
        )

    def _planned_trials(self) -> int | None:
        """Return how many trials there will be, or None if neither the budget nor the space limits them."""
        budget, left = self._spec.budget.trials, self._settings.left
        limits = [] if budget is None else [budget + self.counts[TrialState.FAILED]]
        if left != math.inf:
            begun = self.started
            limits.append(int(max(begun + left, 0)))
        if not limits:
            return None
        # A smaller budget than before, or than that of another process, takes nothing away.
        return max(min(limits), count_finished(self.counts) + self.counts[TrialState.RUNNING]) or None
