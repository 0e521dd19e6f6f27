"""One training that a worker is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuner.engines import StepTimes
from tuner.protocol.training_artifacts import TrainingArtifacts


@dataclass(frozen=True)
class Member:
    """A trained network of an ensemble.

    Attributes:
        number: Number of the job that trained it, in the same folder.
        recipe: What it was trained by, as JSON.
        weight: Its share of the average.
    """

    number: int
    recipe: Mapping[str, Any]
    weight: float


@dataclass(frozen=True)
class Job:
    """One trial to train.

    Attributes:
        number: Number of the trial.
        recipe: What to train, as JSON.
        rungs: Steps (from 1) after which the worker waits for `Executor.resume_or_prune`.
        purpose: "trial"; "rate_ramp" for a range test of the rate; "revalidate" to save the outputs on the validation
            rows; "control" to save those of a model that is not a network; "final_fit" to train on all rows but the
            test rows and save the network; "assemble" to make one model of such networks (see `tuner.refit`).
        folder: Where these are saved; coordinator and worker both reach it.
        checkpoint: Content of the `CheckpointSaved` that a trial resumes from; None if it starts at epoch 1.
        spent_s: Time that earlier workers have spent on it up to the checkpoint, in seconds.
        measured: What workers have measured so far in this study (`Engine.measured`).
        held_out: File of the rows of a final fit (`tuner.data.save_held_out`); None if the worker reads them.
        control: Name of the control, for that purpose.
        members: What is assembled, for that purpose.
        temperature: Divides the logits of the assembled model; None to leave its probabilities as they are.
    """

    number: int
    recipe: Mapping[str, Any]
    rungs: tuple[int, ...] = ()
    purpose: Literal["trial", "rate_ramp", "revalidate", "control", "final_fit", "assemble"] = "trial"
    folder: str | None = None
    checkpoint: bytes | None = None
    spent_s: float = 0.0
    measured: Mapping[str, StepTimes] = field(default_factory=dict)
    held_out: str | None = None
    control: str = ""
    members: tuple[Member, ...] = ()
    temperature: float | None = None


def artifacts_for(job: Job) -> TrainingArtifacts:
    """Return the artifacts of a job with a folder."""
    if job.folder is None:
        raise ValueError(f"a job that keeps something needs a folder, but got none for {job.purpose!r}")
    return TrainingArtifacts(Path(job.folder), job.number)
