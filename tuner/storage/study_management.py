"""Delete, rename and stop studies of a database that may be in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, select, update

from tuner.errors import StudyBusyError, UsageError
from tuner.optuna_internals import StudyModel, TrialModel
from tuner.storage import lease_table, optuna_rows, tables
from tuner.storage.database import Database
from tuner.storage.error_conversion import storage_errors
from tuner.storage.lease import Lease, is_alive
from tuner.storage.queries import find_study, is_running, study_names
from tuner.storage.study_attributes import STOP_REQUEST


def delete_study(database: Database, name: str) -> None:
    """Delete a study with everything that the database holds of it.

    Raises:
        StudyNotFoundError: It does not exist.
        StudyBusyError: A process runs it.
    """
    delete_study_by_id(database, find_study(database, name).study_id, name)


def delete_study_by_id(database: Database, study_id: int, name: str) -> None:
    """Delete a study, also one with several objectives, in one transaction: all of it or nothing.

    Raises:
        StudyNotFoundError, StudyBusyError: As for `delete_study`.
    """
    with storage_errors(database.url), _locked(database, study_id, name, "deleted") as connection:
        trial_ids = select(TrialModel.trial_id).where(TrialModel.study_id == study_id)
        # Ours first: the trials tell their rows.  Tables come before those that they refer to.
        for metadata in (tables.metadata, StudyModel.metadata):
            for table in reversed(metadata.sorted_tables):
                if "study_id" in table.c:
                    connection.execute(delete(table).where(table.c.study_id == study_id))
                elif "trial_id" in table.c:
                    connection.execute(delete(table).where(table.c.trial_id.in_(trial_ids)))


def check_idle(database: Database, study_id: int, name: str, what: str) -> None:
    """Check that no process runs a study; `what` is to be done with it, for the error.

    Raises:
        StudyNotFoundError: It does not exist.
        StudyBusyError: A process runs it.
    """
    with storage_errors(database.url), _locked(database, study_id, name, what):
        pass


def rename_study(database: Database, name: str, new: str, what: str = "renamed") -> None:
    """Rename a study.

    Args:
        database: The database.
        name: The study.
        new: Its new name.
        what: What is done with the study, for the error if it is busy.

    Raises:
        StudyNotFoundError: It does not exist.
        StudyBusyError: A process runs it.
        UsageError: Another one has the new name.
    """
    study_id = find_study(database, name).study_id
    if new in study_names(database):
        raise UsageError(f"A study must have its own name, but the database has a study {new!r}. Choose another name.")
    with storage_errors(database.url), _locked(database, study_id, name, what) as connection:
        connection.execute(update(StudyModel).where(StudyModel.study_id == study_id).values(study_name=new))


def name_aside(database: Database, name: str) -> str:
    """Return the name that a study gets to make room for a new one: the first free number, as in `digits.1`."""
    taken = set(study_names(database))
    return next(new for number in range(1, len(taken) + 2) if (new := f"{name}.{number}") not in taken)


def request_stop(database: Database, name: str, *, at_once: bool) -> list[Lease]:
    """Ask the processes that run a study now to stop, wherever they are.

    Args:
        database: The database.
        name: The study.
        at_once: Whether to end the running trials too; they run again when the study is resumed.

    Returns:
        The leases of those processes; they notice within `HEARTBEAT_INTERVAL_S`.

    Raises:
        StudyNotFoundError: It does not exist.
    """
    study_id = find_study(database, name).study_id
    if not is_running(database, study_id):  # it may be one of plain Optuna, which no process of ours ever ran
        return []
    with storage_errors(database.url), database.engine.begin() as connection:
        revision = lease_table.lock(connection, study_id, name)
        alive = _alive(connection, study_id)
        request = {"owners": [lease.owner for lease in alive], "at_once": at_once}
        if alive:
            optuna_rows.write(connection, study_id, revision, [], [], {}, {"user": {STOP_REQUEST: request}})
    return alive


@contextmanager
def _locked(database: Database, study_id: int, name: str, what: str) -> Iterator[Connection]:
    """Open a transaction on a study that no process runs."""
    lease_table.prepare(database.engine, study_id)
    with database.engine.begin() as connection:
        lease_table.lock(connection, study_id, name)
        for lease in _alive(connection, study_id):
            raise StudyBusyError(
                f"A study must not be {what} while it is run, but process {lease.pid} on "
                f"{lease.host.partition(' ')[0]} runs {name!r}. Stop it with `tuner stop`, or wait for it."
            )
        yield connection


def _alive(connection: Connection, study_id: int) -> list[Lease]:
    found = lease_table.list_leases(connection, study_id)
    clock = lease_table.now(connection) if found else 0
    return [lease for lease in found if is_alive(lease, clock)]
