"""The wire between coordinator and worker."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest

from tuner.engines import EpochRecord, Training
from tuner.executors import Anew, Ended, EpochDone, Job, Raised, Saved, Unsaved, Workplace, messages
from tuner.executors.base import one_line


def over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    line = messages.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return messages.decode(line)


def record(**values: float) -> EpochRecord:
    return EpochRecord(**{**vars(EpochRecord(0, 3, 0.1, 1 / 3, 0.5, 1e-300, 2.5)), **values})


@pytest.mark.parametrize(
    "event",
    [
        EpochDone(7, record(), 3, 0.1 + 0.2, True),
        EpochDone(7, record(loss=math.inf, val_loss=-math.inf), None, None, False),
        Ended(7, Training("complete", 0.1 + 0.2), 1e-9),
        Ended(0, Training("pruned", 0.25, "pruned after epoch 2"), 3.0),
        Ended(0, Training("diverged", None, "line one\nline two – ∞"), 3.0),
        Ended(0, Training("complete", math.inf), 3.0),
        Ended(0, Training("complete", 0.5), 3.0, (2, 0.75), "fit"),
        Ended(0, Training("complete", 0.5), 3.0, measured={"a": (0.1 + 0.2, 0.05), "b": (1.5, None)}),
    ],
)
def test_events_arrive_as_they_were_sent(event: EpochDone | Ended) -> None:
    message = messages.epoch_message(event) if isinstance(event, EpochDone) else messages.ended_message(event)
    assert messages.event_of(over_the_wire(message)) == event


@pytest.mark.parametrize("event", [Saved(3, 1, 2, 0.1 + 0.2, bytes(range(256))), Unsaved(3, "ü"), Anew(3, "damaged")])
def test_checkpoints_arrive_as_they_were_sent(event: Saved | Unsaved | Anew) -> None:
    assert messages.event_of(over_the_wire(messages.checkpoint_message(event))) == event


def test_nan_gets_through() -> None:
    found = messages.event_of(over_the_wire(messages.epoch_message(EpochDone(1, record(loss=math.nan), 1, 0.5, False))))
    assert isinstance(found, EpochDone)
    assert math.isnan(found.record.loss)
    ended = messages.event_of(over_the_wire(messages.ended_message(Ended(1, Training("complete", math.nan), 0.0))))
    assert isinstance(ended, Ended)
    assert ended.training.value is not None
    assert math.isnan(ended.training.value)


def test_an_exception_arrives_with_its_traceback() -> None:
    event = Raised(3, "ValueError: größer\n", "Traceback\n  line\n" * 5000)
    assert messages.event_of(over_the_wire(messages.raised_message(event))) == event


def test_jobs_and_workplaces(tmp_path: Any) -> None:
    job = Job(5, {"model": {"options": {"units": [1, 2]}}, "learning_rate": 0.1}, (1, 3, 9))
    for sent in (job, dataclasses.replace(job, checkpoint=b"\n\xff", spent_s=2.5, measured={"a": (0.1, None)})):
        assert messages.job_of(over_the_wire(messages.train_message(sent))) == sent
    place = Workplace(tmp_path, "fit", {"source": "iris", "drop": []}, "ab" * 32, (4,), 3)
    assert Workplace.from_json(over_the_wire(place.to_json())) == place


@pytest.mark.parametrize("line", [b'{"is": "re', b"[1]\n", b"\n", b"hello\n", b"\xff\n"])
def test_what_is_no_message_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 – the reader of a worker catches just this
        messages.decode(line)


def test_an_unknown_message() -> None:
    with pytest.raises(ValueError, match="a worker said 'hello'"):
        messages.event_of({"is": "hello"})


def test_the_same_error_reads_the_same() -> None:
    first, second = (one_line(ValueError(f"bad {object()!r}\n  and so on")) for _ in range(2))
    assert first == second == "ValueError: bad <object object at 0x…> and so on"
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line(ValueError("x" * 10_000))) < 600


def test_json_text_is_plain() -> None:
    assert json.loads(messages.encode({"a": 1})) == {"a": 1}
