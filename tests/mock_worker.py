"""A worker process that trains nothing: it speaks as a real one does, and its curves are those of `mock_study`.

    python tests/mock_worker.py EPOCH_SECONDS [HANGS_ABOVE [EATS_ABOVE]]

Above a learning rate of HANGS_ABOVE a trial never ends; above EATS_ABOVE it takes memory without end.  A checkpoint is
made after each epoch, where the study has any, and says how many epochs were trained.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import mock_study

from tuner.engines import TrainingResult
from tuner.protocol import CheckpointSaved, EpochFinished, Job, JobFinished, TrialRestarted, messages


def send(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(messages.encode(message))
    sys.stdout.buffer.flush()


def receive() -> dict[str, Any]:
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    return messages.decode(line)


def eat() -> None:
    """Take memory, 20 MB every 10 ms."""
    eaten = []
    while True:
        eaten.append(b"x" * 20_000_000)
        time.sleep(0.01)


def trained_before(job: Job) -> int:
    """Epochs that a job goes on after."""
    if job.checkpoint is None:
        return 0
    try:
        return int(job.checkpoint)
    except ValueError:
        send(messages.checkpoint_message(TrialRestarted(job.number, "it is damaged")))
        return 0


def train(epoch_s: float, hangs_above: float, eats_above: float, checkpoints: bool) -> None:
    job = messages.parse_job(receive())
    rate = job.recipe["learning_rate"]
    if rate > eats_above:
        eat()
    if rate > hangs_above:
        time.sleep(3600)
    training = mock_study.trainer(job.recipe, epoch_s, after=trained_before(job))
    began = time.monotonic() - job.spent_s
    try:
        while True:
            record = next(training)
            waits = record.epoch in job.rungs
            send(messages.epoch_message(EpochFinished(job.number, record, record.epoch, record.metric, waits)))
            if waits and not receive()["go_on"]:
                ended = TrainingResult("pruned", record.metric, "pruned")
                break
            if checkpoints and record.epoch < job.recipe["epochs"]:
                seconds = time.monotonic() - began
                send(
                    messages.checkpoint_message(
                        CheckpointSaved(job.number, 0, record.epoch, seconds, b"%d" % record.epoch)
                    )
                )
    except StopIteration as end:
        ended = end.value
    send(messages.ended_message(JobFinished(job.number, ended, time.monotonic() - began)))


if __name__ == "__main__":
    place = receive()["workplace"]
    send({"is": "ready"})
    seconds, hangs, eats = [float(text) for text in [*sys.argv[1:], "inf", "inf"][:3]]
    while True:
        train(seconds, hangs, eats, place["checkpoint_s"] is not None)
