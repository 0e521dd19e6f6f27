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
from tuner.engines import EpochRecord, TrainingResult
from tuner.protocol import Executor, Job, JobFinished, TrainingArtifacts
from tuner.refit.finalists import derive_seed
from tuner.refit.score_uncertainty import to_answers
from tuner.results import StoredStudy
from tuner.runner import (
    Progress,
    RunningTraining,
    ShutdownSignal,
    TimeLeft,
    count_finished,
    run_jobs,
    startup_text,
)
from tuner.storage import DashboardFinder


class RefitProgress:
    """Counts trainings and shows the progress.

    Args:
        metric: The objective.
        total: How many trainings there will be.
        executor: Where they run.
        dashboard: Finds the dashboard of the study's database.
        show: Called with the progress whenever it changes.
    """

    def __init__(
        self,
        metric: str,
        total: int,
        executor: Executor,
        dashboard: DashboardFinder,
        show: Callable[[Progress], None],
    ) -> None:
        self._metric, self._total, self._show = metric, total, show
        self._executor, self._dashboard = executor, dashboard
        self._objective = METRICS[metric].objective
        self._began = time.monotonic()
        self._counts = dict.fromkeys(TrialState, 0)
        self._best: tuple[int, float, dict[str, Any]] | None = None
        self._running: dict[int, RunningTraining] = {}
        self._time_left = TimeLeft()

    def add(self, trainings: int) -> None:
        """Count trainings that come on top."""
        self._total += trainings

    def show(self, note: str | None = None) -> None:
        """Show the progress, with a note for the user."""
        elapsed_s, running = time.monotonic() - self._began, tuple(self._running.values())
        finished = count_finished(self._counts)
        self._show(
            Progress(
                metric=self._metric,
                counts=dict(self._counts),
                best=self._best,
                elapsed_s=elapsed_s,
                trials=self._total,
                time_s=None,
                note=note,
                unit="trainings",
                running=running,
                stage=startup_text(self._executor.starting_workers()),
                trials_left_s=self._time_left.estimate(elapsed_s, finished, self._total, running),
                dashboard=self._dashboard.address(),
            )
        )

    def on_begin(self, number: int, training: RunningTraining) -> None:
        """Show a job that begins."""
        self._counts[TrialState.RUNNING] += 1
        self._running[number] = training
        self._time_left.on_begin()
        self.show()

    def on_epoch(self, number: int, training: RunningTraining) -> None:
        """Show a job after an epoch."""
        self._running[number] = training
        self.show()

    def on_end(self, number: int, trial: int | None, training: TrainingResult) -> None:
        """Count a job that has ended.

        Args:
            number: Its number.
            trial: Number of its trial, or None if its score is not comparable with those of the search.
            training: Its result.
        """
        self._counts[TrialState.RUNNING] -= 1
        self._counts[training.state] += 1
        self._time_left.on_end(self._running.pop(number).epoch)
        if trial is not None and training.value is not None:
            best = self._best
            if best is None or self._objective.better(training.value, best[1]):
                self._best = trial, training.value, {}
        self.show()


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
            tolerate: Told of a job that failed and why; True to continue without it.
        """
        by_number = {job.number: job for job in jobs}

        def describe(number: int, last: EpochRecord | None = None) -> RunningTraining:
            job, trial = by_number[number], trial_number(number)
            if job.purpose == "control":
                return RunningTraining(job.control, 0)
            name = "all rows" if trial is None else f"trial {trial}"
            return RunningTraining.of(name, job.recipe, 1 if trial is None else len(self.prepared.splits), last)

        def on_progress(number: int, training: TrainingResult | None) -> None:
            if training is None:
                self.progress.on_begin(number, describe(number))
            else:
                self.progress.on_end(number, trial_number(number), training)

        def failed(number: int, reason: str) -> bool:
            goes_on = tolerate(number, reason)
            if goes_on:
                self.progress.on_end(number, None, TrainingResult(TrialState.FAILED))
            return goes_on

        return run_jobs(
            self.executor,
            jobs,
            self.interrupts,
            on_progress,
            on_epoch=lambda event: self.progress.on_epoch(event.number, describe(event.number, event.record)),
            tolerate=failed,
        )

    def assemble(self, job: Job) -> None:
        """Run the job that makes the model of the networks; it is not a training."""
        advice = (
            "Save a single network with --single; or raise the limits of a trial in [budget], and run the study again."
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
