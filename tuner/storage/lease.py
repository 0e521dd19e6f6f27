"""Who runs a study: one coordinator at a time, and a dead one never in the way.

A lease is one row a study.  Its owner is alive while its process lives (same host: process id and start time are
compared, so a reused id does not count) or, from another host, while it was seen lately.
"""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tuner.errors import StudyBusyError
from tuner.storage.tables import leases

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

SEEN_EVERY_S = 10.0
"""How often an owner must be seen at least."""
GONE_AFTER_S = 120.0


@dataclass(frozen=True)
class Lease:
    """The right to run one study."""

    study_id: int
    owner: str
    host: str
    pid: int
    started: str
    seen: datetime.datetime

    def alive(self) -> bool:
        """Whether the owner still lives."""
        if self.host == _host():
            return process_start(self.pid) == self.started
        return (now() - self.seen).total_seconds() < GONE_AFTER_S


def claim(engine: Engine, study_id: int, study_name: str) -> Lease:
    """Take the right to run a study.

    Raises:
        StudyBusyError: Another process that lives has it.
    """
    mine = Lease(study_id, str(uuid.uuid4()), _host(), os.getpid(), process_start(os.getpid()) or "", now())
    try:
        with engine.begin() as connection:
            connection.execute(insert(leases).values(vars(mine)))
        return mine
    except IntegrityError:
        found = holder(engine, study_id)
    if found is None:  # it was given back between our insert and our look
        return claim(engine, study_id, study_name)
    if found.alive():
        raise StudyBusyError(
            f"One process at a time runs a study, but {study_name!r} is being run by process {found.pid} on "
            f"{found.host.partition(' ')[0]}. Wait for it or stop it; `tuner show {study_name}` shows where it stands."
        )
    with engine.begin() as connection:
        # Compare and swap: of several that come at once, one finds the old owner still there.
        taken = connection.execute(
            update(leases).where(leases.c.study_id == study_id, leases.c.owner == found.owner).values(vars(mine))
        )
    if taken.rowcount == 1:
        return mine
    return claim(engine, study_id, study_name)


def holder(engine: Engine, study_id: int) -> Lease | None:
    """The lease of a study, alive or not; None where nobody has it."""
    with engine.connect() as connection:
        row = connection.execute(select(leases).where(leases.c.study_id == study_id)).mappings().first()
    return Lease(**row) if row else None


def renew(connection: Connection | Session, lease: Lease) -> None:
    """Say, within a transaction, that the owner is still there.

    Raises:
        StudyBusyError: The lease is no longer ours: the study was deleted, or another process thought us dead.
    """
    renewed = connection.execute(update(leases).where(leases.c.owner == lease.owner).values(seen=now()))
    if renewed.rowcount != 1:  # type: ignore[union-attr]
        raise StudyBusyError(
            "One process at a time runs a study, but this one has lost it: the study was deleted, or another process "
            "has taken it over. Nothing more is written; run the same command again."
        )


def forget(engine: Engine, study_id: int, before: datetime.datetime) -> None:
    """Drop the lease of a study that was deleted, and whose id was given away again.

    Args:
        engine: Of the database.
        study_id: Of a study that was just made.
        before: A time before it was made; a lease that was seen later is of this study.
    """
    with engine.begin() as connection:
        connection.execute(delete(leases).where(leases.c.study_id == study_id, leases.c.seen < before))


def release(engine: Engine, lease: Lease) -> None:
    """Give the study back."""
    with engine.begin() as connection:
        connection.execute(delete(leases).where(leases.c.owner == lease.owner))


def process_start(pid: int) -> str | None:
    """When a process of this host was started, as text that only serves to be compared; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # Field 22, counted behind the command name, which may hold spaces and brackets.
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # a zombie only waits to be noticed
    except FileNotFoundError:
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


def _host() -> str:
    """Name of this host, and of the space of process ids: containers often share the name, not the ids."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def now() -> datetime.datetime:
    """The time, naive UTC."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
