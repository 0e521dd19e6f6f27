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
from .job import Job, Member, artifacts_for
from .training_artifacts import ModelCost, TrainingArtifacts
from .trial_limits import Limits, out_of_memory
from .wire_format import MAX_CHECKPOINT_BYTES
from .worker_config import CHECKPOINT_EVERY_S, WorkerConfig

__all__ = [
    "CHECKPOINT_EVERY_S",
    "MAX_CHECKPOINT_BYTES",
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
    "Member",
    "ModelCost",
    "ModelWarned",
    "TrainingArtifacts",
    "TrialRestarted",
    "WorkerConfig",
    "WorkerDied",
    "artifacts_for",
    "out_of_memory",
]
