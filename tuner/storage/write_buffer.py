"""Rows of our tables and attribute updates that the next transaction of a session writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from optuna.trial import FrozenTrial

from tuner.storage import tables
from tuner.storage.checkpoints import StoredCheckpoint
from tuner.storage.optuna_rows import TableWrite
from tuner.storage.trial_rows import clear_rows, completed_rungs, scalar_columns

if TYPE_CHECKING:
    from tuner.engines import EpochRecord
    from tuner.health import Finding

AttrUpdate: TypeAlias = tuple[str, Callable[[Any], Any]]
"""Key of a user attribute of the study, and the function from its value (None if unset) to the new one."""


class WriteBuffer:
    """Unwritten rows and attribute updates, and the last checkpoint of each trial that this process runs."""

    def __init__(self) -> None:
        self._rows: list[TableWrite] = []
        self._updates: list[AttrUpdate] = []
        self._epochs: dict[int, set[tuple[int, int]]] = {}
        self._checkpoints: dict[int, StoredCheckpoint] = {}

    def __bool__(self) -> bool:
        """Return whether something is to be written."""
        return bool(self._rows or self._updates)

    def add_recipe(self, number: int, recipe: Mapping[str, Any]) -> None:
        """Buffer the recipe of a trial; it replaces the one before."""
        self._rows.append(TableWrite(tables.recipes, number, [{"recipe": dict(recipe)}], replace=True))

    def add_epoch(self, number: int, record: EpochRecord) -> None:
        """Buffer the record of an epoch with its probes, unless the trial has one of that epoch."""
        known = self._epochs.setdefault(number, set())
        key = (record.fold, record.epoch)
        if key not in known:
            known.add(key)
            self._rows.append(TableWrite(tables.epochs, number, [scalar_columns(vars(record))]))
            for probe in record.probes:
                at = {"fold": record.fold, "epoch": probe.epoch}
                self._rows.append(TableWrite(tables.probes, number, [{**at, **scalar_columns(vars(probe))}]))
                layers = [{**at, "position": i, **scalar_columns(vars(layer))} for i, layer in enumerate(probe.layers)]
                self._rows.append(TableWrite(tables.layers, number, layers))

    def add_checkpoint(
        self, trial: FrozenTrial, place: tuple[int, int], seconds: float, folds: Sequence[float], content: bytes
    ) -> None:
        """Buffer a checkpoint; it replaces the one before.

        Args:
            trial: In memory, as of the last report.
            place: Fold and epoch of the last record.
            seconds: Wall time of the trial so far, in its workers.
            folds: Values of the folds that were reported.
            content: The state that a worker resumes from.
        """
        step, rungs = max(trial.intermediate_values, default=None), completed_rungs(trial)
        kept = self._checkpoints[trial.number] = StoredCheckpoint(*place, seconds, step, rungs, tuple(folds), content)
        self._rows = [row for row in self._rows if row.number != trial.number or row.table is not tables.checkpoints]
        self._rows.append(TableWrite(tables.checkpoints, trial.number, [kept.row()], replace=True))

    def add_verdicts(self, number: int, findings: Sequence[Finding]) -> None:
        """Buffer the findings on the health of a trial, the verdict first."""
        rows = [{"position": position, **scalar_columns(vars(finding))} for position, finding in enumerate(findings)]
        self._rows.append(TableWrite(tables.verdicts, number, rows))

    def update_attr(self, key: str, function: Callable[[Any], Any]) -> None:
        """Buffer an update of a user attribute of the study (see `AttrUpdate`)."""
        self._updates.append((key, function))

    def checkpoint(self, number: int) -> StoredCheckpoint | None:
        """Return the last checkpoint of a trial; None if it has none."""
        return self._checkpoints.get(number)

    def load_checkpoints(self, checkpoints: Mapping[int, StoredCheckpoint]) -> None:
        """Take over the stored checkpoints of trials that were claimed, by number."""
        self._checkpoints.update(checkpoints)

    def drop_checkpoint(self, number: int) -> None:
        """Delete the checkpoint of a trial, here and with the next transaction."""
        self._checkpoints.pop(number, None)
        self._rows.append(TableWrite(tables.checkpoints, number, [], replace=True))

    def rewind(self, number: int) -> StoredCheckpoint | None:
        """Forget what a trial has recorded after its checkpoint, which is returned."""
        kept = self._checkpoints.get(number)
        self._epochs[number] = {place for place in self._epochs.get(number, ()) if kept and place <= kept.place}
        self._rows += clear_rows(number, kept)
        return kept

    def forget(self, number: int) -> None:
        """Forget a trial that has finished; its unwritten rows stay."""
        self._epochs.pop(number, None)
        self._checkpoints.pop(number, None)

    def take(self) -> tuple[list[TableWrite], list[AttrUpdate]]:
        """Empty the buffer into a transaction."""
        rows, self._rows = self._rows, []
        updates, self._updates = self._updates, []
        return rows, updates

    def put_back(self, rows: Iterable[TableWrite], updates: Iterable[AttrUpdate]) -> None:
        """Put back what a transaction that was rolled back had taken, before what came since."""
        self._rows = [*rows, *self._rows]
        self._updates = [*updates, *self._updates]
