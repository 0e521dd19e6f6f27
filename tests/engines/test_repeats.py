"""Trials whose setting is trained several times, with an engine whose value is that of the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from tuner.engines import EpochRecord, TrainingResult, TrainingTask, run_trial

EPOCHS = 2


@dataclass(frozen=True)
class SeededRecipe:
    """What `run_trial` reads of a recipe."""

    seed: int
    epochs: int = EPOCHS
    metric: str = "accuracy"
    keep: str = "last"
    patience: int | None = None
    last_epoch: int | None = None
    model: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(saved_models={}))

    def model_copy(self, update: dict[str, Any]) -> SeededRecipe:
        return replace(self, **update)


class SeededEngine:
    """Notes what it is asked to train."""

    predict_times = None

    def __init__(self) -> None:
        self.trained: list[tuple[str, int]] = []

    def train(self, task: TrainingTask, on_epoch: Callable[[EpochRecord], bool]) -> TrainingResult:
        self.trained.append((task.split, task.recipe.seed))  # type: ignore[arg-type]
        value = task.recipe.seed % 97 / 97
        for epoch in range(1, EPOCHS + 1):
            on_epoch(EpochRecord(task.fold, epoch, 1.0, 1.0, value, 0.1, 0.0))
        return TrainingResult("complete", value)


def run(splits: str, repeats: int, pruned_at: int | None = None) -> tuple[SeededEngine, TrainingResult, list[Any]]:
    """The engine, the result, and what the pruner was shown."""
    engine, reports = SeededEngine(), []
    prepared: Any = SimpleNamespace(splits=list(splits), facts=None)

    def on_epoch(record: EpochRecord, report: tuple[int, float] | None) -> bool:
        reports.append(report)
        return report is None or report[0] != pruned_at

    recipe: Any = SeededRecipe(seed=5)
    return engine, run_trial(engine, recipe, prepared, lambda: None, on_epoch, repeats=repeats), reports  # type: ignore[arg-type]


def test_all_splits_are_trained_with_one_seed_and_then_with_the_next() -> None:
    engine, training, reports = run("ab", 3)
    seeds = list(dict.fromkeys(seed for _, seed in engine.trained))
    assert engine.trained == [(split, seed) for seed in seeds for split in "ab"]
    assert len(seeds) == 3
    assert seeds[0] == 5, "the first one is the seed of the trial without repeats"
    values = [seed % 97 / 97 for seed in seeds for _ in "ab"]
    assert training.values == pytest.approx(values)
    assert training.value == pytest.approx(sum(values) / 6)
    assert training.epochs == (EPOCHS,) * 6
    assert [report for report in reports if report] == [(step + 1, values[step]) for step in range(6)]
    assert TrainingResult.from_json(training.to_json()) == training


def test_a_trial_is_pruned_between_its_trainings() -> None:
    engine, training, _ = run("a", 3, pruned_at=2)
    assert len(engine.trained) == 2
    assert (training.state, training.reason, training.values) == ("pruned", "pruned after training 2 of 3", ())


def test_one_training_has_no_values_of_its_own_and_reports_each_epoch() -> None:
    _, training, reports = run("a", 1)
    assert training.values == ()
    assert [step for step, _ in reports] == [1, 2]
