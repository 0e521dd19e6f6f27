"""Events of a job.

They come in this order: any number of `ModelWarned`, any number of `EpochFinished`, each followed by at most one
`CheckpointSaved` or `CheckpointSkipped`, then one of `JobFinished`, `JobFailed`, `WorkerDied` or `LimitExceeded`.  A
job with a checkpoint may have one `TrialRestarted` before them all; `ModelWarned` and `GlobalStateChanged` may come
before the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tuner.engines import EpochRecord, NetworkSize, PredictTimes, StepTimes, TrainingResult


@dataclass(frozen=True)
class EpochFinished:
    """An epoch was trained.

    Attributes:
        number: Number of the trial.
        record: What was measured.
        step: Step that the pruner sees, from 1; None if it sees none.
        value: Value of that step.
        awaits_decision: True if the training waits for `Executor.resume_or_prune`.
    """

    number: int
    record: EpochRecord
    step: int | None
    value: float | None
    awaits_decision: bool


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was made after the last reported epoch.

    Attributes:
        number: Number of the trial.
        fold, epoch: Its place.
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
    """The trial continues without checkpoints.

    Attributes:
        number: Number of the trial.
        reason: Why, in words.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class TrialRestarted:
    """The trial could not resume from its checkpoint, and started over.

    Attributes:
        number: Number of the trial.
        reason: Why, in words.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class JobFinished:
    """A training ended by itself or was pruned.

    Attributes:
        number: Number of the trial.
        training: How it ended.
        seconds: Wall time of the trial in its workers, building the model included.
        programs: Number of programs compiled for it, and the seconds that took.
        engine: Name of the engine that trained it; None if no engine did.
        fallback_reason: Why `auto` trained with `model.fit`, or None if it did not.
        measured: Step times that the job did not know.
        network_size: Of the network that was built; None if none was.
        predict_times: Its time to answer; None if it was not measured.
    """

    number: int
    training: TrainingResult
    seconds: float
    programs: tuple[int, float] = (0, 0.0)
    engine: str | None = None
    fallback_reason: str | None = None
    measured: Mapping[str, StepTimes] = field(default_factory=dict)
    network_size: NetworkSize | None = None
    predict_times: PredictTimes | None = None


@dataclass(frozen=True)
class JobFailed:
    """User code or Keras raised an exception; the worker lives.

    Attributes:
        number: Number of the trial.
        error: Type and message on one line.
        traceback: The whole traceback as text.
        memory: True if it ran out of memory; an executor turns it into `LimitExceeded` or `WorkerDied`.
        frames: Lines of the traceback that are the user's own, see `user_frames`.
    """

    number: int
    error: str
    traceback: str
    memory: bool = False
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerDied:
    """The worker of a trial died.

    Attributes:
        number: Number of the trial.
        reason: Signal or exit code, in words.
        log: The end of the worker's output.
    """

    number: int
    reason: str
    log: str


@dataclass(frozen=True)
class GlobalStateChanged:
    """User code has changed the state of the whole worker process; the end of the job follows.

    Attributes:
        number: Number of the trial.
        restored: What was restored.
        lasting: What could not be: the worker is replaced.
    """

    number: int
    restored: tuple[str, ...]
    lasting: tuple[str, ...]


@dataclass(frozen=True)
class ModelWarned:
    """The model has a property that is known to train badly, or cannot be saved.

    Attributes:
        number: Number of the trial.
        text: A sentence for the user.
    """

    number: int
    text: str


@dataclass(frozen=True)
class LimitExceeded:
    """A training was killed as it exceeded a limit: its parameters are bad.

    Attributes:
        number: Number of the trial.
        reason: Which limit, in words.
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
