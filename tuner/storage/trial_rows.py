"""Rows of a trial in our tables, and the trial as it is requeued."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from tuner.optuna_internals import RUNG_PREFIX
from tuner.storage import tables
from tuner.storage.checkpoints import StoredCheckpoint
from tuner.storage.optuna_rows import TableWrite


def scalar_columns(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record that are no lists; floats that are not finite become None."""
    return {name: _finite(value) for name, value in record.items() if not isinstance(value, list | tuple)}


def clear_rows(number: int, kept: StoredCheckpoint | None) -> list[TableWrite]:
    """Return the writes that delete everything a trial has recorded after its checkpoint."""
    after = None if kept is None else kept.place
    return [TableWrite(table, number, [], replace=True, after=after) for table in tables.OF_A_RUN]


def coalesce(rows: Sequence[TableWrite]) -> list[TableWrite]:
    """Merge the writes of each trial and table into one insert; deletions of later epochs come first."""
    cuts: list[TableWrite] = []
    found: dict[tuple[str, int], TableWrite] = {}
    for entry in rows:
        key = (entry.table.name, entry.number)
        last = found.get(key)
        if entry.after is not None:
            cuts.append(entry)
            if last is not None:
                earlier = [row for row in last.rows if (row["fold"], row["epoch"]) <= entry.after]
                found[key] = TableWrite(last.table, last.number, earlier, last.replace)
        elif last is None or entry.replace:
            found[key] = entry
        else:
            found[key] = TableWrite(last.table, last.number, [*last.rows, *entry.rows], last.replace)
    return [*cuts, *found.values()]


def as_requeued(trial: FrozenTrial, kept: StoredCheckpoint | None) -> FrozenTrial:
    """Return a waiting copy of a trial as of its checkpoint, or as before it ran, with its number and parameters."""
    fresh = copy.copy(trial)
    fresh.state, fresh.datetime_start = TrialState.WAITING, None
    last = None if kept is None else kept.step
    fresh.intermediate_values = {k: v for k, v in trial.intermediate_values.items() if last is not None and k <= last}
    rungs = {} if kept is None else dict(kept.rungs or {})
    fresh.system_attrs = {k: v for k, v in trial.system_attrs.items() if not k.startswith(RUNG_PREFIX)} | rungs
    return fresh


def completed_rungs(trial: FrozenTrial) -> dict[str, Any]:
    """Return the system attributes of the rungs that a trial has completed."""
    return {name: value for name, value in trial.system_attrs.items() if name.startswith(RUNG_PREFIX)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
