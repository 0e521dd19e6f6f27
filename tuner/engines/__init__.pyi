from .base import Engine, EpochRecord, StepTimes, TrainingResult, TrainingState, TrainingTask
from .checkpoint import Checkpoint
from .engine_table import ENGINES
from .keras_global_state import KERAS_SETTINGS, Setting, Snapshot
from .trial_training import ReportCallback, run_trial

__all__ = [
    "ENGINES",
    "KERAS_SETTINGS",
    "Checkpoint",
    "Engine",
    "EpochRecord",
    "ReportCallback",
    "Setting",
    "Snapshot",
    "StepTimes",
    "TrainingResult",
    "TrainingState",
    "TrainingTask",
    "run_trial",
]
