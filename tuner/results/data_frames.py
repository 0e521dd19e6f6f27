"""Trials and epochs of a study as pandas tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tuner.engines import EpochRecord
from tuner.results.stored_study import StoredStudy
from tuner.results.study_json import trial_row
from tuner.storage import read_epochs

if TYPE_CHECKING:
    from pandas import DataFrame

_EPOCH_COLUMNS = tuple(field.name for field in fields(EpochRecord) if field.name != "probes")


def trials_frame(study: StoredStudy) -> DataFrame:
    """Return one row a trial, with its number as index.

    The columns are those of `tuner show --json`, with the verdict as `health`, then one for each searched dimension;
    it is missing in trials in which it does not count.
    """
    import pandas

    rows: list[dict[str, Any]] = []
    for trial in study.record.trials:
        row = trial_row(study, trial)
        params: dict[str, Any] = row.pop("params")
        rows.append({**row, "state": str(row["state"]), "health": study.trial_verdict(trial), **params})
    names = dict.fromkeys(key for row in rows for key in row)
    return pandas.DataFrame(rows, columns=list(names) or ["number", "state", "value"]).set_index("number")


def epochs_frame(study: StoredStudy) -> DataFrame:
    """Return one row an epoch of every trial: `trial` and the numbers of `EpochRecord`, ordered by trial and fold."""
    import pandas

    numbers = {trial.trial_id: trial.number for trial in study.record.trials}
    found = read_epochs(study.database, list(numbers))
    ordered = sorted((numbers[trial_id], records) for trial_id, records in found.items())
    rows = [(number, *_epoch_cells(record)) for number, records in ordered for record in records]
    return pandas.DataFrame(rows, columns=["trial", *_EPOCH_COLUMNS])


def records_frame(records: Iterable[EpochRecord]) -> DataFrame:
    """Return one row an epoch, with the numbers of `EpochRecord`."""
    import pandas

    return pandas.DataFrame(map(_epoch_cells, records), columns=list(_EPOCH_COLUMNS))


def _epoch_cells(record: EpochRecord) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in _EPOCH_COLUMNS)
