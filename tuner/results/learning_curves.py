"""The learning curves of trials: their epochs, over folds, as numbers and as a table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tuner.engines import EpochRecord
from tuner.results.stored_study import StoredStudy
from tuner.storage import read_epochs
from tuner.text import listed


@dataclass(frozen=True)
class Curve:
    """Learning curve of a trial; with folds the mean over those that were trained.

    Attributes:
        epochs: Their numbers, from 1; `k` of them.
        metric, loss, val_loss, rate: `k` numbers each; None if one was not finite, or not measured.
    """

    epochs: tuple[int, ...] = ()
    metric: tuple[float | None, ...] = ()
    loss: tuple[float | None, ...] = ()
    val_loss: tuple[float | None, ...] = ()
    rate: tuple[float | None, ...] = ()


def read_curves(study: StoredStudy) -> dict[int, list[float | None]]:
    """Read the objective after each epoch, by Optuna's trial id; with folds the mean over those that were trained.

    None stands for an epoch whose value was not finite.
    """
    stored = read_epochs(study.database, [trial.trial_id for trial in study.record.trials])
    return {
        trial: [fold_mean([record.metric for record in folds]) for folds in _group_by_epoch(records).values()]
        for trial, records in stored.items()
    }


def learning_curve(records: Iterable[EpochRecord]) -> Curve:
    """Return the learning curve of a trial with these epochs."""
    epochs = _group_by_epoch(records)

    def column(name: str) -> tuple[float | None, ...]:
        return tuple(fold_mean([getattr(record, name) for record in folds]) for folds in epochs.values())

    return Curve(tuple(epochs), column("metric"), column("loss"), column("val_loss"), column("learning_rate"))


def epochs_table(metric: str, curve: Curve) -> tuple[list[str], list[list[float | int | None]]]:
    """Return the names of columns, and a row per epoch, without columns that were not measured."""
    columns = {
        metric: curve.metric,
        "training loss": curve.loss,
        "validation loss": curve.val_loss,
        "learning rate": curve.rate,
    }
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [[epoch, *values] for epoch, *values in zip(curve.epochs, *known.values(), strict=True)]
    return ["epoch", *known], rows


def selection_text(selected: Sequence[int], trained: int) -> str:
    """Say which epochs gave the models of a trial; an empty text if they are not known, or the last ones.

    Args:
        selected: The epoch of each training.
        trained: Epochs of all trainings.
    """
    if not selected or sum(selected) >= trained:
        return ""
    if len(selected) == 1:
        return f"epoch {selected[0]} gave its model"
    return f"epochs {listed([str(epoch) for epoch in selected])} gave its models"


def _group_by_epoch(records: Iterable[EpochRecord]) -> dict[int, list[EpochRecord]]:
    """Group the records of a trial by epoch, in order; each group has one record a fold."""
    epochs: dict[int, list[EpochRecord]] = defaultdict(list)
    for record in records:
        epochs[record.epoch].append(record)
    return dict(sorted(epochs.items()))


def fold_mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of what the folds measured, or None if one of them has no finite value."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if len(known) == len(values) else None
