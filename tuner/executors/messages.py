"""The wire between coordinator and worker: one JSON object a line.

Towards the worker: `{"do": "prepare", workplace}`, `{"do": "train", job}`, `{"do": "answer", "go_on"}`.
From the worker: `{"is": "ready"}`, `{"is": "broken"}`, `{"is": "epoch"}`, `{"is": "saved"}`, `{"is": "unsaved"}`,
`{"is": "anew"}`, `{"is": "ended"}`, `{"is": "raised"}`.
JSON here allows NaN and infinities: a diverging loss must get through.  Checkpoints are in base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.engines import EpochRecord, Training
from tuner.executors.base import Anew, Ended, EpochDone, Event, Job, Raised, Saved, Unsaved


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of one line."""
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError(f"a message must be a JSON object, but got {line[:80]!r}")
    return content


def train_message(job: Job) -> dict[str, Any]:
    """The job as a message."""
    checkpoint = None if job.checkpoint is None else base64.b64encode(job.checkpoint).decode()
    plain = {"recipe": dict(job.recipe), "rungs": list(job.rungs), "measured": dict(job.measured)}
    return {"do": "train", **vars(job), **plain, "checkpoint": checkpoint}


def job_of(message: Mapping[str, Any]) -> Job:
    """The job of `train_message`."""
    content = {key: value for key, value in message.items() if key != "do"}
    checkpoint = None if content["checkpoint"] is None else base64.b64decode(content["checkpoint"])
    plain = {"rungs": tuple(content["rungs"]), "measured": _tuples(content["measured"])}
    return Job(**{**content, **plain, "checkpoint": checkpoint})


def epoch_message(event: EpochDone) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "epoch", **vars(event), "record": event.record.to_json()}


def checkpoint_message(event: Saved | Unsaved | Anew) -> dict[str, Any]:
    """The event as a message."""
    message = {"is": type(event).__name__.lower(), **vars(event)}
    return {**message, "content": base64.b64encode(event.content).decode()} if isinstance(event, Saved) else message


def ended_message(event: Ended) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "ended", **vars(event), "training": event.training.to_json(), "measured": dict(event.measured)}


def raised_message(event: Raised) -> dict[str, Any]:
    """The event as a message."""
    return {"is": "raised", **vars(event)}


def event_of(message: Mapping[str, Any]) -> Event:
    """The event of a worker's message about a job."""
    content = {key: value for key, value in message.items() if key != "is"}
    match message["is"]:
        case "epoch":
            return EpochDone(**{**content, "record": EpochRecord.from_json(content["record"])})
        case "saved":
            return Saved(**{**content, "content": base64.b64decode(content["content"])})
        case "unsaved":
            return Unsaved(**content)
        case "anew":
            return Anew(**content)
        case "ended":
            plain = {"programs": tuple(content["programs"]), "measured": _tuples(content["measured"])}
            return Ended(**{**content, **plain, "training": Training.from_json(content["training"])})
        case "raised":
            return Raised(**content)
    raise ValueError(f"a worker said {message['is']!r}, which means nothing")


def _tuples(lists: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(values) for key, values in lists.items()}
