"""Trials in this process: the same events as from workers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor
from tuner.protocol import Event, Job


def trainer(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    for epoch in range(1, recipe["epochs"] + 1):
        if epoch == recipe.get("raises_at"):
            raise ValueError("no such layer")
        yield EpochRecord(0, epoch, 1.0, 1.0, epoch / 10, 0.1, 0.0)
    return TrainingResult("complete", recipe["epochs"] / 10)


def events(executor: InlineExecutor, rounds: int = 10) -> list[Event]:
    return [event for _ in range(rounds) for event in executor.poll(0.0)]


def test_two_slots_take_turns() -> None:
    executor = InlineExecutor(trainer, slots=2)
    executor.submit(Job(0, {"epochs": 2}))
    executor.submit(Job(1, {"epochs": 1}))
    assert executor.free_slots() == 0
    numbers = [(event.number, type(event).__name__) for event in events(executor)]
    assert numbers == [
        (0, "EpochFinished"),
        (1, "EpochFinished"),
        (0, "EpochFinished"),
        (1, "JobFinished"),
        (0, "JobFinished"),
    ]


def test_close_forgets_what_runs() -> None:
    executor = InlineExecutor(trainer)
    executor.submit(Job(0, {"epochs": 3}))
    executor.close(at_once=True)
    assert events(executor) == []
