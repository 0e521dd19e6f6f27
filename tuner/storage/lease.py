"""The lease of a coordinator, and whether its process lives."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass

LEASE_TTL_S = 120
"""Age of the last heartbeat, by the database's clock, after which a lease of another host may expire."""
CLOCKS = {
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
    "mysql": "unix_timestamp()",
    "mariadb": "unix_timestamp()",
}
"""Dialect → SQL for the seconds since 1970 by the database's clock."""

OPEN_LEASES: set[str] = set()
"""Owners of the leases of this process, which may outlive a run that failed and could not remove its row."""


@dataclass(frozen=True, kw_only=True)
class LeaseHolder:
    """The process that holds a lease.

    Attributes:
        owner: UUID of the lease.
        host: Of its process.
        pid: Its process id.
        started: When the process was started (see `process_start`).
        heartbeat_at: Its last heartbeat, in seconds, by the clock of the database.
    """

    owner: str
    host: str
    pid: int
    started: str
    heartbeat_at: int

    def lives(self) -> bool | None:
        """Return True if its process lives, or None if that cannot be known: it is on another host."""
        if self.host != this_host():
            return None
        if self.pid == os.getpid():
            return self.owner in OPEN_LEASES
        return process_start(self.pid) == self.started


@dataclass(frozen=True, kw_only=True)
class Lease(LeaseHolder):
    """The lease of a coordinator on a study.

    Attributes:
        study_id: Optuna's id of the study.
        coordinator_index: 0 for the first of those that run a study at the same time, then 1, 2 …
        transaction: Number of transactions that it has written.
    """

    study_id: int
    coordinator_index: int
    transaction: int


def is_alive(lease: LeaseHolder, clock: int) -> bool:
    """Return True if the process of a lease lives, or if its heartbeat on another host is recent.

    Args:
        lease: The lease.
        clock: The time by the database's clock.
    """
    lives = lease.lives()
    return not is_old(lease, clock) if lives is None else lives


def is_old(lease: LeaseHolder, clock: int) -> bool:
    """Return True if the last heartbeat is too old, or as far in the future: the database's clock was set back then."""
    return abs(clock - lease.heartbeat_at) > LEASE_TTL_S


def process_start(pid: int) -> str | None:
    """Return the start time of a process of this host, as text to be compared only, or None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # Field 22, counted after the command name, which may hold spaces and brackets.
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
    """Return the name of this host, of its PID namespace, and its boot id.

    Containers often share the name, not the namespace; machines of a cloud often share both.  Start times of processes
    count from the boot.
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
