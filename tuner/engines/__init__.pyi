from .base import Engine, EpochRecord, State, StepTimes, Training
from .checkpoint import Checkpoint
from .engine_table import ENGINES
from .keras_settings import KERAS_SETTINGS, Setting, Snapshot
from .trial import OnEpoch, run_trial

__all__ = [
    "ENGINES",
    "KERAS_SETTINGS",
    "Checkpoint",
    "Engine",
    "EpochRecord",
    "OnEpoch",
    "Setting",
    "Snapshot",
    "State",
    "StepTimes",
    "Training",
    "run_trial",
]
