"""Trials in this process: the same events as from workers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor
from tuner.protocol import EpochFinished, Event, Job, JobFailed, JobFinished, TrialRestarted


def trainer(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    for epoch in range(1, recipe["epochs"] + 1):
        if epoch == recipe.get("raises_at"):
            raise ValueError("no such layer")
        yield EpochRecord(0, epoch, 1.0, 1.0, epoch / 10, 0.1, 0.0)
    return TrainingResult("complete", recipe["epochs"] / 10)


def events(executor: InlineExecutor, rounds: int = 10) -> list[Event]:
    return [event for _ in range(rounds) for event in executor.poll(0.0)]


def test_a_job_to_its_end() -> None:
    executor = InlineExecutor(trainer)
    executor.start()
    assert executor.free_slots() == 1
    executor.submit(Job(4, {"epochs": 2}))
    assert executor.free_slots() == 0
    found = events(executor)
    assert [(type(event), event.number) for event in found] == [
        (EpochFinished, 4),
        (EpochFinished, 4),
        (JobFinished, 4),
    ]
    assert found[-1] == JobFinished(4, TrainingResult("complete", 0.2), 0.0)
    assert executor.free_slots() == 1


def test_a_job_with_a_checkpoint_begins_anew() -> None:
    executor = InlineExecutor(trainer)
    executor.submit(Job(4, {"epochs": 2}, checkpoint=b"1"))
    assert [type(event) for event in events(executor)] == [TrialRestarted, EpochFinished, EpochFinished, JobFinished]


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


def test_a_rung_waits_for_its_answer() -> None:
    executor = InlineExecutor(trainer)
    executor.submit(Job(0, {"epochs": 3}, rungs=(1, 2)))
    (first,) = events(executor)
    assert isinstance(first, EpochFinished)
    assert first.awaits_decision
    assert events(executor) == []
    executor.resume_or_prune(0, True)
    (second,) = events(executor)
    assert isinstance(second, EpochFinished)
    assert second.step == 2
    executor.resume_or_prune(0, False)
    assert events(executor) == [JobFinished(0, TrainingResult("pruned", None, "pruned"), 0.0)]
    assert executor.free_slots() == 1


def test_an_exception_is_an_event() -> None:
    executor = InlineExecutor(trainer)
    executor.submit(Job(0, {"epochs": 3, "raises_at": 2}))
    *_, last = events(executor)
    assert isinstance(last, JobFailed)
    assert last.error == "ValueError: no such layer"
    assert 'raise ValueError("no such layer")' in last.traceback
    assert executor.free_slots() == 1


def test_close_forgets_what_runs() -> None:
    executor = InlineExecutor(trainer)
    executor.submit(Job(0, {"epochs": 3}))
    executor.close(at_once=True)
    assert events(executor) == []
