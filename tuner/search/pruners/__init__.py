"""The pruners, which stop trials early.

One file each, with its entry; the table is read without Optuna.

A value is reported after every step; a decision is asked for only at the steps of `rungs`, because it reads all trials
(asked at every step it was the dominating cost: 31 → 6 trials/s).  Steps are counted from 1: the number of epochs, or
folds, that are complete.

Values of different folds cannot be compared: one fold is easier than another.  So after a fold most pruners are told
the mean over the folds so far, which is comparable between trials and ends as the objective: see `after_folds`.
"""

from tuner.registry import Registry
from tuner.search.pruners.base import PrunerEntry
from tuner.search.pruners.hyperband import HYPERBAND
from tuner.search.pruners.median import MEDIAN
from tuner.search.pruners.none import NONE
from tuner.search.pruners.patient import PATIENT
from tuner.search.pruners.percentile import PERCENTILE
from tuner.search.pruners.successive_halving import SUCCESSIVE_HALVING
from tuner.search.pruners.threshold import THRESHOLD
from tuner.search.pruners.wilcoxon import WILCOXON

PRUNERS: Registry[PrunerEntry] = Registry(
    "pruner", NONE, MEDIAN, PERCENTILE, HYPERBAND, SUCCESSIVE_HALVING, PATIENT, THRESHOLD, WILCOXON
)
DEFAULT_PRUNER = MEDIAN.name

__all__ = ["DEFAULT_PRUNER", "PRUNERS"]
