"""The seconds of building programs that a worker reports."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mock_study
import pytest

from tuner.engines import EpochRecord, TrainingResult, TrainingTask
from tuner.health import HealthOptions
from tuner.protocol import Event, Job, JobFailed, JobFinished, WorkerConfig
from tuner.protocol.wire_format import parse_event
from tuner.study import resolve_recipe
from tuner.worker.loop import Worker

pytestmark = pytest.mark.slow

MODEL = "def build(inputs, outputs, *, activation, initializer):\n    raise NotImplementedError\n"
VALUES = {
    "optimizer": "adam", "learning_rate": 0.01, "momentum": 0.9, "schedule": "constant", "activation": "relu",
}  # fmt: skip


class Building:
    """An engine that counts given seconds of building for a trial, which then ends or fails."""

    name = last_engine = "building"
    fallback_reason = network_size = predict_times = None

    def __init__(self) -> None:
        self.step_times: dict[str, Any] = {}
        self.compile_stats = (0, 0.0)
        self.seconds, self.fails = 0.0, False

    def train(self, task: TrainingTask, on_epoch: Callable[[EpochRecord], bool]) -> TrainingResult:
        self.compile_stats = (0, self.compile_stats[1] + self.seconds)
        if self.fails:
            raise ValueError("no memory")
        on_epoch(EpochRecord(task.fold, 1, 0.5, 0.5, 0.5, 0.1, 0.0))
        return TrainingResult("complete", 0.5)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([1.5, -0.4, 0.3, 0.2], [1.5, 0.0, 0.0, 0.1]),
        (["1.5", -0.4, 0.3, 1.0], [None, 0.0, 0.3, 1.0]),
        ([1.5, -0.4, "0.3", 0.2], [1.5, 0.0, None, 0.1]),
        (["0.3", -0.4, 0.3], [None, 0.0, 0.2]),
        ([1.5, "-0.4", 0.5], [1.5, None, 0.1]),
    ],
)
def test_what_was_counted_too_much_is_subtracted_from_later_trials(
    trials: list[float | str], expected: list[float | None], tmp_path: Path
) -> None:
    """Except of what failed trials counted, texts here: they report nothing."""
    (tmp_path / "m.py").write_text(MODEL, encoding="utf-8")
    model = {"reference": "m.py:build", "sha256": hashlib.sha256(MODEL.encode()).hexdigest(), "options": {}}
    recipe = {**resolve_recipe(mock_study.spec_of(tmp_path), {**VALUES}, 0).to_json(), "model": model, "epochs": 1}
    place = WorkerConfig(tmp_path, "fit", {}, "", (4,), 0, HealthOptions(measure=False))
    prepared: Any = SimpleNamespace(facts=None, splits=[None])
    told: list[Event] = []
    worker, engine = Worker(queue.SimpleQueue(), lambda message: told.append(parse_event(message))), Building()
    for number, seconds in enumerate(trials, start=1):
        engine.seconds, engine.fails = float(seconds), isinstance(seconds, str)
        worker.train(Job(number, recipe), place, engine, prepared)  # type: ignore[arg-type]
    ended = [event for event in told if isinstance(event, JobFinished | JobFailed)]
    reported = [event.programs[1] if isinstance(event, JobFinished) else None for event in ended]
    assert reported == [value if value is None else pytest.approx(value) for value in expected]
