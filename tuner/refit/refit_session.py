"""The session of one `tuner train`: data, executor, artifacts and progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import METRICS, BuildableRecipe, Recipe, TrialState
from tuner.data import PreparedData, Split
from tuner.engines import TrainingResult
from tuner.protocol import Executor, Job, JobFinished, TrainingArtifacts
from tuner.refit.finalists import derive_seed
from tuner.refit.score_uncertainty import to_answers
from tuner.results import StoredStudy
from tuner.runner import Progress, ShutdownSignal, run_jobs


class RefitProgress:
    """Counts trainings and shows the progress.

    Args:
        metric: The objective.
        total: How many trainings there will be.
        show: Called with the progress whenever it changes.
    """

    def __init__(self, metric: str, total: int, show: Callable[[Progress], None]) -> None:
        self._metric, self._total, self._show = metric, total, show
        self._objective = METRICS[metric].objective
        self._began = time.monotonic()
        self._counts = dict.fromkeys(TrialState, 0)
        self._best: tuple[int, float, dict[str, Any]] | None = None

    def add(self, trainings: int) -> None:
        """Count trainings that come on top."""
        self._total += trainings

    def show(self, note: str | None) -> None:
        """Show the progress, with a note for the user."""
        self._show(
            Progress(
                metric=self._metric,
                counts=dict(self._counts),
                best=self._best,
                elapsed_s=time.monotonic() - self._began,
                finished_before=0,
                trials=self._total,
                time_s=None,
                note=note,
                unit="trainings",
            )
        )

    def record(self, trial: int | None, training: TrainingResult | None) -> None:
        """Count a training that started (None) or ended.

        Args:
            trial: Number of its trial, or None if its score is not comparable with those of the search.
            training: Its result, or None if it has just started.
        """
        if training is None:
            self._counts[TrialState.RUNNING] += 1
        else:
            self._counts[TrialState.RUNNING] -= 1
            self._counts[training.state] += 1
            if trial is not None and training.value is not None:
                best = self._best
                if best is None or self._objective.better(training.value, best[1]):
                    self._best = trial, training.value, {}
        self.show(None)


@dataclass(frozen=True)
class RefitSession:
    """One call of `tuner train`.

    Attributes:
        study: The study.
        project: Folder that the model file and the data are relative to.
        prepared: The data as the search had them.
        executor: Where trainings run; started.
        interrupts: Ctrl-C.
        folder: Folder of their artifacts.
        progress: Progress display.
        seeds: Number of seeds.
        seed: Seed that they are derived from.
    """

    study: StoredStudy
    project: Path
    prepared: PreparedData
    executor: Executor
    interrupts: ShutdownSignal
    folder: Path
    progress: RefitProgress
    seeds: int
    seed: int

    def seeded(self, recipe: BuildableRecipe, index: int) -> BuildableRecipe:
        """Return the recipe with its seed number `index`."""
        return recipe.model_copy(update={"seed": derive_seed(self.seed, index)})

    def run(
        self,
        jobs: Sequence[Job],
        trial_number: Callable[[int], int | None] = lambda number: None,
        tolerate: Callable[[int, str], bool] = lambda number, reason: False,
    ) -> dict[int, JobFinished]:
        """Run jobs.

        Args:
            jobs: What to train.
            trial_number: Maps the number of a job to its trial, for the progress.
            tolerate: Told of a job that failed and why; True to go on without it.
        """

        def failed(number: int, reason: str) -> bool:
            goes_on = tolerate(number, reason)
            if goes_on:
                self.progress.record(None, TrainingResult(TrialState.FAILED))
            return goes_on

        return run_jobs(
            self.executor,
            jobs,
            self.interrupts,
            lambda number, training: self.progress.record(trial_number(number), training),
            tolerate=failed,
        )

    def assemble(self, job: Job) -> None:
        """Run the job that makes the model of the networks; it is no training."""
        advice = (
            "Hand over a single network with --single; or give a trial more in [budget], and run the study with that."
        )
        run_jobs(self.executor, [job], self.interrupts, advice=advice)

    def artifacts(self, number: int) -> TrainingArtifacts:
        """Return the artifacts of a training."""
        return TrainingArtifacts(self.folder, number)

    def answers(
        self, number: int, training: TrainingResult, splits: Sequence[Split], recipe: Recipe
    ) -> list[np.ndarray] | None:
        """Return the predictions of a training on the measured part of each split, or None if it diverged."""
        if training.state != TrialState.COMPLETE:
            return None
        return to_answers(self.artifacts(number).outputs(), splits, recipe)
