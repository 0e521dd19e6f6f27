from .base import Engine, EpochRecord, StepTimes, TrainingResult, TrainingState, TrainingTask
from .checkpoint import Checkpoint
from .engine_table import ENGINES
from .keras_global_state import KERAS_SETTINGS, Setting, Snapshot
from .network_limits import NO_NETWORK_LIMITS, NetworkLimits, limits_text
from .network_size import BYTES_PER_WEIGHT, NetworkSize
from .predict_times import PredictTimes, median_times_ms
from .rate_ramp import POINTS, STEPS_A_POINT, find_rate_range, run_rate_ramp
from .trial_training import ReportCallback, repeat_seed, run_trial

__all__ = [
    "BYTES_PER_WEIGHT",
    "ENGINES",
    "KERAS_SETTINGS",
    "NO_NETWORK_LIMITS",
    "POINTS",
    "STEPS_A_POINT",
    "Checkpoint",
    "Engine",
    "EpochRecord",
    "NetworkLimits",
    "NetworkSize",
    "PredictTimes",
    "ReportCallback",
    "Setting",
    "Snapshot",
    "StepTimes",
    "TrainingResult",
    "TrainingState",
    "TrainingTask",
    "find_rate_range",
    "limits_text",
    "median_times_ms",
    "repeat_seed",
    "run_rate_ramp",
    "run_trial",
]
