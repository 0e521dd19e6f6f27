"""Where trials are trained.  Ray itself is imported by a run on Ray alone, when it starts."""

from tuner.executors.base import (
    CHECKPOINT_EVERY_S,
    Anew,
    Ended,
    EpochDone,
    Event,
    Executor,
    GlobalStateChanged,
    Job,
    Lost,
    ModelWarned,
    Raised,
    Saved,
    Stopped,
    Unsaved,
    Workplace,
    kept,
)
from tuner.executors.excerpt import TrialLogs, excerpt
from tuner.executors.inline import InlineExecutor
from tuner.executors.limits import Limits
from tuner.executors.local import LocalExecutor, cores, threads_of
from tuner.executors.ray import RayExecutor

__all__ = [
    "CHECKPOINT_EVERY_S",
    "Anew",
    "Ended",
    "EpochDone",
    "Event",
    "Executor",
    "GlobalStateChanged",
    "InlineExecutor",
    "Job",
    "Limits",
    "LocalExecutor",
    "Lost",
    "ModelWarned",
    "Raised",
    "RayExecutor",
    "Saved",
    "Stopped",
    "TrialLogs",
    "Unsaved",
    "Workplace",
    "cores",
    "excerpt",
    "kept",
    "threads_of",
]
