"""Retraining without TensorFlow: an executor whose trainings answer as well as their recipe deserves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import mock_trainer
import numpy as np

from tuner.catalog import Recipe
from tuner.data import DataOptions, PreparedData, Split, held_out, prepare
from tuner.engines import TrainingResult
from tuner.protocol import Event, Job, JobFinished, ModelCost, WorkerConfig, artifacts_for
from tuner.refit import watches_validation

COST = ModelCost(1_000, 0.5, 1.5)

Share = Callable[[Recipe], float]
"""The share of the rows that a recipe answers right."""


def deserved(recipe: Recipe) -> float:
    """As the mock study has it."""
    return float(mock_trainer.quality(recipe.to_json()))


def selected_epoch(recipe: Recipe) -> int:
    """Return the epoch that a training of this seed selects."""
    return 1 + recipe.seed % recipe.epochs


class Pretender:
    """Answers rows of a multiclass task: the hard ones wrong, and a few others by the seed.

    Args:
        place: What all jobs share.
        workers: Says nothing here.
        share: How many rows a recipe answers right.
        diverges: Whether a training does; told the recipe and what it is for.
        instead: What happens in place of the end of a training, by job; for errors.
        share_of_test: How many test rows it answers right; None for as many as of the others.
        prepared: The rows; they are read again here.
        controls: How many rows each control answers right; 0 for those that are not named.
    """

    def __init__(
        self,
        place: WorkerConfig,
        workers: int | None = None,
        share: Share = deserved,
        diverges: Callable[[Recipe, str], bool] = lambda recipe, purpose: False,
        instead: Callable[[Job], Event | None] = lambda job: None,
        share_of_test: float | None = None,
        prepared: PreparedData | None = None,
        controls: Mapping[str, float] | None = None,
    ) -> None:
        self._share_of_test, self._controls = share_of_test, controls or {}
        self.place, self._share, self._diverges, self._instead = place, share, diverges, instead
        self._options = DataOptions.model_validate(dict(place.data))
        self._splits = prepare(self._options, place.project, place.seed).splits
        self._events: list[Event] = []
        self.jobs: list[Job] = []
        self.closed: bool | None = None

    def start(self) -> None:
        """See `Executor`."""

    def starting_workers(self) -> int:
        """See `Executor`: there are none."""
        return 0

    def free_slots(self) -> int:
        """See `Executor`: two at a time."""
        return 2 - len(self._events)

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self.jobs.append(job)
        event = self._instead(job)
        self._events.append(event if event is not None else JobFinished(job.number, self._train(job), 0.0))

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`."""
        found, self._events[:] = list(self._events), []
        return found

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""
        self.closed = at_once

    def _train(self, job: Job) -> TrainingResult:
        recipe = Recipe.from_json(job.recipe)
        if job.purpose == "control":
            share = self._controls.get(job.control, 0.0)
            artifacts_for(job).keep([self._answers(recipe, split, share) for split in self._splits], cost=COST)
            return TrainingResult("complete", share)
        if job.purpose == "assemble":
            with zipfile.ZipFile(artifacts_for(job).model, "w") as archive:
                archive.writestr("config.json", "{}")
            artifacts_for(job).keep([], cost=COST)
            return TrainingResult("complete")
        if self._diverges(recipe, job.purpose):
            return TrainingResult("diverged", None, "the training loss became nan in epoch 1")
        splits: tuple[Split, ...] = self._splits
        if job.purpose == "final_fit":
            keep = watches_validation(recipe)
            splits = (held_out(self._options, self.place.project, self.place.seed, keep_validation=keep),)
        share = self._share(recipe)
        if job.purpose == "final_fit" and self._share_of_test is not None:
            share = self._share_of_test
        artifacts_for(job).keep([self._answers(recipe, split, share) for split in splits], cost=COST)
        epochs = selected_epoch(recipe) if job.purpose == "revalidate" else recipe.last_epoch or recipe.epochs
        return TrainingResult("complete", self._share(recipe), epochs=(epochs,))

    def _answers(self, recipe: Recipe, split: Split, share: float) -> np.ndarray:
        """Probabilities that give the right class for a share of the rows, one-hot targets being the truth."""
        truth = split.validation.y
        count, classes = truth.shape
        hard = np.random.default_rng(0).permutation(count) / max(1, count)
        seeded = 0.03 * np.random.default_rng(recipe.seed).normal(size=count)
        right = hard + seeded < share
        answer = np.where(right, truth.argmax(axis=1), (truth.argmax(axis=1) + 1) % classes)
        # Softmax behind the head of the loss keeps this order.
        return (0.1 + 0.8 * np.eye(classes)[answer]).astype(np.float32)


def pretending(**options: Any) -> Callable[[WorkerConfig, PreparedData | None, int], Pretender]:
    """What `refit_leaders` takes; `pretending.made` is the last one that was made."""

    def executor(place: WorkerConfig, prepared: PreparedData | None = None, trainings: int = 1) -> Pretender:
        made.append(Pretender(place, trainings, **options))
        return made[-1]

    made: list[Pretender] = []
    executor.made = made  # type: ignore[attr-defined]
    return executor
