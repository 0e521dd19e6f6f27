"""Leases of coordinators: any number of them run a study, each the owner of the trials that it has claimed.

A lease is one row per coordinator.  On the same host it is valid while the process lives: process id and start time are
compared, so neither a reused id nor a clock matters.  On another host it expires when its last heartbeat is old by the
*database's* clock and this process has not seen a new one for a while.  So neither a clock that jumps nor a database
that was unavailable for an hour expires the lease of a living process.
"""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, literal, literal_column, select, update

from tuner.errors import LeaseLostError, StudyNotFoundError
from tuner.optuna_internals import StudyModel
from tuner.storage.lease import CLOCKS, LEASE_TTL_S, OPEN_LEASES, Lease, is_old, process_start, this_host
from tuner.storage.tables import owners, studies

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine, Table

HEARTBEAT_INTERVAL_S = 10.0
"""Longest time between two heartbeats."""
WATCHED_S = 30.0
"""Time for which this process must have seen no new heartbeat before it expires a lease."""


# Statements of every transaction are made once: making one takes longer than SQLite needs for it.
_COUNT = (
    update(studies).where(studies.c.study_id == bindparam("of_study")).values(revision=studies.c.revision + literal(1))
)
_LOCKED = (
    select(studies.c.revision)
    .join(StudyModel, StudyModel.study_id == studies.c.study_id)
    .where(studies.c.study_id == bindparam("of_study"), StudyModel.study_name == bindparam("name"))
    .with_for_update()
)
_LAST = select(owners.c.transaction).where(owners.c.owner == bindparam("of_owner"))
_RENEW = {
    dialect: update(owners)
    .where(owners.c.owner == bindparam("of_owner"))
    .values(heartbeat_at=bindparam("clock") if text is None else literal_column(text), transaction=bindparam("number"))
    for dialect, text in {**CLOCKS, "": None}.items()
}
"""By name of the dialect; "" for one whose clock is not known."""


class LeaseMonitor:
    """Finds the leases of dead processes.

    Attributes:
        due_at: Monotonic time from which `expired` is to be called again.
    """

    def __init__(self) -> None:
        self.due_at = -math.inf
        self._checked_at = time.monotonic()
        self._marks: dict[str, tuple[tuple[int, int], float]] = {}  # heartbeat, seconds for which it has been the last

    def expired(self, found: Iterable[Lease], clock: int) -> list[Lease]:
        """Return the leases whose process is dead.

        Args:
            found: The leases in the database now.
            clock: The time by the database's clock.
        """
        now = time.monotonic()
        # Time in which no check was possible (database unavailable, machine asleep) does not count.
        passed, self._checked_at = min(now - self._checked_at, 2 * HEARTBEAT_INTERVAL_S), now
        self.due_at = now + HEARTBEAT_INTERVAL_S
        return [owner for owner in found if self._is_expired(owner, clock, passed)]

    def _is_expired(self, owner: Lease, clock: int, passed_s: float) -> bool:
        lives = owner.lives()
        if lives is not None:
            return not lives
        mark = (owner.heartbeat_at, owner.transaction)
        before, watched_s = self._marks.get(owner.owner, (None, 0.0))
        watched_s = watched_s + passed_s if mark == before else 0.0
        self._marks[owner.owner] = (mark, watched_s)
        return is_old(owner, clock) and watched_s >= WATCHED_S


def lock(connection: Connection, study_id: int, name: str) -> int:
    """Lock a study until the end of the transaction; other coordinators wait.

    One statement locks everywhere: in SQLite it is the first write of the transaction, elsewhere it locks a row.  Plain
    Optuna locks the row of the study while it adds a trial, so that one is locked too.

    Returns:
        The number of this transaction in the study.

    Raises:
        StudyNotFoundError: The study was deleted.
    """
    connection.execute(_COUNT, {"of_study": study_id})
    row = connection.execute(_LOCKED, {"of_study": study_id, "name": name}).first()
    if row is None:
        raise StudyNotFoundError(
            f"A study must exist while it is run, but {name!r} was deleted. Nothing more is written; the same command "
            "starts a new one."
        )
    return int(row[0])


def prepare(engine: Engine, study_id: int) -> int:
    """Insert the row to lock if it is missing; return the number of the last transaction."""
    from sqlalchemy.exc import IntegrityError

    query = select(studies.c.revision).where(studies.c.study_id == study_id)
    with engine.connect() as connection:
        row = connection.execute(query).first()
    if row is None:
        try:
            with engine.begin() as connection:
                connection.execute(insert(studies).values(study_id=study_id, revision=0))
        except IntegrityError:  # another one was faster
            return prepare(engine, study_id)
        return 0
    return int(row[0])


def join(connection: Connection, study_id: int, gone: Iterable[Lease]) -> Lease:
    """Take a lease, and remove those of dead processes."""
    for owner in gone:
        remove(connection, owner.owner)
    last = connection.execute(
        select(func.max(owners.c.coordinator_index)).where(owners.c.study_id == study_id)
    ).scalar()
    mine = Lease(
        owner=str(uuid.uuid4()),
        study_id=study_id,
        host=this_host(),
        pid=os.getpid(),
        started=process_start(os.getpid()) or "",
        heartbeat_at=now(connection),
        coordinator_index=0 if last is None else int(last) + 1,
        transaction=0,
    )
    connection.execute(insert(owners).values(vars(mine)))
    OPEN_LEASES.add(mine.owner)
    return mine


def renew(connection: Connection, owner: str, transaction: int) -> int:
    """Renew a lease, and count a transaction.

    Args:
        connection: In a transaction that holds the lock.
        owner: Of the lease.
        transaction: The number of this transaction.

    Returns:
        The number of the last transaction of this owner that was committed: `transaction - 1`, or `transaction` if an
        earlier attempt was committed although its connection was lost.

    Raises:
        LeaseLostError: It has expired, and another process has removed it.
    """
    last = connection.execute(_LAST, {"of_owner": owner}).scalar()
    if last is None:
        raise LeaseLostError(
            "Another process has taken over the trials of this one: it had seen no heartbeat for "
            f"{LEASE_TTL_S} s. Nothing more is written for them; run the same command again."
        )
    values: dict[str, Any] = {"of_owner": owner, "number": max(transaction, int(last) + 1)}
    if connection.dialect.name in CLOCKS:
        connection.execute(_RENEW[connection.dialect.name], values)
    else:
        connection.execute(_RENEW[""], {**values, "clock": int(time.time())})
    return int(last)


def list_leases(connection: Connection, study_id: int, table: Table = owners) -> list[Lease]:
    """Return the leases of a study, of living and of dead processes.

    Args:
        connection: To the database.
        study_id: Optuna's id of the study.
        table: The table as the database has it (`migrations.as_stored`).
    """
    query = select(*(column.label(column.key) for column in table.c)).where(table.c.study_id == study_id)
    return [Lease(**row) for row in connection.execute(query.order_by(table.c.coordinator_index)).mappings()]


def now(connection: Connection) -> int:
    """Return the time by the database's clock, in seconds since 1970."""
    return int(connection.execute(select(_clock(connection))).scalar_one())


def remove(connection: Connection, owner: str) -> None:
    """Remove a lease."""
    connection.execute(delete(owners).where(owners.c.owner == owner))


def forget(engine: Engine, study_id: int, before: int) -> None:
    """Remove the leases of a deleted study whose id was reused.

    Args:
        engine: Of the database.
        study_id: Of a study that was just created.
        before: A time before that, by the database's clock; a lease with a later heartbeat is of the new study.
    """
    with engine.begin() as connection:
        connection.execute(delete(owners).where(owners.c.study_id == study_id, owners.c.heartbeat_at < before))


def _clock(connection: Connection) -> ColumnElement[Any]:
    text = CLOCKS.get(connection.dialect.name)
    return literal(int(time.time())) if text is None else literal_column(text)
