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
    from sqlalchemy import Engine

SEEN_EVERY_S = 10.0
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
        if self.host == socket.gethostname():
            return process_start(self.pid) == self.started
        return (_now() - self.seen).total_seconds() < GONE_AFTER_S


def claim(engine: Engine, study_id: int, study_name: str) -> Lease:
    """Take the right to run a study.

    Raises:
        StudyBusyError: Another process that lives has it.
    """
    mine = Lease(
        study_id, str(uuid.uuid4()), socket.gethostname(), os.getpid(), process_start(os.getpid()) or "", _now()
    )
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
            f"{found.host}. Wait for it or stop it; `tuner show {study_name}` shows where it stands."
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


def renew(engine: Engine, lease: Lease) -> None:
    """Say that the owner is still there."""
    with engine.begin() as connection:
        connection.execute(update(leases).where(leases.c.owner == lease.owner).values(seen=_now()))


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


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
