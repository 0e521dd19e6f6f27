"""Who runs a study: any number of coordinators, each the owner of the trials it has begun.

An owner is one row a coordinator.  On the same host it is alive while its process lives: process id and start time are
compared, so neither a reused id nor a clock matters.  Of another host only signs of life are known: it is gone when the
*database's* clock says that the last one is old, and this process has looked in vain for a while as well.  So neither a
clock that jumps nor a database that was away for an hour makes a living owner look dead.
"""

from __future__ import annotations

import math
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, literal, literal_column, select, update

from tuner.errors import LeaseLostError, StudyNotFoundError
from tuner.storage.tables import owners, studies

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine, Table
    from sqlalchemy.orm import Session

HEARTBEAT_INTERVAL_S = 10.0
"""How often an owner gives a sign of life at least."""
LEASE_TTL_S = 120
"""Age of the last sign of life, by the database's clock, after which an owner on another host may be gone."""
WATCHED_S = 30.0
"""How long this process must have looked in vain for a sign of life as well."""

_CLOCKS = {
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
    "mysql": "unix_timestamp()",
    "mariadb": "unix_timestamp()",
}
"""Seconds since 1970 as the database's clock has them."""

_OPEN: set[str] = set()
"""Owners of this very process: it may outlive one that failed."""


@dataclass(frozen=True)
class Lease:
    """A coordinator of a study.

    Attributes:
        owner: A name that no other one has.
        study_id: Optuna's id of the study.
        host: Of its process.
        pid: Its process id.
        started: When the process was started (see `process_start`).
        heartbeat_at: Its last heartbeat, in seconds, by the clock of the database.
        coordinator_index: 0 for the first of those that run a study at the same time, then 1, 2 …
        transaction: Number of transactions that it has written.
    """

    owner: str
    study_id: int
    host: str
    pid: int
    started: str
    heartbeat_at: int
    coordinator_index: int
    transaction: int

    def lives(self) -> bool | None:
        """Whether its process lives; None where that cannot be known, on another host."""
        if self.host != this_host():
            return None
        if self.pid == os.getpid():
            return self.owner in _OPEN
        return process_start(self.pid) == self.started


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
        # Time in which nobody could look, as the database was away or this machine slept, does not count.
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
        return _is_old(owner, clock) and watched_s >= WATCHED_S


def lock(session: Session, study_id: int, name: str) -> int:
    """Take the turn to write to a study, until the end of the transaction; others wait.

    One statement locks everywhere: in SQLite it is the first write of the transaction, elsewhere it locks a row.  Plain
    Optuna locks the row of the study while it adds a trial, so that one is locked too.

    Returns:
        The number of this turn in the study.

    Raises:
        StudyNotFoundError: The study was deleted.
    """
    from optuna.storages._rdb.models import StudyModel

    session.execute(update(studies).where(studies.c.study_id == study_id).values(revision=studies.c.revision + 1))
    row = session.execute(
        select(studies.c.revision)
        .join(StudyModel, StudyModel.study_id == studies.c.study_id)
        .where(studies.c.study_id == study_id, StudyModel.study_name == name)
        .with_for_update()
    ).first()
    if row is None:
        raise StudyNotFoundError(
            f"A study must stay while it is run, but {name!r} was deleted. Nothing more is written; the same command "
            "begins a new one."
        )
    return int(row[0])


def prepare(engine: Engine, study_id: int) -> int:
    """Make the row that is locked, where it is missing; the number of the last turn."""
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


def join(session: Session, study_id: int, gone: Iterable[Lease]) -> Lease:
    """Become one of the owners; those that are gone are forgotten."""
    for owner in gone:
        remove(session, owner.owner)
    last = session.execute(select(func.max(owners.c.coordinator_index)).where(owners.c.study_id == study_id)).scalar()
    mine = Lease(
        owner=str(uuid.uuid4()),
        study_id=study_id,
        host=this_host(),
        pid=os.getpid(),
        started=process_start(os.getpid()) or "",
        heartbeat_at=now(session),
        coordinator_index=0 if last is None else int(last) + 1,
        transaction=0,
    )
    session.execute(insert(owners).values(vars(mine)))
    _OPEN.add(mine.owner)
    return mine


def renew(session: Session, owner: str, transaction: int) -> int:
    """Give a sign of life, and count a transaction.

    Args:
        session: In a transaction that has the turn.
        owner: Who.
        transaction: The number of this transaction.

    Returns:
        The number of the last transaction of this owner that was committed: `transaction - 1`, or `transaction` if an
        earlier attempt was committed although its connection was lost.

    Raises:
        LeaseLostError: Another process thought this one dead.
    """
    last = session.execute(select(owners.c.transaction).where(owners.c.owner == owner)).scalar()
    if last is None:
        raise LeaseLostError(
            "Another process has taken the trials of this one over: it had seen no sign of life for "
            f"{LEASE_TTL_S} s. Nothing more is written for them; run the same command again."
        )
    session.execute(
        update(owners)
        .where(owners.c.owner == owner)
        .values(heartbeat_at=_clock(session), transaction=max(transaction, int(last) + 1))
    )
    return int(last)


def list_leases(connection: Connection | Session, study_id: int, table: Table = owners) -> list[Lease]:
    """Return the leases of a study, of living and of dead processes.

    Args:
        connection: To the database.
        study_id: Optuna's id of the study.
        table: The table as the database has it (`migrations.as_stored`).
    """
    query = select(*(column.label(column.key) for column in table.c)).where(table.c.study_id == study_id)
    return [Lease(**row) for row in connection.execute(query.order_by(table.c.coordinator_index)).mappings()]


def is_running(engine: Engine, study_id: int, table: Table = owners) -> bool:
    """Return whether a process runs the study now, as far as that can be known."""
    with engine.connect() as connection:
        found = list_leases(connection, study_id, table)
        clock = now(connection) if found else 0
    return any(is_alive(lease, clock) for lease in found)


def is_alive(lease: Lease, clock: int) -> bool:
    """Return whether a process lives: of another host, whether its last heartbeat is recent by the database's clock."""
    lives = lease.lives()
    return not _is_old(lease, clock) if lives is None else lives


def _is_old(owner: Lease, clock: int) -> bool:
    """Whether the last sign of life lies too far back, or as far ahead: the database's clock was set back then."""
    return abs(clock - owner.heartbeat_at) > LEASE_TTL_S


def now(connection: Connection | Session) -> int:
    """The time by the database's clock, in seconds since 1970."""
    return int(connection.execute(select(_clock(connection))).scalar_one())


def remove(session: Session, owner: str) -> None:
    """Strike an owner off."""
    session.execute(delete(owners).where(owners.c.owner == owner))


def forget(engine: Engine, study_id: int, before: int) -> None:
    """Drop the owners of a study that was deleted, and whose id was given away again.

    Args:
        engine: Of the database.
        study_id: Of a study that was just made.
        before: A time before it was made, by the database's clock; an owner that was seen later is of this study.
    """
    with engine.begin() as connection:
        connection.execute(delete(owners).where(owners.c.study_id == study_id, owners.c.heartbeat_at < before))


def release_local(owner: str) -> None:
    """Note that this process no longer uses an owner, whether or not its row could be removed."""
    _OPEN.discard(owner)


def process_start(pid: int) -> str | None:
    """When a process of this host was started, as text that only serves to be compared; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # Field 22, counted behind the command name, which may hold spaces and brackets.
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # a zombie only waits to be noticed
    except (FileNotFoundError, ProcessLookupError):
        if os.path.isdir("/proc/self"):
            return None
    except OSError:
        pass
    try:
        found = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() or None


def this_host() -> str:
    """Name of this host, of the space of process ids, and of the time since it was started.

    Containers often share the name, not the ids; machines of a cloud often share both.  Start times of processes count
    from the start of the machine.
    """
    return " ".join(filter(None, [socket.gethostname(), _pid_space(), _boot()]))


def _pid_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _clock(connection: Connection | Session) -> ColumnElement[Any]:
    bind = connection.get_bind() if hasattr(connection, "get_bind") else connection
    text = _CLOCKS.get(bind.dialect.name)
    return literal(int(time.time())) if text is None else literal_column(text)
