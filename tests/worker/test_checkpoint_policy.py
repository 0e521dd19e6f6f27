"""When a worker makes a checkpoint, and what it does with one that it cannot use."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mock_study
import numpy as np
import pytest

from tuner.engines import Checkpoint, EpochRecord, TrainingResult, TrainingState, TrainingTask
from tuner.health import HealthOptions
from tuner.protocol import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    Job,
    JobFinished,
    TrialRestarted,
    WorkerConfig,
)
from tuner.protocol.wire_format import parse_event
from tuner.study import resolve_recipe
from tuner.worker import checkpoint_policy
from tuner.worker.loop import Worker

MODEL = "def build(inputs, outputs, *, activation, initializer):\n    raise NotImplementedError\n"
RECORD = EpochRecord(0, 1, 0.5, 0.5, 0.5, 0.1, 1.0)


class Counting:
    """An engine whose objective after an epoch is its number; what it keeps is that number."""

    name = last_engine = "counting"
    fallback_reason, compile_stats, network_size, predict_times = None, (0, 0.0), None, None

    def __init__(self) -> None:
        self.step_times: dict[str, Any] = {}

    def train(self, task: TrainingTask, on_epoch: Callable[[EpochRecord], bool]) -> TrainingResult:
        self.values = [] if task.resume is None else [*task.resume.values]
        while len(self.values) < task.recipe.epochs:
            self.values.append(float(len(self.values) + 1))
            on_epoch(EpochRecord(task.fold, len(self.values), 0.5, 0.5, self.values[-1], 0.1, 0.0))
        return TrainingResult("complete", self.values[-1])

    def state(self) -> TrainingState:
        return TrainingState(self.name, tuple(self.values), {"variables": [np.ones(3)]}, {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for the keeper."""
    now = [100.0]
    monkeypatch.setattr(checkpoint_policy, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def passes(seconds: float) -> None:
        now[0] += seconds

    return passes


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    return resolve_recipe(mock_study.spec_of(tmp_path), {**VALUES}, 0)


VALUES = {
    "optimizer": "adam", "learning_rate": 0.01, "momentum": 0.9, "schedule": "constant", "activation": "relu",
}  # fmt: skip


def test_it_is_setup_seldom_and_takes_a_small_share_of_the_time(recipe: Any, clock: Callable[[float], None]) -> None:
    told: list[CheckpointSaved | CheckpointSkipped] = []
    keep = checkpoint_policy.CheckpointPolicy(7, recipe, 2.0, 30.0, told.append)

    def make(takes_s: float) -> Callable[[], Checkpoint]:
        return lambda: [clock(takes_s), Checkpoint((RECORD,), (), TrainingState("fit", (0.5,), {}, {}))][1]  # type: ignore[return-value]

    for wait, takes, made in [(1.9, 0, 0), (0.2, 0, 1), (1.9, 0, 1), (0.2, 1.0, 2), (49.0, 0, 2), (1.1, 0, 3)]:
        clock(wait)
        keep(make(takes))
        assert len(told) == made
    first = told[0]
    assert isinstance(first, CheckpointSaved)
    assert (first.number, first.fold, first.epoch) == (7, 0, 1)
    assert first.seconds == pytest.approx(32.1)
    none = checkpoint_policy.CheckpointPolicy(7, recipe, None, 0.0, told.append)
    clock(1e9)
    none(make(0))
    assert len(told) == 3


def test_one_that_is_too_large_is_told_of_once(
    recipe: Any, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_policy, "MAX_CHECKPOINT_BYTES", 1_000_000)
    told: list[CheckpointSaved | CheckpointSkipped] = []
    keep = checkpoint_policy.CheckpointPolicy(7, recipe, 1.0, 0.0, told.append)
    state = TrainingState("fit", (0.5,), {"variables": [np.zeros(1_000_000)]}, {})
    for _ in range(3):
        clock(5.0)
        keep(lambda: Checkpoint((RECORD,), (), state))
    assert told == [CheckpointSkipped(7, "its checkpoint takes 8 MB, more than 1 MB")]


def test_a_worker_goes_on_or_begins_anew(recipe: Any, tmp_path: Path, clock: Callable[[float], None]) -> None:
    (tmp_path / "m.py").write_text(MODEL)
    model = {"reference": "m.py:build", "sha256": hashlib.sha256(MODEL.encode()).hexdigest(), "options": {}}
    plain = {**recipe.to_json(), "model": model, "epochs": 4}
    place = WorkerConfig(tmp_path, "fit", {}, "", (4,), 0, HealthOptions(measure=False), checkpoint_s=0.0)
    told: list[Event] = []
    worker = Worker(queue.SimpleQueue(), lambda message: told.append(parse_event(message)))
    prepared: Any = SimpleNamespace(facts=None, splits=[None])

    def epochs(checkpoint: bytes | None) -> list[int]:
        told.clear()
        worker.train(Job(3, plain, checkpoint=checkpoint, spent_s=60.0), place, Counting(), prepared)  # type: ignore[arg-type]
        ended = told[-1]
        assert isinstance(ended, JobFinished)
        assert (ended.training.state, ended.training.value) == ("complete", 4.0)
        assert ended.seconds >= 60.0
        return [event.record.epoch for event in told if isinstance(event, EpochFinished)]

    assert epochs(None) == [1, 2, 3, 4]
    saved = [event for event in told if isinstance(event, CheckpointSaved)]
    assert [(event.epoch, event.seconds) for event in saved] == [(1, 60.0), (2, 60.0), (3, 60.0)]
    assert epochs(saved[1].content) == [3, 4]
    for damaged in (saved[1].content[:-20], b""):
        assert epochs(damaged) == [1, 2, 3, 4]
        assert isinstance(told[0], TrialRestarted)
