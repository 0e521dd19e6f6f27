"""What holds for every executor: the order of events, and what becomes of a job."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from real_study import PATIENCE_S

from tuner.protocol import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    Executor,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    ModelWarned,
    TrialRestarted,
    WorkerDied,
)

LETTERS: dict[type[Event], str] = {
    TrialRestarted: "R",
    ModelWarned: "M",
    EpochFinished: "E",
    CheckpointSaved: "C",
    CheckpointSkipped: "S",
    GlobalStateChanged: "G",
    JobFinished: ".",
    JobFailed: ".",
    WorkerDied: ".",
    LimitExceeded: ".",
}
ORDER = re.compile(r"R?M*(E[CS]?)*G?\.")
"""See `tuner.protocol.events`."""
ENDS = (JobFinished, JobFailed, WorkerDied, LimitExceeded)
of_workers = pytest.mark.parametrize("executor", ["local", "ray"], indirect=True)
"""Only executors whose workers can die."""
CHANGED = {"is": "changed", "number": 1, "restored": ["the locale"], "lasting": []}


def job(number: int, faults: dict[str, Any] | None = None, *, epochs: int = 3, **options: Any) -> Job:
    recipe = {"learning_rate": 0.01, "optimizer": {"name": "adam"}, "activation": "tanh", "epochs": epochs}
    return Job(number, {**recipe, "faults": faults or {}}, **options)


def free(executor: Executor) -> None:
    """Wait for the worker to be ready."""
    deadline = time.monotonic() + PATIENCE_S
    while not executor.free_slots():
        assert time.monotonic() < deadline
        assert executor.poll(0.05) == []


def collect(executor: Executor, until: Callable[[Event], bool]) -> list[Event]:
    """Events up to the first that `until` holds for."""
    found: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while not any(until(event) for event in found):
        assert time.monotonic() < deadline, f"only {found} came"
        found += executor.poll(0.05)
    return found


def done(executor: Executor, job: Job) -> list[Event]:
    """Events of a job to its end: they are its own, and in order."""
    free(executor)
    executor.submit(job)
    assert executor.free_slots() == 0
    found = collect(executor, lambda event: isinstance(event, ENDS))
    assert {event.number for event in found} == {job.number}
    assert ORDER.fullmatch("".join(LETTERS[type(event)] for event in found)), found
    return found


def epochs(events: list[Event]) -> list[int]:
    return [event.record.epoch for event in events if isinstance(event, EpochFinished)]


def waits(event: Event) -> bool:
    return isinstance(event, EpochFinished) and event.awaits_decision


def test_a_job_to_its_end(executor: Executor) -> None:
    for number in (4, 5):
        events = done(executor, job(number))
        assert epochs(events) == [1, 2, 3]
        end = events[-1]
        assert isinstance(end, JobFinished)
        assert end.training.state == "complete"
        assert end.training.value == next(e.value for e in reversed(events) if isinstance(e, EpochFinished))


def test_a_rung_waits_for_its_decision(executor: Executor) -> None:
    free(executor)
    executor.submit(job(0, epochs=3, rungs=(1, 2)))
    assert epochs(collect(executor, waits)) == [1]
    assert executor.poll(0.1) == []
    executor.resume_or_prune(99, False)  # of a trial that is not here
    assert executor.poll(0.1) == []
    executor.resume_or_prune(0, True)
    assert epochs(collect(executor, waits)) == [2]
    executor.resume_or_prune(0, False)
    (*_, end) = collect(executor, lambda event: isinstance(event, ENDS))
    assert isinstance(end, JobFinished)
    assert end.training.state == "pruned"
    assert executor.free_slots() == 1


def test_an_exception_fails_its_job_alone(executor: Executor) -> None:
    events = done(executor, job(1, {"2": "raise"}))
    assert epochs(events) == [1, 2]
    assert isinstance(events[-1], JobFailed)
    assert events[-1].error == "ValueError: no such layer"
    assert isinstance(done(executor, job(2))[-1], JobFinished)


def test_a_cancelled_job_says_nothing_more(executor: Executor) -> None:
    free(executor)
    executor.submit(job(1, rungs=(1,)))
    collect(executor, waits)
    executor.cancel(1)
    executor.cancel(99)
    done(executor, job(2))


def test_a_checkpoint_that_is_of_no_use_restarts_the_trial(executor: Executor) -> None:
    events = done(executor, job(1, checkpoint=b"damaged"))
    assert isinstance(events[0], TrialRestarted)
    assert epochs(events) == [1, 2, 3]


@of_workers
def test_a_job_resumes_from_its_checkpoint(executor: Executor) -> None:
    events = done(executor, job(1, checkpoint=b"1"))
    assert epochs(events) == [2, 3]
    (saved,) = [event for event in events if isinstance(event, CheckpointSaved)]
    assert (saved.epoch, saved.content) == (2, b"2")


@of_workers
def test_a_job_past_its_deadline_ends(executor: Executor) -> None:
    end = done(executor, job(1, {"1": "hang"}, spent_s=2000.0))[-1]
    assert end == LimitExceeded(1, "timeout: took longer than 1000 s")
    assert isinstance(done(executor, job(2))[-1], JobFinished)


@of_workers
def test_a_job_whose_worker_dies_can_be_submitted_at_once(executor: Executor) -> None:
    end = done(executor, job(1, {"1": "die"}))[-1]
    assert isinstance(end, WorkerDied)
    executor.submit(job(1))  # as the coordinator does, whether a worker is free or not
    assert isinstance(collect(executor, lambda event: isinstance(event, ENDS))[-1], JobFinished)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"is": "ready"},
        {"is": "ended", "number": 1},
        {**CHANGED, "number": 8},
    ],
)
@of_workers
def test_what_is_no_message_fails_its_job_alone(executor: Executor, said: dict[str, Any]) -> None:
    end = done(executor, job(1, {"1": said}))[-1]
    assert isinstance(end, JobFailed)
    assert end.error.startswith("MessageError: its worker sent ")
    assert isinstance(done(executor, job(2))[-1], JobFinished)


@of_workers
def test_a_worker_takes_no_job_after_a_lasting_change(executor: Any) -> None:
    assert isinstance(done(executor, job(0, {"3": CHANGED | {"number": 0}}))[-1], JobFinished)
    (before,) = executor._workers
    *_, changed, end = done(executor, job(1, {"3": "change process"}))
    assert isinstance(changed, GlobalStateChanged)
    assert isinstance(end, JobFinished)
    (after,) = executor._workers
    assert after is not before
    assert isinstance(done(executor, job(2))[-1], JobFinished)


@of_workers
def test_want_of_memory_in_a_used_worker_is_retried_in_a_fresh_one(executor: Executor) -> None:
    assert isinstance(done(executor, job(1))[-1], JobFinished)
    first, second = (done(executor, job(2, {"1": "no memory"}))[-1] for _ in range(2))
    assert isinstance(first, WorkerDied)
    assert first.reason == "out of memory: MemoryError: no room"
    assert second == LimitExceeded(2, "out of memory: MemoryError: no room")
