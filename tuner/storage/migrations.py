"""Migrations of our tables, one step per version, in one transaction.

A new database gets the present tables at once.  One of an older version goes through the steps that it lacks; a SQLite
file is copied before that, for those who want the older version back.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Column, MetaData, Table, insert, inspect, select, text, update

from tuner.errors import StudyBusyError
from tuner.storage import lease_table, tables
from tuner.storage.lease import LEASE_TTL_S, is_alive, process_start, this_host
from tuner.storage.sqlite import copy_file
from tuner.storage.table_version import RENAMED_IN_5, VERSION, refuse_newer, stored_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Step: TypeAlias = "Callable[[Connection], None]"


def as_stored(table: Table, version: int) -> Table:
    """Return a table as the tables of a version have it; its columns have the present names as keys."""
    columns = [
        Column(stored_name(table.name, column.name, version), column.type, key=column.name) for column in table.c
    ]
    return Table(table.name, MetaData(), *columns)


def _busy(pid: int, host: str) -> StudyBusyError:
    return StudyBusyError(
        "The tables must not be changed while an older version of keras-studies uses them, but process "
        f"{pid} on {host.partition(' ')[0]} runs a study. Wait for it or stop it."
    )


def _replace_leases(connection: Connection) -> None:
    """3: a study has any number of owners; the one lease of a study goes."""
    for row in connection.execute(text("SELECT host, pid, started, seen FROM tuner_leases")).mappings():
        if _holds(row["host"], row["pid"], row["started"], row["seen"]):
            raise _busy(row["pid"], row["host"])
    connection.execute(text("DROP TABLE tuner_leases"))
    tables.metadata.create_all(connection, tables=[tables.studies, tables.owners, tables.trials])


def _health(connection: Connection) -> None:
    """2: the health of trainings."""
    tables.metadata.create_all(connection, tables=[tables.probes, tables.layers, tables.verdicts])


def _checkpoints(connection: Connection) -> None:
    """4: checkpoints of running trials."""
    tables.metadata.create_all(connection, tables=[tables.checkpoints])


def _rename(connection: Connection) -> None:
    """5: columns get the names of the field."""
    owners = as_stored(tables.owners, 4)
    if _columns(connection, owners) >= {column.name for column in owners.c}:  # else it is new as of step 3
        clock = lease_table.now(connection)
        for study_id in connection.execute(select(owners.c.study_id).distinct()).scalars().all():
            for lease in lease_table.list_leases(connection, study_id, owners):
                if is_alive(lease, clock):
                    raise _busy(lease.pid, lease.host)
        connection.execute(owners.delete())
    quote = connection.dialect.identifier_preparer.quote
    for table in (tables.layers, tables.verdicts, tables.owners):
        present = _columns(connection, table)
        for new, old in RENAMED_IN_5[table.name].items():
            if old in present:
                connection.execute(text(f"ALTER TABLE {table.name} RENAME COLUMN {quote(old)} TO {quote(new)}"))


def _columns(connection: Connection, table: Table) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table.name)}


STEPS: tuple[Step, ...] = (_health, _replace_leases, _checkpoints, _rename)
"""Step number n (from 0) makes version n + 2 of version n + 1; the last one makes `VERSION`."""


def prepare_tables(engine: Engine, file: Path | None) -> str | None:
    """Create the tables where they are missing, and bring those of an older version up to date.

    Args:
        engine: Of the database.
        file: Of a SQLite database; None for another one.

    Returns:
        What the user should know of what was done, or None.

    Raises:
        StorageError: The database was written by a newer version of this package.
        DatabaseError: Another process is making the same tables now; another attempt finds them.
    """
    found = _found(engine)
    if found is None:
        tables.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(tables.version).values(version=VERSION))
        return None
    refuse_newer(found)
    return None if found == VERSION else _migrate(engine, file)


def _found(engine: Engine) -> int | None:
    """Return the version of the tables, or None if they are missing or incomplete."""
    if not inspect(engine).has_table(tables.version.name):
        return None
    with engine.connect() as connection:
        return connection.execute(select(tables.version.c.version)).scalar()


def _migrate(engine: Engine, file: Path | None) -> str | None:
    with engine.begin() as connection:
        connection.execute(update(tables.version).values(version=tables.version.c.version))  # others wait from here on
        found = int(connection.execute(select(tables.version.c.version)).scalar_one())
        if found >= VERSION:  # another process was faster
            return None
        copy, made = (None, False) if file is None else copy_file(file, file.with_name(f"{file.name}.version-{found}"))
        try:
            for step in STEPS[found - 1 :]:
                step(connection)
        except BaseException:  # nothing is changed then, so the copy is one too many
            if copy is not None and made:
                copy.unlink()
            raise
        connection.execute(update(tables.version).values(version=VERSION))
    kept = "" if copy is None else f" A copy of the old file is kept as {copy}."
    return f"The database was upgraded from table version {found} to {VERSION}.{kept}"


def _holds(host: str, pid: int, started: str, seen: str | datetime.datetime) -> bool:
    """Return True if the holder of a lease of version 1 lives; that version did not store the boot id."""
    if this_host().startswith(f"{host} "):
        return process_start(pid) == started
    if isinstance(seen, str):
        seen = datetime.datetime.fromisoformat(seen)
    age = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - seen
    return age.total_seconds() < LEASE_TTL_S
