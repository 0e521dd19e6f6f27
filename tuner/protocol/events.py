"""What an executor is: the place where trials are trained, and the events it tells of.

The coordinator hands out jobs and reads events; it never waits inside a training.  Events of one job come in this
order: any number of `ModelWarned`, any number of `EpochFinished`, each followed by at most one `CheckpointSaved`, then
one of `JobFinished`, `JobFailed`, `WorkerDied` or `LimitExceeded`.  A job with a checkpoint may have one
`TrialRestarted` before them all, and a `GlobalStateChanged` may come before the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from tuner.data import DataFacts
from tuner.engines import EpochRecord, StepTimes, TrainingResult
from tuner.health import HealthOptions
from tuner.protocol.artifacts import TrainingArtifacts
from tuner.protocol.limits import NO_LIMITS, Limits

if TYPE_CHECKING:
    from tuner.study import Execution

CHECKPOINT_EVERY_S = 2.0
"""Time between two checkpoints of a trial at least; a trial that is shorter has none."""


@dataclass(frozen=True)
class WorkerConfig:
    """What every trial of a study shares: a worker reads it once.

    Attributes:
        project: Folder that references and data paths are relative to.
        engine: Row of the table of engines.
        data: The `[data]` section, as JSON.
        data_sha256: Hash of the data that the study was started with.
        input_shape: Shape of one row, without the batch axis.
        seed: Of the splits.
        health: What is measured of the health of a training, and what ends it.
        checkpoint_s: Time between two checkpoints of a trial at least, in seconds; None where none are made.
        trainings: How many trainings of one kind the study may have (`tuner.study.program_sharing`).
        limits: What a trial may use.
    """

    project: Path
    engine: str
    data: Mapping[str, Any]
    data_sha256: str
    input_shape: tuple[int, ...]
    seed: int
    health: HealthOptions = HealthOptions()
    checkpoint_s: float | None = None
    trainings: float = 1.0
    limits: Limits = NO_LIMITS

    @classmethod
    def for_study(
        cls, project: Path, data: Mapping[str, Any], facts: DataFacts, execution: Execution, trainings: float = 1.0
    ) -> WorkerConfig:
        """Make what every worker of a study gets, whatever it trains.

        Args:
            project: Folder that references and data paths are relative to.
            data: The `[data]` section, as JSON.
            facts: What is known of the data.
            execution: How the study trains.
            trainings: See the attribute.
        """
        budget = execution.budget
        return cls(
            project=project,
            engine=execution.engine,
            data=data,
            data_sha256=facts.sha256,
            input_shape=facts.input_shape,
            seed=execution.seed,
            health=execution.health,
            checkpoint_s=CHECKPOINT_EVERY_S if budget.checkpoint else None,
            trainings=trainings,
            limits=Limits(budget.trial_time_s, budget.memory_bytes),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        plain = {"project": str(self.project), "data": dict(self.data), "input_shape": list(self.input_shape)}
        return {**vars(self), **plain, "health": self.health.to_json(), "limits": vars(self.limits)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> WorkerConfig:
        """The workplace of `to_json`."""
        plain = {"project": Path(content["project"]), "input_shape": tuple(content["input_shape"])}
        own = {"health": HealthOptions.from_json(content["health"]), "limits": Limits(**content["limits"])}
        return cls(**{**content, **plain, **own})


@dataclass(frozen=True)
class Job:
    """One trial to train.

    Attributes:
        number: Of the trial.
        recipe: What to train, as JSON.
        rungs: Steps (from 1) after which the worker waits for `answer` before it goes on.
        purpose: "trial"; "again" where the outputs on the validation rows are kept; "final" where all rows but the test
            are trained on, and the model is kept (see `tuner.refit`).
        folder: Where they are kept; coordinator and worker both reach it.
        checkpoint: What a trial goes on from, the content of a `Saved`; None where it begins.
        spent_s: Time that earlier workers have spent on it up to there, in seconds.
        measured: What workers have measured so far in this study (`Engine.measured`).
    """

    number: int
    recipe: Mapping[str, Any]
    rungs: tuple[int, ...] = ()
    purpose: Literal["trial", "again", "final"] = "trial"
    folder: str | None = None
    checkpoint: bytes | None = None
    spent_s: float = 0.0
    measured: Mapping[str, StepTimes] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochFinished:
    """An epoch was trained.

    Attributes:
        number: Of the trial.
        record: What was measured.
        step: Step that the pruner sees, from 1; None where it sees none.
        value: Value of that step.
        waits: Whether the training waits for `Executor.answer`.
    """

    number: int
    record: EpochRecord
    step: int | None
    value: float | None
    awaits_decision: bool


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was made, after the epoch that was told of last.

    Attributes:
        number: Of the trial.
        fold, epoch: Of that epoch.
        seconds: Wall time of the trial up to then, in its workers.
        content: See `tuner.engines.Checkpoint`.
    """

    number: int
    fold: int
    epoch: int
    seconds: float
    content: bytes


@dataclass(frozen=True)
class CheckpointSkipped:
    """The trial goes on without checkpoints.

    Attributes:
        number: Of the trial.
        reason: Why, in words.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class TrialRestarted:
    """The trial could not go on from its checkpoint, and begins anew.

    Attributes:
        number: Of the trial.
        reason: Why, in words.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class JobFinished:
    """A training ended by itself or because it was told to.

    Attributes:
        number: Of the trial.
        training: How it ended.
        seconds: Wall time of the trial in its workers, building the model included.
        programs: How many programs were made for it, and the seconds that this took.
        engine: Row of the table of engines that trained it; None where no engine did.
        slower_as: Why that was not the fastest engine; None where it was.
        measured: What was measured that the job did not know.
    """

    number: int
    training: TrainingResult
    seconds: float
    programs: tuple[int, float] = (0, 0.0)
    engine: str | None = None
    slower_as: str | None = None
    measured: Mapping[str, StepTimes] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFailed:
    """User code or Keras raised an exception; the worker lives.

    Attributes:
        number: Of the trial.
        error: Type and message on one line.
        traceback: The whole traceback as text.
        memory: Whether it says that memory could not be had; an executor tells of `Stopped` or `Lost` then.
    """

    number: int
    error: str
    traceback: str
    memory: bool = False


@dataclass(frozen=True)
class WorkerDied:
    """The worker of a trial died.

    Attributes:
        number: Of the trial.
        reason: Signal or exit code, in words.
        log: The end of what the worker had printed.
    """

    number: int
    reason: str
    log: str


@dataclass(frozen=True)
class GlobalStateChanged:
    """Code of the user has changed what holds for the whole worker process; its end follows.

    Attributes:
        number: Of the trial.
        restored: What was put back.
        lasting: What could not be: the worker is replaced.
    """

    number: int
    restored: tuple[str, ...]
    lasting: tuple[str, ...]


@dataclass(frozen=True)
class ModelWarned:
    """Something about the model is known to train badly.

    Attributes:
        number: Of the trial.
        text: A sentence for people.
    """

    number: int
    text: str


def artifacts_for(job: Job) -> TrainingArtifacts:
    """Where a job with a folder keeps what it gives."""
    if job.folder is None:
        raise ValueError(f"a job that keeps something needs a folder, but got none for {job.purpose!r}")
    return TrainingArtifacts(Path(job.folder), job.number)


@dataclass(frozen=True)
class LimitExceeded:
    """A training was ended from outside, as it used more than it may: the setting is bad.

    Attributes:
        number: Of the trial.
        reason: What it used too much of, in words.
    """

    number: int
    reason: str


Event: TypeAlias = (
    EpochFinished
    | CheckpointSaved
    | CheckpointSkipped
    | TrialRestarted
    | ModelWarned
    | GlobalStateChanged
    | JobFinished
    | JobFailed
    | WorkerDied
    | LimitExceeded
)


class Executor(Protocol):
    """A place where trials are trained."""

    def start(self) -> None:
        """Make ready, before anything else; once more does nothing.

        Raises:
            WorkerError: No worker can be started.
        """

    def free_slots(self) -> int:
        """How many more jobs can be taken now."""

    def submit(self, job: Job) -> None:
        """Take a job; only while `free() > 0`."""

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """Let a waiting training go on, or end it."""

    def cancel(self, number: int) -> None:
        """End a training now; nothing more is told of it."""

    def poll(self, timeout_s: float) -> list[Event]:
        """What happened since the last call; waits up to `timeout_s` for the first one.

        Raises:
            WorkerError: No worker can be started.
        """

    def close(self, *, at_once: bool = False) -> None:
        """End all workers; `at_once` does not let them finish what they do."""
