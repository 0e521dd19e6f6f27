"""What every step of `tuner train` shares: the data, the place where trainings are kept, and how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import METRICS, Recipe
from tuner.data import PreparedData, Split
from tuner.engines import TrainingResult
from tuner.protocol import Executor, Job, TrainingArtifacts
from tuner.refit.finalists import seed_of_training
from tuner.refit.scoring import answers_of
from tuner.results import StoredStudy
from tuner.runner import STATES, Progress, ShutdownSignal, run_jobs


class RefitProgress:
    """Counts trainings and shows the standing.

    Args:
        metric: The objective.
        total: How many trainings there will be.
        show: Is called with the standing whenever it changed.
    """

    def __init__(self, metric: str, total: int, show: Callable[[Progress], None]) -> None:
        self._metric, self._total, self._show = metric, total, show
        self._sign = 1.0 if METRICS[metric].direction == "maximize" else -1.0
        self._began = time.monotonic()
        self._counts = dict.fromkeys(STATES, 0)
        self._best: tuple[int, float, dict[str, Any]] | None = None

    def say(self, note: str | None) -> None:
        """Show the standing, with something that a person should know."""
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

    def told(self, trial: int | None, training: TrainingResult | None) -> None:
        """A training has begun (None) or ended; `trial` is whose recipe it was, None where its score is no score."""
        if training is None:
            self._counts["running"] += 1
        else:
            self._counts["running"] -= 1
            self._counts[training.state] += 1
            if trial is not None and training.value is not None:
                best = self._best
                if best is None or self._sign * training.value > self._sign * best[1]:
                    self._best = trial, training.value, {}
        self.say(None)


@dataclass(frozen=True)
class RefitSession:
    """One call of `tuner train`.

    Attributes:
        study: The study.
        project: Folder that the model file and the data are relative to.
        prepared: The data as the search had them.
        executor: Where trainings run; started.
        interrupts: Ctrl-C.
        folder: Where they are kept.
        progress: Is told of them.
        seeds: How many seeds.
        seed: What they are made from.
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

    def seeded(self, recipe: Recipe, index: int) -> Recipe:
        """The recipe with its seed number `index`."""
        return recipe.model_copy(update={"seed": seed_of_training(self.seed, index)})

    def run(self, jobs: Sequence[Job], trial_of: Callable[[int], int | None]) -> dict[int, TrainingResult]:
        """Run jobs; `trial_of` gives the trial of a job, for the progress."""
        ended = run_jobs(
            self.executor,
            jobs,
            self.interrupts,
            lambda number, training: self.progress.told(trial_of(number), training),
        )
        return {number: event.training for number, event in ended.items()}

    def kept(self, number: int) -> TrainingArtifacts:
        """What a training gave."""
        return TrainingArtifacts(self.folder, number)

    def answers(
        self, number: int, training: TrainingResult, splits: Sequence[Split], recipe: Recipe
    ) -> list[np.ndarray] | None:
        """What a training answers on the measured part of each split; None where it diverged."""
        return answers_of(self.kept(number).outputs(), splits, recipe) if training.state == "complete" else None
