"""The values of a trial by epoch, over its folds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tuner.engines import EpochRecord
from tuner.results.stored_study import StoredStudy
from tuner.storage import read_epochs


def read_curves(study: StoredStudy) -> dict[int, list[float | None]]:
    """Read the objective after each epoch, by Optuna's trial id; with folds the mean over those that were trained.

    None stands for an epoch whose value was not finite.
    """
    stored = read_epochs(study.database, [trial.trial_id for trial in study.record.trials])
    return {
        trial: [fold_mean([record.metric for record in folds]) for folds in group_by_epoch(records).values()]
        for trial, records in stored.items()
    }


def group_by_epoch(records: Iterable[EpochRecord]) -> dict[int, list[EpochRecord]]:
    """Group the records of a trial by epoch, in order; each group has one record a fold."""
    epochs: dict[int, list[EpochRecord]] = defaultdict(list)
    for record in records:
        epochs[record.epoch].append(record)
    return dict(sorted(epochs.items()))


def fold_mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of what the folds measured, or None if one of them has no finite value."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if len(known) == len(values) else None
