"""A worker that trains nothing: it speaks as a real one does, and its curves are those of `mock_trainer`.

    python tests/mock_worker.py EPOCH_SECONDS [HANGS_ABOVE [EATS_ABOVE]]

Above a learning rate of HANGS_ABOVE a trial never ends; above EATS_ABOVE it takes memory without end.  A checkpoint is
made after each epoch, where the study has any, and says how many epochs were trained.  A recipe may have `faults`: by
the number of an epoch, as text, what happens after it (see `Fault`).
"""

from __future__ import annotations

import functools
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import mock_trainer

from tuner.engines import EpochRecord, TrainingResult
from tuner.protocol import (
    CheckpointSaved,
    EpochFinished,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    TrialRestarted,
    wire_format,
)

Message = dict[str, Any]
Fault = str | Message
"""A message to send, or one of "raise", "die", "hang", "no memory", "change process"."""


def kill_process() -> NoReturn:
    """Die as a process does that is killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def eat() -> NoReturn:
    """Take memory, 20 MB every 10 ms."""
    eaten = []
    while True:
        eaten.append(b"x" * 20_000_000)
        time.sleep(0.01)


def faulty(
    recipe: Mapping[str, Any], training: Generator[EpochRecord, None, TrainingResult], commit: Callable[[Fault], None]
) -> Generator[EpochRecord, None, TrainingResult]:
    """A training with the faults of its recipe."""
    faults = recipe.get("faults", {})
    if "0" in faults:
        commit(faults["0"])
    while True:
        try:
            record = next(training)
        except StopIteration as end:
            return end.value
        yield record
        if str(record.epoch) in faults:
            commit(faults[str(record.epoch)])


@dataclass
class MockWorker:
    """Speaks as a worker does.

    Attributes:
        receive: Waits for a message.
        send: Sends one.
        die: Ends the worker without a word.
        checkpoints: Whether there are any.
    """

    receive: Callable[[], Message]
    send: Callable[[Message], None]
    die: Callable[[], NoReturn] = kill_process
    checkpoints: bool = False

    def run(self, epoch_s: float = 0.0, hangs_above: float = math.inf, eats_above: float = math.inf) -> NoReturn:
        """Prepare, then train what comes."""
        self.checkpoints = self.receive()["config"]["checkpoint_s"] is not None
        self.send({"is": "ready"})
        while True:
            job = wire_format.parse_job(self.receive())
            if job.recipe["learning_rate"] > eats_above:
                eat()
            if job.recipe["learning_rate"] > hangs_above:
                time.sleep(3600)
            training = mock_trainer.trainer(job.recipe, epoch_s, after=self._trained_before(job))
            try:
                self._train(job, faulty(job.recipe, training, functools.partial(self._commit, job)))
            except (ValueError, MemoryError) as error:
                memory = isinstance(error, MemoryError)
                self.send(
                    wire_format.event_message(JobFailed(job.number, f"{type(error).__name__}: {error}", "", memory))
                )

    def _train(self, job: Job, training: Generator[EpochRecord, None, TrainingResult]) -> None:
        began = time.monotonic() - job.spent_s
        try:
            while True:
                record = next(training)
                waits = record.epoch in job.rungs
                event = EpochFinished(job.number, record, record.epoch, record.metric, waits)
                self.send(wire_format.event_message(event))
                if waits and not self.receive()["go_on"]:
                    ended = TrainingResult("pruned", record.metric, "pruned")
                    break
                if self.checkpoints and record.epoch < job.recipe["epochs"]:
                    seconds, content = time.monotonic() - began, b"%d" % record.epoch
                    saved = CheckpointSaved(job.number, 0, record.epoch, seconds, content)
                    self.send(wire_format.event_message(saved))
        except StopIteration as end:
            ended = end.value
        self.send(wire_format.event_message(JobFinished(job.number, ended, time.monotonic() - began)))

    def _trained_before(self, job: Job) -> int:
        """Epochs that a job goes on after."""
        if job.checkpoint is None:
            return 0
        try:
            return int(job.checkpoint)
        except ValueError:
            self.send(wire_format.event_message(TrialRestarted(job.number, "it is damaged")))
            return 0

    def _commit(self, job: Job, fault: Fault) -> None:
        match fault:
            case "raise":
                raise ValueError("no such layer")
            case "no memory":
                raise MemoryError("no room")
            case "die":
                self.die()
            case "hang":
                self.receive()
            case "change process":
                self.send(wire_format.event_message(GlobalStateChanged(job.number, ("the locale",), ("threads (x)",))))
            case _:
                assert isinstance(fault, dict)
                self.send(fault)


def _receive() -> Message:
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    return wire_format.decode(line)


def _send(message: Message) -> None:
    sys.stdout.buffer.write(wire_format.encode(message))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    MockWorker(_receive, _send).run(*map(float, sys.argv[1:]))
