"""Open a database with our settings and tables, and turn what it raises into our errors."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import DiskFullError, StorageError, StorageUnavailableError
from tuner.storage import sqlite
from tuner.storage.database_url import absolute, hidden, redacted
from tuner.storage.sqlite import ReadConnection, WalConnection, table_names
from tuner.untrusted_files import special_kind

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy import Engine, Table

_ATTEMPTS = 8
_LOCK = 7_861_202_511
"""Number of our advisory lock in PostgreSQL."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM_BYTES = 100_000
"""A disk with less than this counts as full: SQLite needs 32 kB for the index of a write-ahead log alone."""
_PASSING = ("08", "53", "57", "58")
"""Classes of PostgreSQL's errors that may pass: connection, resources, operator intervention, system error."""
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Options of a PostgreSQL connection: a server that vanished is noticed within half a minute, not two hours."""


class Database:
    """One database, which may hold many studies.

    Attributes:
        url: As given, with the path of a SQLite file made absolute.
        optuna: Optuna's storage over it; plain Optuna and optuna-dashboard read the same tables.
        note: What the user should know of how it was opened, or None.
        version: Of our tables if they are of an older version, else None.
    """

    def __init__(self, url: str, optuna: RDBStorage, file: Path | None = None) -> None:
        self.url, self.optuna = url, optuna
        self.note: str | None = None
        self.version: int | None = None
        self._file, self._inode = file, None if file is None else _inode(file)
        self._complete = False

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        return self.optuna.engine

    def has(self, *wanted: Table) -> bool:
        """Return True if it has these tables of ours: one of plain Optuna or of an older version may lack them."""
        if self._complete:
            return True
        from sqlalchemy import inspect

        from tuner.storage.tables import metadata

        names = set(inspect(self.engine).get_table_names())
        self._complete = names >= set(metadata.tables)
        return names >= {table.name for table in wanted}

    def check_place(self) -> None:
        """Check that a SQLite file is where it was: what is written to a deleted file is lost.

        Raises:
            StorageError: It was deleted, moved or replaced.
        """
        if self._file is not None and _inode(self._file) != self._inode:
            raise StorageError(
                f"The database must stay where it is while a study runs, but {self._file} was deleted, moved or "
                "replaced. Put it back, with the files -wal and -shm beside it, and run the same command again."
            )

    def set_study_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set a user attribute of a study, plain JSON, also while another process runs the study.

        Raises:
            StorageError: It cannot be written.
        """
        with storage_errors(self.url):
            self.optuna.set_study_user_attr(study_id, key, value)

    def close(self) -> None:
        """Close every connection; SQLite then moves its write-ahead log into the file."""
        self.optuna.remove_session()
        self.engine.dispose()


def open_database(url: str, *, create: bool) -> Database:
    """Open a database to write, with our settings and tables.

    Args:
        url: Any SQLAlchemy URL that Optuna takes; a relative SQLite path is taken from the current folder, and
            `postgresql://` uses psycopg 3 unless psycopg2 is installed.
        create: Whether to create a database that does not exist, and tables in an empty one; otherwise it is an error.

    Raises:
        StorageError: It cannot be opened; the message says why and what to do.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import DatabaseError

    from tuner.storage.migrations import prepare_tables

    with _opening(url):
        url, file = absolute(url)
        if file is not None:
            _check_file(file, create)
        options = _options(url, file, WalConnection)
        _check_ours(url, file, options, create)
    with _opening(url), _alone(url):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                database = Database(url, RDBStorage(url, engine_kwargs=dict(options)), file)
                try:
                    database.note = prepare_tables(database.engine, file)
                except BaseException:
                    database.close()
                    raise
                return database
            except (DatabaseError, RuntimeError) as error:
                # Several processes may find a new database empty; all but one then find tables where there were none.
                if attempt == _ATTEMPTS or not _is_being_made(error):
                    raise
                time.sleep(0.2 * attempt)
    raise AssertionError("the last attempt raises")


def open_read_only(url: str) -> Database:
    """Open a database to read, and change nothing in it, not even tables of an older version.

    Args:
        url: As for `open_database`.

    Raises:
        StorageError: It does not exist, holds no studies, or cannot be read.
    """
    from tuner.optuna_internals import existing_storage
    from tuner.storage.migrations import check_readable

    with _opening(url):
        url, file = absolute(url)
        if file is not None:
            _check_file(file, create=False)
        options = _options(url, file, ReadConnection)
        _check_ours(url, file, options, create=False)
        database = Database(url, existing_storage(url, options), file)
        try:
            database.version = check_readable(database.engine)
        except BaseException:
            database.close()
            raise
    return database


def _options(url: str, file: Path | None, connection: type[sqlite3.Connection]) -> dict[str, Any]:
    """Return SQLAlchemy's options to connect, for writing or reading."""
    if file is not None:
        # Connections are kept: closing the last one of a file moves the write-ahead log into it, 12 ms each time.
        return {"connect_args": {"factory": connection, "timeout": sqlite.BUSY_TIMEOUT_S}}
    options: dict[str, Any] = {"pool_pre_ping": True}  # a connection that was lost costs no trial
    if url.startswith("postgresql"):
        options["connect_args"] = _PATIENCE
        if connection is ReadConnection:
            options["execution_options"] = {"postgresql_readonly": True}
    return options


def _check_ours(url: str, file: Path | None, options: Mapping[str, Any], create: bool) -> None:
    """Refuse a database without studies, and a SQLite file of another program in any case; neither is touched."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.pool import NullPool

    from tuner.optuna_internals import BaseModel
    from tuner.storage.tables import metadata

    if file is not None:
        names = table_names(file) if file.exists() else set()
        what = f"The file {file}"
        if names and not names & {*BaseModel.metadata.tables, *metadata.tables}:
            raise StorageError(
                f"A SQLite storage must hold studies and nothing else, but {file} holds tables of another program "
                f"({', '.join(sorted(names)[:3])} …). It was not changed. Name another file with --storage."
            )
    elif not create:
        names = set(inspect(create_engine(url, **{**options, "poolclass": NullPool})).get_table_names())
        what = f"The database {hidden(url)}"
    if not create and not names >= {"studies", "trials"}:
        raise StorageError(
            f"{what} holds no studies yet, and a command that only reads creates no tables in it. Run a study first, "
            "or name another one with --storage or TUNER_STORAGE."
        )


@contextlib.contextmanager
def _alone(url: str) -> Iterator[None]:
    """Let one process at a time create tables in PostgreSQL: a failed attempt would leave connections open."""
    if not url.startswith("postgresql"):
        yield
        return
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    with create_engine(url, poolclass=NullPool, connect_args=_PATIENCE).connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))  # released when the connection ends
        yield


@contextlib.contextmanager
def _opening(url: str) -> Iterator[None]:
    """Turn whatever is raised while a database is opened into a `StorageError`: each driver reads a URL as it likes."""
    with storage_errors(url):
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _wrong_url(url, error) from error


def _wrong_url(url: str, error: Exception) -> StorageError:
    return StorageError(
        f"A storage must be an SQLAlchemy URL with an installed driver, as in 'sqlite:///runs/tuner.db', but got "
        f"{hidden(url)!r} ({_first_line(error, url)}). Correct --storage or TUNER_STORAGE, or install the driver."
    )


@contextlib.contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn what Optuna, SQLAlchemy and SQLite raise into a `StorageError` that names the database."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ImportError, ValueError) as error:
        # Optuna says ValueError where it cannot read the URL; any other one is not about the storage.
        if type(error) is ValueError and "Failed to import DB access module" not in str(error):
            raise
        raise _wrong_url(url, error) from error
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error, RuntimeError, OSError) as error:
        if _is_full(url, error):
            raise _disk_full(url, error) from error
        kind = StorageUnavailableError if _may_pass(error) else StorageError
        raise kind(_explain(url, error)) from error


def _check_file(path: Path, create: bool) -> None:
    kind = special_kind(path)
    if kind is not None:
        step = "Name a file in it." if kind == "a folder" else "Name a file."
        raise StorageError(f"A SQLite storage must name a file, but {path} is {kind}. {step}")
    if not path.exists():
        if not create:
            raise StorageError(
                f"There is no database {path}. Run a study first, or name another one with --storage or TUNER_STORAGE."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in _FULL:
                raise _disk_full(path.parent.as_posix(), error) from error
            raise StorageError(f"The folder {path.parent} cannot be created: {error.strerror}.") from error


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _may_pass(error: BaseException) -> bool:
    """Return True if another attempt may succeed: the database is locked or full, or the connection is lost."""
    from sqlalchemy.exc import DBAPIError, TimeoutError

    if isinstance(error, TimeoutError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error | OSError):
        return any(words in str(cause) for words in ("locked", "is full", "disk I/O", "No space left"))
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state is None:  # what the driver says of a connection that it could not make or keep
        return type(cause).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
    return state[:2] in _PASSING or state in ("40001", "40P01")


def _is_full(url: str, error: BaseException) -> bool:
    """Return True if the disk is full; without room for its log SQLite says that it cannot read or open the file."""
    cause = _cause(error)
    text = str(cause)
    if getattr(cause, "errno", None) in _FULL or any(words in text for words in ("is full", "No space left", "quota")):
        return True
    if not isinstance(cause, sqlite3.Error) or not any(words in text for words in ("disk I/O", "unable to open")):
        return False
    file = absolute(url)[1]
    return file is not None and file.parent.is_dir() and shutil.disk_usage(file.parent).free < _ROOM_BYTES


def _disk_full(place: str, error: BaseException) -> DiskFullError:
    return DiskFullError(
        f"The disk of the storage {hidden(place)} is full ({_first_line(_cause(error), place)}). Make room on the disk "
        "and run the same command again: finished trials are kept."
    )


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_being_made(error: BaseException) -> bool:
    return any(
        words in str(error) for words in ("already exists", "no such table", "UNIQUE constraint", "duplicate key")
    )


def _explain(url: str, error: BaseException) -> str:
    text = _first_line(_cause(error), url)
    if "not a database" in text or "malformed" in text:
        step = "The file is damaged or something else: move it away, or restore a copy."
    elif "locked" in text:
        step = (
            f"Another program has kept it locked for {sqlite.BUSY_TIMEOUT_S:.0f} s. "
            "Close that program and run the same command again."
        )
    elif "readonly" in text or "unable to open" in text or "ermission" in text:
        step = "Check that the file and its folder may be written, or name another one with --storage."
    elif "no longer compatible" in text or "upgrade" in text:
        step = "It was made by another version of Optuna: see `optuna storage upgrade`."
    else:
        step = "Check that the database can be reached and run the same command again: finished trials are kept."
    return f"The storage {hidden(url)} cannot be used: {text}. {step}"


def _first_line(error: BaseException, url: str) -> str:
    return redacted((str(error).strip().splitlines() or [type(error).__name__])[0], url).rstrip(".")
