"""The wire between coordinator and worker."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import Any

import pytest

from tuner.engines import EpochRecord, NetworkSize, PredictTimes, TrainingResult
from tuner.health import Finding, Probe
from tuner.protocol import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    Limits,
    TrialRestarted,
    WorkerConfig,
    wire_format,
)
from tuner.text.text_excerpt import format_error


def over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    line = wire_format.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return wire_format.decode(line)


def record(**values: float) -> EpochRecord:
    return EpochRecord(**{**vars(EpochRecord(0, 3, 0.1, 1 / 3, 0.5, 1e-300, 2.5)), **values})


@pytest.mark.parametrize(
    "event",
    [
        EpochFinished(7, record(), 3, 0.1 + 0.2, True),
        EpochFinished(7, record(loss=math.inf, val_loss=-math.inf), None, None, False),
        JobFinished(7, TrainingResult("complete", 0.1 + 0.2), 1e-9),
        JobFinished(0, TrainingResult("pruned", 0.25, "pruned after epoch 2"), 3.0),
        JobFinished(0, TrainingResult("diverged", None, "line one\nline two – ∞"), 3.0),
        JobFinished(0, TrainingResult("complete", math.inf), 3.0),
        JobFinished(0, TrainingResult("complete", 0.5), 3.0, (2, 0.75), "fit"),
        JobFinished(0, TrainingResult("complete", 0.5), 3.0, network_size=NetworkSize(2**31, 5, 2**40)),
        JobFinished(0, TrainingResult("complete", 0.5), 3.0, measured={"a": (0.1 + 0.2, 0.05), "b": (1.5, None)}),
    ],
)
def test_events_arrive_as_they_were_sent(event: EpochFinished | JobFinished) -> None:
    message = wire_format.event_message(event) if isinstance(event, EpochFinished) else wire_format.event_message(event)
    assert wire_format.parse_event(over_the_wire(message)) == event


@pytest.mark.parametrize(
    "event",
    [CheckpointSaved(3, 1, 2, 0.1 + 0.2, bytes(range(256))), CheckpointSkipped(3, "ü"), TrialRestarted(3, "damaged")],
)
def test_checkpoints_arrive_as_they_were_sent(event: CheckpointSaved | CheckpointSkipped | TrialRestarted) -> None:
    assert wire_format.parse_event(over_the_wire(wire_format.event_message(event))) == event


def test_nan_gets_through() -> None:
    found = wire_format.parse_event(
        over_the_wire(wire_format.event_message(EpochFinished(1, record(loss=math.nan), 1, 0.5, False)))
    )
    assert isinstance(found, EpochFinished)
    assert math.isnan(found.record.loss)
    ended = wire_format.parse_event(
        over_the_wire(wire_format.event_message(JobFinished(1, TrainingResult("complete", math.nan), 0.0)))
    )
    assert isinstance(ended, JobFinished)
    assert ended.training.value is not None
    assert math.isnan(ended.training.value)


def test_an_exception_arrives_with_its_traceback() -> None:
    event = JobFailed(3, "ValueError: größer\n", "Traceback\n  line\n" * 5000)
    assert wire_format.parse_event(over_the_wire(wire_format.event_message(event))) == event


def test_jobs_and_workplaces(tmp_path: Any) -> None:
    job = Job(5, {"model": {"options": {"units": [1, 2]}}, "learning_rate": 0.1}, (1, 3, 9))
    for sent in (job, dataclasses.replace(job, checkpoint=b"\n\xff", spent_s=2.5, measured={"a": (0.1, None)})):
        assert wire_format.parse_job(over_the_wire(wire_format.train_message(sent))) == sent
    place = WorkerConfig(tmp_path, "fit", {"source": "iris", "drop": []}, "ab" * 32, (4,), 3)
    for sent in (place, dataclasses.replace(place, limits=Limits(1.5, 10**10))):
        assert WorkerConfig.from_json(over_the_wire(sent.to_json())) == sent


@pytest.mark.parametrize("line", [b'{"is": "re', b"[1]\n", b"\n", b"hello\n", b"\xff\n"])
def test_what_is_no_message_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 – the reader of a worker catches just this
        wire_format.decode(line)


def test_an_unknown_message() -> None:
    with pytest.raises(ValueError, match="a worker sent 'hello'"):
        wire_format.parse_event({"is": "hello"})


def test_the_same_error_reads_the_same() -> None:
    first, second = (format_error(ValueError(f"bad {object()!r}\n  and so on")) for _ in range(2))
    assert first == second == "ValueError: bad <object object at 0x…> and so on"
    assert format_error(KeyError()) == "KeyError"
    assert len(format_error(ValueError("x" * 10_000))) < 600


def test_json_text_is_plain() -> None:
    assert json.loads(wire_format.encode({"a": 1})) == {"a": 1}


def test_what_was_changed_arrives_as_it_was_sent() -> None:
    event = GlobalStateChanged(3, ("Keras's dtype policy",), ())
    assert wire_format.parse_event(over_the_wire(wire_format.event_message(event))) == event


EPOCH = wire_format.event_message(EpochFinished(7, record(), 3, 0.5, True))
ENDED = wire_format.event_message(JobFinished(7, TrainingResult("complete", 0.5), 1.0))
HOSTILE: dict[str, Any] = {
    "nothing": {},
    "no kind": {"number": 7},
    "kind of no text": {**EPOCH, "is": ["epoch"]},
    "unknown kind": {"is": "hello"},
    "of another trial": {**EPOCH, "number": 8},
    "number of text": {**EPOCH, "number": "seven"},
    "number not finite": {**EPOCH, "number": math.nan},
    "large number": {**EPOCH, "record": {**EPOCH["record"], "epoch": 10**30}},
    "without a record": {**EPOCH, "record": None},
    "half a record": {**EPOCH, "record": {"loss": 1.0}},
    "step before the first": {**EPOCH, "step": -1},
    "step not finite": {**EPOCH, "step": math.inf},
    "fold below 0": {**EPOCH, "record": {**EPOCH["record"], "fold": -1}},
    "keys of NaN": {**ENDED, "measured": {"NaN": {"NaN": math.nan}}},
    "state of no training": {**ENDED, "training": {**ENDED["training"], "state": "perfect"}},
    "verdict of no table": {
        **ENDED,
        "training": {**ENDED["training"], "findings": [Finding("x", "y", None, 1, None, None).to_json()]},
    },
    "value of text": {**ENDED, "training": {**ENDED["training"], "value": "best"}},
    "checkpoint of no base64": {"is": "saved", "number": 7, "fold": 0, "epoch": 1, "seconds": 1.0, "content": "é"},
    "no checkpoint": {"is": "saved", "number": 7, "fold": 0, "epoch": 1, "seconds": 1.0},
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_message_of_the_trial(message: dict[str, Any]) -> None:
    parser = wire_format.EventParser(7)
    with pytest.raises(
        wire_format.MessageError, match=r"its worker sent .* not a message\. Code of the model must not"
    ):
        parser.parse(over_the_wire(message))
    assert isinstance(parser.parse(over_the_wire(ENDED)), JobFinished)


def test_epochs_come_in_order_and_once() -> None:
    parser = wire_format.EventParser(7)
    first = EpochFinished(7, record(probes=(Probe(0, 1.0, ()), Probe(1, 1.0, ()))), 1, 0.5, False)
    parser.parse(wire_format.event_message(first))
    for event in (first, dataclasses.replace(first, step=2)):
        with pytest.raises(wire_format.MessageError):
            parser.parse(wire_format.event_message(event))
    parser.parse(wire_format.event_message(TrialRestarted(7, "damaged")))
    assert parser.parse(wire_format.event_message(first)) == first


def test_texts_are_cut_and_cleaned() -> None:
    found = wire_format.parse_event({"is": "unsaved", "number": 1, "reason": "\x1b[31m" + "x" * 10**6 + "\x00"})
    assert isinstance(found, CheckpointSkipped)
    assert 100 < len(found.reason) < 5000
    assert found.reason[0] == "x"
    found = wire_format.parse_event(wire_format.event_message(JobFailed(1, "x" * 10**6, "y" * 10**6)))
    assert isinstance(found, JobFailed)
    assert len(found.error) < 5000
    assert len(found.traceback) < 300_000


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"[" * 100_000 + b"\n",
        b"[1]\n",
        b"\xff\n",
        b"1" * 5000 + b"\n",
        b"x" * (wire_format.LINE_BYTES + 1),
        b'{"is":"epoch","content":"' + b"x" * wire_format.LINE_BYTES + b'"}\n',
    ],
    ids=["text", "deep", "list", "bytes", "digits", "endless", "huge"],
)
def test_a_stream_ends_with_the_first_line_that_is_no_message(line: bytes) -> None:
    found = wire_format.receive(io.BytesIO(b'{"is": "ready"}\n' + line))
    assert next(found) == {"is": "ready"}
    with pytest.raises(wire_format.MessageError):
        next(found)


def test_checkpoints_may_be_large_and_half_a_line_is_the_end() -> None:
    saved = wire_format.encode(wire_format.event_message(CheckpointSaved(1, 0, 1, 0.0, b"x" * wire_format.LINE_BYTES)))
    assert len(list(wire_format.receive(io.BytesIO(saved + b'{"is": "re')))) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"violation": math.nan},
        {"violation": math.inf},
        {"violation": 0.0},
        {"violation": -1.0},
        {"one_row_ms": math.nan},
    ],
)
def test_costs_that_cannot_be_are_no_message(given: dict[str, float]) -> None:
    violation, ms = given.get("violation", 0.5), given.get("one_row_ms", 0.5)
    training = TrainingResult.over_limit("60,000 weights, more than the limit of 50,000", violation)
    message = wire_format.event_message(JobFinished(0, training, 0.1, predict_times=PredictTimes(ms, 1.0)))
    with pytest.raises(ValueError, match="no violation|no times"):
        wire_format.parse_event(message)
