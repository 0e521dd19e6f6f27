"""Turn what Optuna, SQLAlchemy, drivers and SQLite raise into our errors."""

from __future__ import annotations

import contextlib
import errno
import resource
import shutil
import sqlite3
from collections.abc import Iterator

from tuner.errors import DiskFullError, StorageError, StorageUnavailableError
from tuner.storage import sqlite
from tuner.storage.database_url import absolute, hidden, redacted

FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM_BYTES = 100_000
"""A disk with less than this counts as full: SQLite needs 32 kB for the index of a write-ahead log alone."""
_WRITE_ERRORS = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE)
_PASSING = ("08", "53", "57", "58")
"""Classes of PostgreSQL's errors that may pass: connection, resources, operator intervention, system error."""
_NO_PRIVILEGE = "42501"
"""PostgreSQL's code of an error of rights."""


@contextlib.contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn what Optuna, SQLAlchemy and SQLite raise into a `StorageError` that names the database."""
    try:
        yield
    except Exception as error:
        found = _storage_error(url, error)
        if found is None:
            raise
        raise found from error


def _storage_error(url: str, error: Exception) -> StorageError | None:
    """Return what is raised instead of an error, or None if it is not about the storage."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    if isinstance(error, ArgumentError | NoSuchModuleError | ImportError | ValueError):
        # Optuna says ValueError where it cannot read the URL; any other one is not about the storage.
        if type(error) is ValueError and "Failed to import DB access module" not in str(error):
            return None
        return wrong_url(url, error)
    if type(error).__module__.startswith("alembic."):  # its errors have no base class but Exception
        return StorageError(_explain(url, error))
    if isinstance(error, SQLAlchemyError | StorageInternalError | sqlite3.Error | RuntimeError | OSError):
        if _is_full(url, error):
            return disk_full(url, error)
        if (limit := _file_size_limit(error)) is not None:
            return _file_too_large(url, error, limit)
        kind = StorageUnavailableError if _may_pass(error) else StorageError
        return kind(_explain(url, error))
    return None


def wrong_url(url: str, error: Exception) -> StorageError:
    """Make the error of a URL that SQLAlchemy cannot use."""
    return StorageError(
        f"A storage must be an SQLAlchemy URL with an installed driver, as in 'sqlite:///runs/tuner.db', but got "
        f"{hidden(url)!r} ({_first_line(error, url)}). Correct --storage or TUNER_STORAGE, or install the driver."
    )


def _may_pass(error: BaseException) -> bool:
    """Return True if another attempt may succeed: the database is locked, or the connection is lost."""
    from sqlalchemy.exc import DBAPIError, TimeoutError

    if isinstance(error, TimeoutError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error | OSError):
        return any(words in str(cause) for words in ("locked", "disk I/O"))
    if not isinstance(error, DBAPIError):
        return False
    state = _postgresql_code(cause)
    if state is None:  # what the driver says of a connection that it could not make or keep
        return type(cause).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
    return state[:2] in _PASSING or state in ("40001", "40P01")


def _is_full(url: str, error: BaseException) -> bool:
    """Return True if the disk is full; without room for its log SQLite says that it cannot read or open the file."""
    cause = _cause(error)
    text = str(cause)
    if getattr(cause, "errno", None) in FULL or any(words in text for words in ("is full", "No space left", "quota")):
        return True
    if not isinstance(cause, sqlite3.Error) or not any(words in text for words in ("disk I/O", "unable to open")):
        return False
    file = absolute(url)[1]
    return file is not None and file.parent.is_dir() and shutil.disk_usage(file.parent).free < _ROOM_BYTES


def disk_full(place: str, error: BaseException) -> DiskFullError:
    """Make the error of a full disk; `place` is the URL or path of the storage."""
    return DiskFullError(
        f"The disk of the storage {hidden(place)} is full ({_first_line(_cause(error), place)}). Make room on the disk "
        "and run the same command again: finished trials are kept."
    )


def _file_size_limit(error: BaseException) -> int | None:
    """Return how many bytes a file of this process may have, if a write failed and there is such a limit, or None.

    SQLite says "disk I/O error" for a file that would be larger, and does not tell the error number of the system.
    """
    cause, limit = _cause(error), resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    too_large = getattr(cause, "errno", None) == errno.EFBIG or getattr(cause, "sqlite_errorcode", 0) in _WRITE_ERRORS
    return limit if too_large and limit != resource.RLIM_INFINITY else None


def _file_too_large(url: str, error: BaseException, limit: int) -> StorageError:
    return StorageError(
        f"The storage {hidden(url)} cannot be written ({_first_line(_cause(error), url)}): a file of this process may "
        f"have at most {limit / 1000:,.0f} kB. Raise that limit, as with `ulimit -f unlimited`, and run the same "
        "command again: finished trials are kept."
    )


def _postgresql_code(cause: BaseException) -> str | None:
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _explain(url: str, error: BaseException) -> str:
    text = _first_line(_cause(error), url)
    if "not a database" in text or "malformed" in text:
        step = "The file is damaged or something else: move it away, or restore a backup."
    elif "more than one head" in text:
        text = "its table alembic_version holds more than one row"
        step = "It was edited or damaged: restore a backup of the database."
    elif "locked" in text:
        step = (
            f"Another program has kept it locked for {sqlite.BUSY_TIMEOUT_S:.0f} s. "
            "Close that program and run the same command again."
        )
    elif _postgresql_code(_cause(error)) == _NO_PRIVILEGE:
        step = "Have its owner GRANT this right to the user, or name another database with --storage."
    elif "readonly" in text or "unable to open" in text or "ermission" in text:
        step = "Check that the file and its folder are writable, or name another one with --storage."
    elif "no longer compatible" in text or "upgrade" in text:
        step = "It was made by another version of Optuna: see `optuna storage upgrade`."
    else:
        step = "Check that the database can be reached and run the same command again: finished trials are kept."
    return f"The storage {hidden(url)} cannot be used: {text}. {step}"


def _first_line(error: BaseException, url: str) -> str:
    return redacted((str(error).strip().splitlines() or [type(error).__name__])[0], url).rstrip(".")
