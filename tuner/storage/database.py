"""Open a database with our settings and tables, and turn what it raises into our errors."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import StorageError
from tuner.optuna_internals import REVISION
from tuner.storage import sqlite
from tuner.storage.database_url import absolute, hidden
from tuner.storage.error_conversion import FULL, disk_full, storage_errors, wrong_url
from tuner.storage.read_snapshot import DatabaseSnapshot, engine_snapshot, sqlite_snapshot
from tuner.storage.sqlite import ReadConnection, WalConnection, column_names, table_names
from tuner.storage.table_version import VERSION, check_readable
from tuner.text import listed_first
from tuner.untrusted_files import special_kind

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy import Engine

_ATTEMPTS = 8
_LOCK = 7_861_202_511
"""Number of our advisory lock in PostgreSQL."""
_OF_OPTUNA = {"studies", "version_info"}
"""Tables of every version of Optuna: `studies` and `trials`, or `alembic_version`, belong to other programs as well."""
_FIRST_MADE = "studies"
"""The first table that Optuna makes, which has these columns; another process sees it before there are all others."""
_FIRST_COLUMNS = {"study_id", "study_name"}
_MADE_NEXT = ("study_", "trial")
"""How the names of the tables begin that it makes after it, before that of its version."""
_WORDS_OF_CREATION = (
    *("already exists", "no such table", "UNIQUE constraint", "duplicate key"),  # SQLite, PostgreSQL
    *("Duplicate entry", "doesn't exist"),  # MySQL
)
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
        file: The SQLite file, or None for another database.
        note: What the user should know of how it was opened, or None.
        version: Of our tables if they are of an older version, else None.
    """

    def __init__(self, url: str, make_optuna: Callable[[], RDBStorage], file: Path | None = None) -> None:
        self.url = url
        self.note: str | None = None
        self.version: int | None = None
        self._make_optuna = make_optuna
        self.file, self._inode = file, None if file is None else _inode(file)
        self._tables: set[str] = set()

    @cached_property
    def optuna(self) -> RDBStorage:
        """Optuna's storage over it; plain Optuna and optuna-dashboard read the same tables."""
        return self._make_optuna()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        return self.optuna.engine

    def reading(self) -> AbstractContextManager[DatabaseSnapshot]:
        """Open a connection for plain SELECTs, which all see the database as it is at the first one.

        Keep it short: in a SQLite file of plain Optuna, which has no write-ahead log, writers wait for its end.
        """
        return engine_snapshot(self.engine) if self.file is None else sqlite_snapshot(self.file)

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of its kind: "sqlite", "postgresql"."""
        return "sqlite" if self.file is not None else self.engine.dialect.name

    def has(self, query: DatabaseSnapshot, *names: str) -> bool:
        """Return True if it has these tables: one of plain Optuna or of an older version may lack ours.

        Those that were there once are not asked for again, the others once in each `reading`.
        """
        if self._tables.issuperset(names):
            return True
        self._tables = query.tables
        return query.tables.issuperset(names)

    def check_place(self) -> None:
        """Check that a SQLite file is where it was: what is written to a deleted file is lost.

        Raises:
            StorageError: It was deleted, moved or replaced.
        """
        if self.file is not None and _inode(self.file) != self._inode:
            raise StorageError(
                f"The database must stay where it is while a study runs, but {self.file} was deleted, moved or "
                "replaced. Put it back, with the files -wal and -shm next to it, and run the same command again."
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
        if "optuna" in vars(self):  # else no connection was kept
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
    from sqlalchemy.exc import DatabaseError

    with _opening(url):
        url, file = absolute(url)
        if file is not None:
            _check_file(file, create)
        options = _options(url, file, WalConnection)
        _check_ours(url, file, options, create)
    with _opening(url), _alone(url):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _open_tables(url, options, file)
            except (DatabaseError, RuntimeError) as error:
                # Several processes may find a new database empty; all but one then find tables where there were none.
                if attempt == _ATTEMPTS or not _is_being_made(error):
                    raise
                time.sleep(0.2 * attempt)
    raise AssertionError("the last attempt raises")


def _open_tables(url: str, options: dict[str, Any], file: Path | None) -> Database:
    """Open a database to write, with the tables of Optuna and our own."""
    from tuner.optuna_internals import open_storage
    from tuner.storage.migrations import prepare_tables

    storage = open_storage(url, dict(options), create=True)
    database = Database(url, lambda: storage, file)
    try:
        database.note = prepare_tables(database.engine, file)
    except BaseException:
        database.close()
        raise
    return database


def open_read_only(url: str) -> Database:
    """Open a database to read, and change nothing in it, not even tables of an older version.

    Args:
        url: As for `open_database`.

    Raises:
        StorageError: It does not exist, holds no studies, or cannot be read.
    """
    with _opening(url):
        url, file = absolute(url)
        if file is not None:
            _check_file(file, create=False)
        options = _options(url, file, ReadConnection)
        _check_ours(url, file, options, create=False)
        database = Database(url, partial(_existing, url, options), file)
        try:
            _check_versions(database)
        except BaseException:
            database.close()
            raise
    return database


def _existing(url: str, options: dict[str, Any]) -> RDBStorage:
    from tuner.optuna_internals import open_storage

    return open_storage(url, options, create=False)


def _check_versions(database: Database) -> None:
    """Check that the tables can be read: Optuna's by Optuna if they have another revision than the ones we know."""
    with database.reading() as query:
        ours = query("SELECT v.version FROM tuner_version v") if database.has(query, "tuner_version") else ()
        theirs = query("SELECT a.version_num FROM alembic_version a") if database.has(query, "alembic_version") else ()
    for (version,) in ours:
        check_readable(version)
        database.version = None if version == VERSION else version
    if [revision for (revision,) in theirs] != [REVISION]:
        _ = database.optuna


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
    if file is not None:
        names = table_names(file) if file.exists() else set()
        what = f"The file {file}"
        being_made = (
            _FIRST_MADE in names
            and all(name.startswith(_MADE_NEXT) for name in names - {_FIRST_MADE})
            and column_names(file, _FIRST_MADE) == _FIRST_COLUMNS
        )
        if names and not (being_made or names >= _OF_OPTUNA):
            which = "a table" if len(names) == 1 else "tables"
            raise StorageError(
                f"A SQLite storage must hold studies and nothing else, but {file} holds {which} of another program "
                f"({listed_first(sorted(names), 3)}). It was not changed. Name another file with --storage."
            )
    elif not create:
        from sqlalchemy import create_engine, inspect
        from sqlalchemy.pool import NullPool

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
            raise wrong_url(url, error) from error


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
            if error.errno in FULL:
                raise disk_full(path.parent.as_posix(), error) from error
            raise StorageError(
                f"The folder {path.parent} cannot be created: {error.strerror}. Make the folder around it writable, or "
                "name another database with --storage."
            ) from error


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _is_being_made(error: BaseException) -> bool:
    """Return whether an error says that another process has just created, or not yet, what is looked for."""
    return any(words in str(error) for words in _WORDS_OF_CREATION)
