"""Where trials are trained."""

from tuner.executors.base import Ended, EpochDone, Event, Executor, Job, Lost, Raised, Workplace, kept
from tuner.executors.inline import InlineExecutor
from tuner.executors.local import LocalExecutor, cores

__all__ = [
    "Ended",
    "EpochDone",
    "Event",
    "Executor",
    "InlineExecutor",
    "Job",
    "LocalExecutor",
    "Lost",
    "Raised",
    "Workplace",
    "cores",
    "kept",
]
