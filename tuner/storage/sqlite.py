"""SQLite files: how they are connected to, and copied.

We write with a write-ahead log, which is set in the file for good; so whoever only reads, and whoever does not know yet
whose the file is, must not connect as a writer does.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_S = 60.0
_PAUSE_S = 0.02


class WalConnection(sqlite3.Connection):
    """A SQLite connection that writes ahead and waits for its turn.

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
    """A SQLite connection that changes nothing in the file, and leaves nothing beside it.

    If its write-ahead log holds something, a writer is at work, or was killed: then the file is opened read-only, and
    the log stays as it is.  If there is none, SQLite makes an empty one in order to read; only who may write takes it
    away again, so such a connection may, but refuses every change.
    """

    def __init__(self, file: str, **options: Any) -> None:
        path = Path(file)
        writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        mode = "rw" if writable and not _holds_something(_log(path)) else "ro"
        super().__init__(f"{path.as_uri()}?mode={mode}{_frozen(path)}", uri=True, **options)
        self.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        self.execute("PRAGMA query_only = ON")


def table_names(file: Path) -> set[str]:
    """Return the names of the tables in a SQLite file, and leave no trace, whosever it is.

    Raises:
        sqlite3.Error: It is damaged, or something else.
    """
    # Without a log nobody writes; then the file is read as if nobody could, and SQLite makes none.
    frozen = "" if _log(file).exists() else "&immutable=1"
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{frozen}", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def copy_file(file: Path, copy: Path) -> tuple[Path, bool]:
    """Copy a SQLite database with what its write-ahead log holds, for the same readers; never over another file.

    A copy is whole or not there: it is made under another name, which the next one takes if this one is killed.

    Args:
        file: The database; whoever calls this keeps others from copying it at the same time.
        copy: Where it goes; `-2`, `-3` … is added if something else is there already.

    Returns:
        The file that holds the copy, and whether it was made now: one that is there already and is the same will do.

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
    """Make an empty file with the owner and the permissions of another one, before anything is in it."""
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
    """What is added where not even the index of a log can be made: nobody here can write, so nothing changes."""
    without = not _log(file).exists() and not os.access(file.parent, os.W_OK)
    return "&immutable=1" if without else ""
