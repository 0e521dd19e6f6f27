from .events import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    GlobalStateChanged,
    JobFailed,
    JobFinished,
    LimitExceeded,
    ModelWarned,
    TrialRestarted,
    WorkerDied,
)
from .executor import Executor
from .job import Job, artifacts_for
from .messages import MAX_CHECKPOINT_BYTES
from .training_files import TrainingArtifacts
from .trial_limits import NO_LIMITS, Limits, out_of_memory
from .worker_config import CHECKPOINT_EVERY_S, WorkerConfig

__all__ = [
    "CHECKPOINT_EVERY_S",
    "MAX_CHECKPOINT_BYTES",
    "NO_LIMITS",
    "CheckpointSaved",
    "CheckpointSkipped",
    "EpochFinished",
    "Event",
    "Executor",
    "GlobalStateChanged",
    "Job",
    "JobFailed",
    "JobFinished",
    "LimitExceeded",
    "Limits",
    "ModelWarned",
    "TrainingArtifacts",
    "TrialRestarted",
    "WorkerConfig",
    "WorkerDied",
    "artifacts_for",
    "out_of_memory",
]
