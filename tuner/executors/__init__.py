"""Where trials are trained."""

from tuner.executors.base import Ended, EpochDone, Event, Executor, Job, Lost, Raised, Workplace
from tuner.executors.inline import InlineExecutor
from tuner.executors.local import LocalExecutor

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
]
