"""What is written of a trial: its rows in our tables, and how it is left when it waits to run again."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from tuner.storage import tables
from tuner.storage.checkpoints import StoredCheckpoint
from tuner.storage.optuna_sql import TableWrite

_RUNG_PREFIX = "completed_rung_"
"""Attributes of Optuna's successive halving: marks of rungs that a trial has passed."""


def scalar_columns(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a record: what is no list."""
    return {name: _finite(value) for name, value in record.items() if not isinstance(value, list | tuple)}


def clear_rows(number: int, kept: StoredCheckpoint | None) -> list[TableWrite]:
    """Rows that take away what an earlier run of a trial has left since its checkpoint."""
    after = None if kept is None else kept.place
    return [TableWrite(table, number, [], replace=True, after=after) for table in tables.OF_A_RUN]


def coalesce(rows: Sequence[TableWrite]) -> list[TableWrite]:
    """The rows of one trial in one table as one insert; what takes away later epochs comes before all of them."""
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
    """The trial as it was at its checkpoint, or before it ran: number and parameters stay, later reports go."""
    fresh = copy.copy(trial)
    fresh.state, fresh.datetime_start = TrialState.WAITING, None
    last = None if kept is None else kept.step
    fresh.intermediate_values = {k: v for k, v in trial.intermediate_values.items() if last is not None and k <= last}
    rungs = {} if kept is None else dict(kept.rungs or {})
    fresh.system_attrs = {k: v for k, v in trial.system_attrs.items() if not k.startswith(_RUNG_PREFIX)} | rungs
    return fresh


def rungs_of(trial: FrozenTrial) -> dict[str, Any]:
    """Its marks of rungs."""
    return {name: value for name, value in trial.system_attrs.items() if name.startswith(_RUNG_PREFIX)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
