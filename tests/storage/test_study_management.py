"""Studies are deleted, renamed and stopped, whoever runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from test_store import record, run, take

from tuner.errors import StudyBusyError, StudyNotFoundError, UsageError
from tuner.storage import (
    FINGERPRINT,
    Database,
    StudySession,
    delete_study,
    find_study,
    name_aside,
    read_study_record,
    rename_study,
    request_stop,
    study_names,
    tables,
)


def finished(database: Database, name: str) -> None:
    """Store a study with one trial."""
    session = StudySession(database, name, "maximize")
    [number] = take(session, 1)
    session.add_recipe(number, {"x": 1})
    session.add_epoch(number, record(1))
    run(session, number, 0.5)
    session.close()


def rows(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.recipes, tables.epochs, tables.trials, tables.studies, tables.owners)
        }


def test_a_deleted_study_leaves_nothing_and_others_stay(database: Database):
    finished(database, "kept")
    before = rows(database)
    finished(database, "gone")
    delete_study(database, "gone")
    assert study_names(database) == ["kept"]
    assert rows(database) == before
    assert len(read_study_record(database, "kept").trials) == 1


def test_a_renamed_study_keeps_its_trials(database: Database):
    finished(database, "old")
    rename_study(database, "old", "new")
    assert study_names(database) == ["new"]
    assert len(read_study_record(database, "new").trials) == 1


def test_a_study_is_set_aside_under_the_first_free_number(database: Database):
    for expected in ("s.1", "s.2"):
        finished(database, "s")
        assert name_aside(database, "s") == expected
        rename_study(database, "s", expected)
    assert study_names(database) == ["s.1", "s.2"]


def test_what_is_run_is_neither_deleted_nor_renamed(database: Database):
    session = StudySession(database, "s", "maximize")
    with pytest.raises(StudyBusyError, match=r"must not be deleted while it is run.*tuner stop"):
        delete_study(database, "s")
    with pytest.raises(StudyBusyError, match="must not be renamed while it is run"):
        rename_study(database, "s", "t")
    with pytest.raises(StudyBusyError, match="must not be restarted while it is run"):
        rename_study(database, "s", "s.1", "restarted")
    session.close()
    rename_study(database, "s", "t")


def test_names_that_are_missing_or_taken(database: Database):
    finished(database, "a")
    finished(database, "b")
    with pytest.raises(StudyNotFoundError):
        delete_study(database, "c")
    with pytest.raises(UsageError, match="must have its own name"):
        rename_study(database, "a", "b")


@pytest.mark.parametrize(("at_once", "level"), [(False, 1), (True, 2)])
def test_a_process_is_asked_to_stop(database: Database, at_once: bool, level: int):
    session = StudySession(database, "s", "maximize")
    assert session.stop_level == 0
    [lease] = request_stop(database, "s", at_once=at_once)
    assert lease.pid > 0
    session.sync()
    assert session.stop_level == level
    session.close()
    later = StudySession(database, "s", "maximize")
    assert later.stop_level == 0
    later.close()


def test_a_process_is_asked_to_stop_a_study_that_was_damaged_since(database: Database):
    session = StudySession(database, "s", "maximize")
    database.set_study_attr(find_study(database, "s").study_id, FINGERPRINT, [1])
    assert len(request_stop(database, "s", at_once=False)) == 1
    session.sync()
    assert session.stop_level == 1
    session.close()


def test_nobody_is_asked_if_nobody_runs_it(database: Database, tmp_path: Path):
    finished(database, "s")
    assert request_stop(database, "s", at_once=False) == []
