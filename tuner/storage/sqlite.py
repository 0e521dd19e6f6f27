"""Connections to SQLite files, and copies of them.

Writers use a write-ahead log, a mode that is stored in the file: so a command that only reads, or does not know yet
which program the file belongs to, must not connect as a writer.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_S = 60.0
_PAUSE_S = 0.02


class WalConnection(sqlite3.Connection):
    """A SQLite connection with a write-ahead log that waits for locks.

    Optuna sets none of this.  In the default journal mode readers block writers, and 32 processes lost 19 of 64
    trials; write-ahead with a 60 s timeout lost none, at twice the speed.  `synchronous=NORMAL` is durable
    against the death of a process; only a power cut can undo the last commits, never corrupt the file.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        self._write_ahead()
        self.execute("PRAGMA synchronous = NORMAL")

    def _write_ahead(self) -> None:
        """Set the journal mode.  While another process writes in the old one, SQLite fails at once, without waiting."""
        until = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(_PAUSE_S)


class ReadConnection(sqlite3.Connection):
    """A SQLite connection that changes nothing in the file, and leaves nothing next to it.

    If its write-ahead log is not empty, a writer is at work or was killed: then the file is opened read-only, and the
    log stays unchanged.  Otherwise SQLite creates an empty log in order to read, which only a connection that may write
    removes: so this one may, but refuses every change.
    """

    def __init__(self, file: str, timeout: float = BUSY_TIMEOUT_S, **options: Any) -> None:
        path = Path(file)
        writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        mode = "rw" if writable and not _holds_something(_log(path)) else "ro"
        super().__init__(f"{path.as_uri()}?mode={mode}{_frozen(path)}", timeout, uri=True, **options)
        self.execute("PRAGMA query_only = ON")


def read_connection(file: Path, timeout_s: float = BUSY_TIMEOUT_S) -> closing[sqlite3.Connection]:
    """Open a connection that only reads, which the end of a `with` closes.

    Args:
        file: SQLite file.
        timeout_s: How long to wait for a writer.

    Raises:
        sqlite3.Error: The file is missing, damaged, locked, or something else.
    """
    return closing(sqlite3.connect(file.absolute(), timeout=timeout_s, factory=ReadConnection))


def table_names(file: Path) -> set[str]:
    """Return the names of the tables in a SQLite file of any program, which may be in use, and leave no trace.

    Raises:
        sqlite3.Error: It is damaged, or something else.
    """
    with read_connection(file) as connection:
        return list_tables(connection)


def column_names(file: Path, table: str) -> set[str]:
    """Return the names of the columns of a table, in the same way.

    Raises:
        sqlite3.Error: The file is damaged, or something else.
    """
    with read_connection(file) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def list_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def copy_file(file: Path, copy: Path) -> tuple[Path, bool]:
    """Copy a SQLite database with what its write-ahead log holds, for the same readers; never over another file.

    A copy is complete or does not exist: it is written under another name, which the next attempt reuses.

    Args:
        file: The database; the caller prevents other copies at the same time.
        copy: Its path; `-2`, `-3` … is added if another file exists there.

    Returns:
        The path of the copy, and whether it is new: an existing equal copy is reused.

    Raises:
        OSError, sqlite3.Error: It cannot be written.
    """
    made = copy.with_name(f".{copy.name}.part")
    made.unlink(missing_ok=True)
    try:
        _make_private(made, file.stat())
        source, target = sqlite3.connect(file), sqlite3.connect(made)
        try:
            target.execute("PRAGMA journal_mode = OFF")  # one that is cut is thrown away
            source.backup(target)
        finally:
            source.close()
            target.close()
        _sync(made)
        number, wanted = 1, copy
        while wanted.exists():
            if _same(made, wanted):
                return wanted, False
            number += 1
            wanted = copy.with_name(f"{copy.name}-{number}")
        made.rename(wanted)
        _sync(wanted.parent)
        return wanted, True
    finally:
        made.unlink(missing_ok=True)


def _make_private(file: Path, model: os.stat_result) -> None:
    """Create an empty file with the owner and the permissions of another one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, model.st_uid, model.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(model.st_mode))
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(1 << 20):
            if block != second.read(1 << 20):
                return False
    return True


def _log(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _holds_something(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


def _frozen(file: Path) -> str:
    """Return the option that reads a file as immutable if not even the index of a log can be created beside it."""
    without = not _log(file).exists() and not os.access(file.parent, os.W_OK)
    return "&immutable=1" if without else ""
