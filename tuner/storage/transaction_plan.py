"""The writes of one transaction, planned from the mirror and the write buffer."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from tuner.optuna_internals import FIXED_PARAMS
from tuner.storage import checkpoints, lease_table, optuna_rows
from tuner.storage.checkpoints import StoredCheckpoint
from tuner.storage.lease import Lease
from tuner.storage.lease_table import LeaseMonitor
from tuner.storage.memory_mirror import StudyMirror, copy_trial
from tuner.storage.optuna_rows import TableWrite, TrialDiff
from tuner.storage.trial_rows import as_requeued, clear_rows
from tuner.storage.write_buffer import AttrUpdate, WriteBuffer

RequestTrials: TypeAlias = Callable[[int], Sequence[Mapping[str, Any]]]
"""From the number of waiting trials to the fixed parameters of each trial to claim, the waiting ones first.

It is called within the transaction, with memory equal to the database, and again if the transaction fails.
"""


@dataclass
class Transaction:
    """The writes of one transaction, kept until it is known whether it was committed.

    Attributes:
        number: Of this coordinator, from 1.
        revision: Number of the transaction in the study.
        lease: Of this coordinator.
        changes: Trials to write.
        held: The objects in memory that `changes` were read from, by number.
        rows: Rows of our own tables.
        attrs: Attributes of the study: `{"user": {...}, "system": {...}}`.
        updates: What was computed into `attrs`.
        claimed: Numbers of the trials that this coordinator runs from now on.
        requeued: Numbers of the trials that a dead coordinator had left running.
        checkpoints: Of the claimed trials, by number.
    """

    number: int
    revision: int
    lease: Lease
    changes: list[TrialDiff] = field(default_factory=list)
    held: dict[int, FrozenTrial] = field(default_factory=dict)
    rows: list[TableWrite] = field(default_factory=list)
    attrs: dict[str, dict[str, Any]] = field(default_factory=dict)
    updates: list[AttrUpdate] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    requeued: list[int] = field(default_factory=list)
    checkpoints: dict[int, StoredCheckpoint] = field(default_factory=dict)

    def add_changes(self, mirror: StudyMirror, buffer: WriteBuffer) -> None:
        """Write what has changed in memory, and all of the buffer."""
        for trial in mirror.changed_trials():
            number = trial.number
            owner = self.lease.owner if trial.state == TrialState.RUNNING else None
            self.held[number] = trial
            self.changes.append(
                TrialDiff(mirror.db_state.get(number), copy_trial(trial), mirror.ids.get(number), owner)
            )
            if trial.state.is_finished():
                buffer.drop_checkpoint(number)
        self.rows, self.updates = buffer.take()
        self.attrs = mirror.changed_attrs()
        for key, function in self.updates:
            user = self.attrs.setdefault("user", {})
            user[key] = function(user.get(key, mirror.user_attrs.get(key)))

    def reclaim_expired(
        self, connection: Connection, mirror: StudyMirror, monitor: LeaseMonitor, unowned: Collection[int]
    ) -> None:
        """Requeue what dead coordinators have left running.

        Args:
            connection: In the transaction.
            mirror: Equal to the database.
            monitor: Of this coordinator.
            unowned: Numbers of the trials to requeue even if they are not known to have had a coordinator.
        """
        study_id, own = self.lease.study_id, self.lease.owner
        others = [lease for lease in lease_table.list_leases(connection, study_id) if lease.owner != own]
        expired = {lease.owner for lease in monitor.expired(others, lease_table.now(connection) if others else 0)}
        for owner in expired:
            lease_table.remove(connection, owner)
        alive = {lease.owner for lease in others} - expired
        running = {mirror.ids[n]: n for n in mirror.unfinished(TrialState.RUNNING) if n not in mirror.owned}
        owners = optuna_rows.trial_owners(connection, list(running)) if running else {}
        left = {
            trial_id: number
            for trial_id, number in running.items()
            if (owners[trial_id] not in alive if trial_id in owners else number in unowned)
        }
        kept = checkpoints.read(connection, list(left), content=False) if left else {}
        for trial_id, number in left.items():
            stored = mirror.db_state[number]
            self._requeue(TrialDiff(stored, stored, trial_id, None), kept.get(trial_id))
            self.requeued.append(number)

    def release_own(self, mirror: StudyMirror, buffer: WriteBuffer) -> None:
        """Requeue what this coordinator runs."""
        running = {change.new.number: change for change in self.changes if change.owner is not None}
        for number in mirror.owned.intersection(mirror.unfinished(TrialState.RUNNING)) - running.keys():
            stored = mirror.db_state[number]
            running[number] = TrialDiff(stored, stored, mirror.ids[number], None)
        self.changes = [change for change in self.changes if change.owner is None]
        for number, change in sorted(running.items()):
            self._requeue(change, buffer.checkpoint(number))

    def claim(self, connection: Connection, mirror: StudyMirror, request: RequestTrials) -> None:
        """Claim waiting trials, and new ones."""
        planned = {change.new.number for change in self.changes}
        waiting = [number for number in mirror.unfinished(TrialState.WAITING) if number not in planned]
        new = mirror.next_number
        for fixed in request(len(waiting)):
            if waiting:
                number = waiting.pop(0)
                stored, trial = mirror.db_state[number], copy.copy(mirror.db_state[number])
                trial.state, trial.datetime_start = TrialState.RUNNING, datetime.datetime.now()
                self.changes.append(TrialDiff(stored, trial, mirror.ids[number], self.lease.owner))
            else:
                number, new = new, new + 1
                self.changes.append(TrialDiff(None, _new_trial(number, fixed), None, self.lease.owner))
            self.claimed.append(number)
        known = {mirror.ids[number]: number for number in self.claimed if number in mirror.ids}
        if known:
            kept = checkpoints.read(connection, list(known), content=True)
            self.checkpoints = {known[trial_id]: one for trial_id, one in kept.items()}

    def _requeue(self, change: TrialDiff, kept: StoredCheckpoint | None) -> None:
        self.changes.append(TrialDiff(change.old, as_requeued(change.new, kept), change.trial_id, None))
        self.rows += clear_rows(change.new.number, kept)


def _new_trial(number: int, fixed: Mapping[str, Any]) -> FrozenTrial:
    """Make a running trial without parameters; it will get those in `fixed`."""
    return FrozenTrial(
        number=number,
        trial_id=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.datetime.now(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={FIXED_PARAMS: dict(fixed)} if fixed else {},
        intermediate_values={},
    )
