"""Experiment trackers: log finished trials and their epochs where you look at other trainings as well.

One file each, with its entry; a tracker's package is imported when a study that names it is run.  The database stays
the record of a study: nothing is read back from a tracker.
"""

from tuner.registry import Registry
from tuner.trackers.base import FinishedTrial, Tracker, TrackerEntry
from tuner.trackers.mlflow import MLFLOW
from tuner.trackers.tensorboard import TENSORBOARD

TRACKERS: Registry[TrackerEntry] = Registry("tracker", TENSORBOARD, MLFLOW)

__all__ = ["TRACKERS", "FinishedTrial", "Tracker", "TrackerEntry"]
