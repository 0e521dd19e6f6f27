"""Trials and epochs of a study as CSV, for a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.results import StoredStudy, epochs_frame, trials_frame
from tuner.text import csv_text

if TYPE_CHECKING:
    from pandas import DataFrame


def trials_csv(study: StoredStudy) -> str:
    """Return one line a trial, with the columns of `StudyHandle.trials`."""
    return _csv(trials_frame(study).reset_index())


def epochs_csv(study: StoredStudy) -> str:
    """Return one line an epoch of every trial, with the columns of `StudyHandle.epochs`."""
    return _csv(epochs_frame(study))


def _csv(frame: DataFrame) -> str:
    cells = frame.astype(object).where(frame.notna(), None)
    return csv_text([list(map(str, frame.columns)), *cells.itertuples(index=False)])
