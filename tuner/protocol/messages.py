"""The wire between coordinator and worker: one JSON object a line.

Towards the worker: `{"do": "prepare", workplace}`, `{"do": "train", job}`, `{"do": "answer", "go_on"}`.
From the worker: `{"is": "ready"}`, `{"is": "broken"}`, `{"is": "epoch"}`, `{"is": "saved"}`, `{"is": "unsaved"}`,
`{"is": "anew"}`, `{"is": "warned"}`, `{"is": "changed"}`, `{"is": "ended"}`, `{"is": "raised"}`.
JSON here allows NaN and infinities: a diverging loss must get through.  Checkpoints are in base64.

User code runs in a worker and may write to its end of the wire.  So nothing that comes from there is taken on trust:
whatever is no message of the trial that the worker trains is a `MessageError`.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from tuner.health import VERDICTS
from tuner.protocol.events import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    ModelWarned,
    TrialRestarted,
)
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
"""What a worker may say of a job."""
_NAMES = {kind: name for name, kind in EVENTS.items()}
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


class MessageError(ValueError):
    """What came from a worker is no message of the trial that it trains."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"its worker sent {what}, which is no message. Code of the model must not write to file descriptors that "
            "it has not opened."
        )


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line.

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


def receive(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream to its end; half a line there is left out, as its writer died while it wrote.

    Raises:
        MessageError: A line is none, or is too long.
    """
    while line := stream.readline(LINE_BYTES):
        if not line.endswith(b"\n") and len(line) == LINE_BYTES:
            line += stream.readline(_SAVED_BYTES - LINE_BYTES) if line.startswith(_SAVED) else b""
            if not line.endswith(b"\n"):
                raise MessageError(f"{_quoted(line)} and more than {len(line):,} bytes behind it")
        if not line.endswith(b"\n"):
            return
        yield decode(line)


def train_message(job: Job) -> dict[str, Any]:
    """The job as a message."""
    checkpoint = None if job.checkpoint is None else base64.b64encode(job.checkpoint).decode()
    plain = {"recipe": dict(job.recipe), "rungs": list(job.rungs), "measured": dict(job.measured)}
    return {"do": "train", **vars(job), **plain, "checkpoint": checkpoint}


def parse_job(message: Mapping[str, Any]) -> Job:
    """The job of `train_message`."""
    content = {key: value for key, value in message.items() if key != "do"}
    checkpoint = None if content["checkpoint"] is None else base64.b64decode(content["checkpoint"])
    plain = {"rungs": tuple(content["rungs"]), "measured": _tuples(content["measured"])}
    return Job(**{**content, **plain, "checkpoint": checkpoint})


def epoch_message(event: EpochFinished) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "epoch", **vars(event), "record": event.record.to_json()}


def checkpoint_message(event: CheckpointSaved | CheckpointSkipped | TrialRestarted) -> dict[str, Any]:
    """The event as a message."""
    message = {"is": _NAMES[type(event)], **vars(event)}
    return (
        {**message, "content": base64.b64encode(event.content).decode()}
        if isinstance(event, CheckpointSaved)
        else message
    )


def warned_message(event: ModelWarned) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "warned", **vars(event)}


def changed_message(event: GlobalStateChanged) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "changed", **vars(event)}


def ended_message(event: JobFinished) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "ended", **vars(event), "training": event.training.to_json(), "measured": dict(event.measured)}


def raised_message(event: JobFailed) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "raised", **vars(event)}


class EventParser:
    """Reads what a worker says of one job.

    Args:
        number: Of the trial.
    """

    def __init__(self, number: int) -> None:
        self._number, self._step, self._seen = number, 0, set[tuple[int, int]]()

    def parse(self, message: Mapping[str, Any]) -> Event:
        """The event of a message; its texts are cut and cleaned.

        Raises:
            MessageError: It is none, is of another trial, or is out of order.
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
        """Whether an epoch may come after those before: what pruner and database are told must be new."""
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
    """The event of a worker's message about a job.

    Raises:
        ValueError: It is none.
    """
    name = message.get("is")
    if not isinstance(name, str) or name not in EVENTS:
        raise ValueError(f"a worker said {name!r}, which means nothing")
    content = {key: value if key == "content" else _bounded(value, key) for key, value in message.items()}
    if name == "saved":
        content["content"] = base64.b64decode(content["content"])
    event = _adapter(name).validate_python(content)
    if isinstance(event, JobFinished) and not all(finding.verdict in VERDICTS for finding in event.training.findings):
        raise ValueError("an unknown verdict")
    return event


@functools.cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(EVENTS[name])


def _bounded(value: Any, key: object = None) -> Any:
    """A part of a message with texts that fit where they are stored.

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
        case int() if abs(value) > _LARGEST_INT:
            raise ValueError("a whole number of more than 31 bits")
    return value


def _quoted(message: bytes | Mapping[str, Any]) -> str:
    """The beginning of what was sent, on one line."""
    return plain(repr(message[:100] if isinstance(message, bytes) else dict(message)))[:100]


def _tuples(lists: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(values) for key, values in lists.items()}
