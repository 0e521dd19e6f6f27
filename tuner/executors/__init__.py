"""Where trials are trained."""

from tuner.executors.base import Ended, EpochDone, Event, Executor, Job, Lost, Raised, Stopped, Workplace, kept
from tuner.executors.inline import InlineExecutor
from tuner.executors.limits import Limits
from tuner.executors.local import LocalExecutor, cores

__all__ = [
    "Ended",
    "EpochDone",
    "Event",
    "Executor",
    "InlineExecutor",
    "Job",
    "Limits",
    "LocalExecutor",
    "Lost",
    "Raised",
    "Stopped",
    "Workplace",
    "cores",
    "kept",
]
