from .base import Engine, EpochRecord, StepTimes, TrainingResult, TrainingState, TrainingTask
from .checkpoint import Checkpoint
from .engine_table import ENGINES
from .keras_global_state import KERAS_SETTINGS, Setting, Snapshot
from .rate_ramp import POINTS, STEPS_A_POINT, find_rate_range, run_rate_ramp
from .trial_training import ReportCallback, run_trial

__all__ = [
    "ENGINES",
    "KERAS_SETTINGS",
    "POINTS",
    "STEPS_A_POINT",
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
    "find_rate_range",
    "run_rate_ramp",
    "run_trial",
]
