"""The wire between coordinator and worker: one JSON object a line.

Towards the worker: `{"do": "prepare", config}`, `{"do": "train", job}`, `{"do": "answer", "go_on"}`.
From the worker: `{"is": "ready"}`, `{"is": "broken"}`, `{"is": "epoch"}`, `{"is": "saved"}`, `{"is": "unsaved"}`,
`{"is": "anew"}`, `{"is": "warned"}`, `{"is": "changed"}`, `{"is": "ended"}`, `{"is": "raised"}`.
JSON here allows NaN and infinities: a diverging loss must get through.  Checkpoints are in base64.

User code runs in a worker and may write to its end of the wire.  So nothing from there is trusted: anything but a
message of the worker's trial is a `MessageError`.
"""

from __future__ import annotations

import base64
import functools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import IO, Any

from pydantic import TypeAdapter

from tuner.engines import NetworkSize
from tuner.health import VERDICTS
from tuner.protocol.events import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    GlobalStateChanged,
    JobFailed,
    JobFinished,
    ModelWarned,
    TrialRestarted,
)
from tuner.protocol.job import Job
from tuner.text import LOG_CHARS, excerpt, plain, shorten

EVENTS: Mapping[str, type[Event]] = {
    "epoch": EpochFinished,
    "saved": CheckpointSaved,
    "unsaved": CheckpointSkipped,
    "anew": TrialRestarted,
    "warned": ModelWarned,
    "changed": GlobalStateChanged,
    "ended": JobFinished,
    "raised": JobFailed,
}
"""Events that a worker may send, by their name in a message."""
_NAMES = {kind: name for name, kind in EVENTS.items()}
_COUNTS = tuple(field.name for field in fields(NetworkSize))
MAX_CHECKPOINT_BYTES = 2**28
"""A larger checkpoint is not kept: coordinator and database hold one for each running trial."""
LINE_BYTES = 2**24
"""Of a message without a checkpoint; one with ten thousand layers has 2 MB."""
_SAVED_BYTES = MAX_CHECKPOINT_BYTES * 4 // 3 + LINE_BYTES
_SAVED = b'{"is":"saved"'
_TEXT_CHARS = 4_000
_NAME_CHARS = 200
_LARGEST_INT = 2**31 - 1
"""Of an integer in a database."""
_LARGEST_COUNT = 2**53
"""Of a count in JSON: a network for large images has more multiply-adds than `_LARGEST_INT`."""


class MessageError(ValueError):
    """A worker sent something that is not a message of its trial."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"its worker sent {what}, which is not a message. Code of the model must not write to file descriptors "
            "that it has not opened."
        )


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Parse the message of one line.

    Raises:
        MessageError: It is no JSON object.
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise MessageError(_quoted(line)) from None
    if not isinstance(content, dict):
        raise MessageError(_quoted(line))
    return content


def receive(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream; an incomplete last line is dropped, as its writer died.

    Raises:
        MessageError: A line is not a message, or is too long.
    """
    while line := stream.readline(LINE_BYTES):
        if not line.endswith(b"\n") and len(line) == LINE_BYTES:
            line += stream.readline(_SAVED_BYTES - LINE_BYTES) if line.startswith(_SAVED) else b""
            if not line.endswith(b"\n"):
                raise MessageError(f"{_quoted(line)} and more than {len(line):,} bytes after it")
        if not line.endswith(b"\n"):
            return
        yield decode(line)


def train_message(job: Job) -> dict[str, Any]:
    """Return the message of a job."""
    checkpoint = None if job.checkpoint is None else base64.b64encode(job.checkpoint).decode()
    return {"do": "train", **_dump("train", job, "checkpoint"), "checkpoint": checkpoint}


def parse_job(message: Mapping[str, Any]) -> Job:
    """Return the job of a `train_message`."""
    checkpoint = None if message["checkpoint"] is None else base64.b64decode(message["checkpoint"])
    job: Job = _adapter("train").validate_python({**message, "checkpoint": checkpoint})
    return job


def event_message(event: Event) -> dict[str, Any]:
    """Return the message of an event."""
    name = _NAMES[type(event)]
    message = {"is": name, **_dump(name, event, "content")}
    if isinstance(event, CheckpointSaved):
        message["content"] = base64.b64encode(event.content).decode()
    return message


class EventParser:
    """Parses the events of one job.

    Args:
        number: Of the trial.
    """

    def __init__(self, number: int) -> None:
        self._number, self._step, self._seen = number, 0, set[tuple[int, int]]()

    def parse(self, message: Mapping[str, Any]) -> Event:
        """Return the event of a message, its texts cut and cleaned.

        Raises:
            MessageError: It is invalid, from another trial, or out of order.
        """
        try:
            event = parse_event(message)
        except (ValueError, TypeError, LookupError, RecursionError):  # the first one of pydantic, too
            raise MessageError(_quoted(message)) from None
        if event.number != self._number or (isinstance(event, EpochFinished) and not self._follows(event)):
            raise MessageError(_quoted(message))
        if isinstance(event, TrialRestarted):
            self._step, self._seen = 0, set()
        return event

    def _follows(self, event: EpochFinished) -> bool:
        """Return True if an epoch may follow those before: its step and probes must be new."""
        record = event.record
        step = self._step + 1 if event.step is None else event.step
        probed = [(record.fold, probe.epoch) for probe in record.probes]
        good = step > self._step and record.fold >= 0 and record.epoch >= 1
        good = good and all(epoch >= 0 for _, epoch in probed)
        good = good and len(set(probed)) == len(probed) and self._seen.isdisjoint(probed)
        self._step = self._step if event.step is None else event.step
        self._seen.update(probed)
        return good


def parse_event(message: Mapping[str, Any]) -> Event:
    """Return the event of a message, unchecked for order.

    Raises:
        ValueError: It is invalid.
    """
    name = message.get("is")
    if not isinstance(name, str) or name not in EVENTS:
        raise ValueError(f"a worker sent {name!r}, which is not a known message")
    content = {key: value if key == "content" else _bounded(value, key) for key, value in message.items()}
    if name == "saved":
        content["content"] = base64.b64decode(content["content"])
    event: Event = _adapter(name).validate_python(content)
    if isinstance(event, JobFinished) and not all(finding.verdict in VERDICTS for finding in event.training.findings):
        raise ValueError("an unknown verdict")
    if isinstance(event, JobFinished):
        _check_costs(event)
    return event


def _check_costs(event: JobFinished) -> None:
    """Refuse costs of a network that cannot be, and could not be stored."""
    violation, times = event.training.violation, event.predict_times
    if violation is not None and not 0.0 < violation < math.inf:
        raise ValueError("no violation of a limit")
    if times is not None and not all(0.0 <= ms < math.inf for ms in (times.one_row_ms, times.batch_ms)):
        raise ValueError("no times to answer")


@functools.cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(EVENTS.get(name, Job))


def _dump(name: str, record: Event | Job, without: str) -> dict[str, Any]:
    """Return the fields of a record as JSON, without one that is bytes."""
    content: dict[str, Any] = _adapter(name).dump_python(record, mode="json", exclude={without})
    return content


def _bounded(value: Any, key: object = None) -> Any:
    """Return a part of a message with texts cut to what is stored.

    Raises:
        ValueError: A number does not fit.
    """
    match value:
        case str() if key == "traceback":
            return excerpt(value, LOG_CHARS)
        case str():
            return shorten(plain(value[: 2 * _TEXT_CHARS]), _NAME_CHARS if key == "layer" else _TEXT_CHARS)
        case dict():
            return {name[:_NAME_CHARS]: _bounded(inner, name) for name, inner in value.items()}
        case list() | tuple():
            return [_bounded(inner, key) for inner in value]
        case int() if abs(value) > (_LARGEST_COUNT if key in _COUNTS else _LARGEST_INT):
            raise ValueError("a whole number that is too large to be stored")
    return value


def _quoted(message: bytes | Mapping[str, Any]) -> str:
    """Return the beginning of what was sent, on one line."""
    return plain(repr(message[:100] if isinstance(message, bytes) else dict(message)))[:100]
