"""Checkpoints of unfinished trials, one row per trial.

A row is written in the same transaction as the epochs and reports up to it, so both always agree.  The next checkpoint
replaces it, and the end of the trial deletes it.  The content is the worker's; the other columns are the state of the
coordinator at that time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, delete, exists, select

from tuner.optuna_internals import TrialModel
from tuner.storage.tables import checkpoints


@dataclass(frozen=True)
class StoredCheckpoint:
    """The last checkpoint of a trial.

    Attributes:
        fold, epoch: The last epoch that it knows of.
        seconds: Wall time of the trial up to there, in its workers.
        step: The last step that was reported to the pruner, or None.
        rungs: The marks of Optuna's successive halving.
        folds: Values of the folds that were reported.
        content: The state that a worker resumes from; empty if it was not read.
    """

    fold: int
    epoch: int
    seconds: float = 0.0
    step: int | None = None
    rungs: Mapping[str, Any] | None = None
    folds: tuple[float, ...] = ()
    content: bytes = b""

    @property
    def place(self) -> tuple[int, int]:
        """Fold and epoch."""
        return self.fold, self.epoch

    def row(self) -> dict[str, Any]:
        """Return the columns except the trial's id."""
        state = {"step": self.step, "rungs": dict(self.rungs or {}), "folds": self.folds}
        place = {"fold": self.fold, "epoch": self.epoch, "seconds": self.seconds}
        return {**place, "state": json.dumps(state), "content": self.content}


def read(connection: Connection, trial_ids: Sequence[int], *, content: bool) -> dict[int, StoredCheckpoint]:
    """Read the checkpoints of these trials by database id; trials without one are left out.

    A malformed row is read as an empty checkpoint, which the worker then refuses.

    Args:
        connection: In a transaction.
        trial_ids: Database ids.
        content: Whether to read the worker's state as well.
    """
    columns = [column for column in checkpoints.c if content or column is not checkpoints.c.content]
    rows = connection.execute(select(*columns).where(checkpoints.c.trial_id.in_(trial_ids))).mappings()
    return {int(row["trial_id"]): _stored(row) for row in rows}


def sweep(connection: Connection) -> None:
    """Delete the checkpoints of trials that another program has deleted or finished."""
    unfinished = (TrialState.RUNNING, TrialState.WAITING)
    trial = exists().where(TrialModel.trial_id == checkpoints.c.trial_id, TrialModel.state.in_(unfinished))
    connection.execute(delete(checkpoints).where(~trial))


def _stored(row: Mapping[Any, Any]) -> StoredCheckpoint:
    try:
        state = json.loads(row["state"])
        return StoredCheckpoint(
            fold=row["fold"],
            epoch=row["epoch"],
            seconds=row["seconds"],
            step=None if state["step"] is None else int(state["step"]),
            rungs=dict(state["rungs"]),
            folds=tuple(map(float, state["folds"])),
            content=bytes(row.get("content", b"")),
        )
    except (ValueError, TypeError, KeyError):
        return StoredCheckpoint(0, 0)
