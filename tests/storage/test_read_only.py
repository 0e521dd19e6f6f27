"""Who only reads changes nothing, whosever the file is."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import mock_study
import optuna
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tuner.errors import StorageError
from tuner.report import load_view
from tuner.results import list_studies, read_study_results, summary
from tuner.storage import open_database, open_read_only, read_recipes, study_names, table_version
from tuner.storage.sqlite import ReadConnection, table_names

KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE studies SET study_name = 1")
connection.commit()
os.kill(os.getpid(), 9)
"""

State = dict[str, tuple[bytes, int]]


def state(folder: Path) -> State:
    """Content and permissions of every file of a folder."""
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def study_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/t.db"
    database = open_database(url, create=True)
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 3, "epochs": 2}), database)
    database.close()
    return url


def other_program(file: Path, mode: str, tables: tuple[str, ...]) -> None:
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    for table in tables:
        connection.execute(f"CREATE TABLE {table} (url TEXT)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize(
    ("tables", "named"),
    [
        (("places",), "a table of another program (places)"),
        (("studies",), "a table of another program (studies)"),
        (("alembic_version", "users"), "tables of another program (alembic_version, users)"),
        (("studies", "trials"), "tables of another program (studies, trials)"),
        (("a", "b", "c", "d"), "tables of another program (a, b, c and 1 more)"),
    ],
)
def test_the_file_of_another_program_is_refused_untouched(
    tmp_path: Path, mode: str, tables: tuple[str, ...], named: str
) -> None:
    file = tmp_path / "places.sqlite"
    other_program(file, mode, tables)
    before = state(tmp_path)
    words = re.escape(f"holds {named}. It was not changed")
    for open_it in (
        open_read_only,
        partial(open_database, create=False),
        lambda url: open_database(url, create=True),
    ):
        with pytest.raises(StorageError, match=words):
            open_it(f"sqlite:///{file}")
        assert state(tmp_path) == before


def test_the_first_table_that_optuna_makes_is_no_other_program(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name VARCHAR(512))")
    with pytest.raises(StorageError, match="holds no studies yet"):
        open_read_only(url)
    open_database(url, create=True).close()
    database = open_read_only(url)
    assert list_studies(database) == []
    database.close()


def test_nothing_of_ours_is_made_in_an_empty_database(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "t.db").touch()
    for open_it in (open_read_only, partial(open_database, create=False)):
        with pytest.raises(StorageError, match="holds no studies yet.*Run a study first"):
            open_it(database_url)
    if database_url.startswith("sqlite"):
        assert (tmp_path / "t.db").read_bytes() == b""
    open_database(database_url, create=True).close()
    database = open_read_only(database_url)
    assert list_studies(database) == []
    database.close()


def test_reading_changes_no_byte_and_leaves_nothing(study_url: str, tmp_path: Path) -> None:
    before = state(tmp_path)
    database = open_read_only(study_url)
    study = read_study_results(database, "mock")
    assert summary(study)["counts"]["complete"] == 3
    assert len(load_view(study).trials) == 3
    with pytest.raises(SQLAlchemyError, match="readonly"), database.engine.begin() as connection:
        connection.execute(text("DELETE FROM tuner_recipes"))
    database.close()
    assert state(tmp_path) == before


def test_postgresql_refuses_to_write_as_well(postgres) -> None:
    url = postgres.new_database()
    open_database(url, create=True).close()
    database = open_read_only(url)
    assert study_names(database) == []
    with pytest.raises(SQLAlchemyError, match="read-only"), database.engine.begin() as connection:
        connection.execute(text("DELETE FROM tuner_recipes"))
    database.close()


@pytest.mark.slow
def test_a_user_of_postgresql_who_may_only_read(postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    owner = open_database(url, create=True)
    with owner.engine.begin() as connection:
        connection.execute(text("CREATE ROLE reader LOGIN PASSWORD 'reader'"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    readers = owner.engine.url.set(username="reader", password="reader").render_as_string(hide_password=False)
    database = open_read_only(readers)
    assert study_names(database) == []
    database.close()
    database = open_database(readers, create=True)
    with pytest.raises(StorageError, match=r"permission denied for .*\. Have its owner GRANT this right to the user"):
        mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 1, "epochs": 1}), database)
    database.close()
    owner.close()


def test_a_log_that_a_killed_process_left_is_read_and_left(study_url: str, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "t.db")], check=False)
    assert killed.returncode == -signal.SIGKILL
    before = state(tmp_path)
    assert before["t.db-wal"][0]
    database = open_read_only(study_url)
    assert study_names(database) == ["1"]
    database.close()
    after = state(tmp_path)
    assert {name: after[name] for name in ("t.db", "t.db-wal")} == {name: before[name] for name in ("t.db", "t.db-wal")}


def test_a_study_that_runs_is_read_while_it_goes_on(study_url: str, tmp_path: Path) -> None:
    writer = open_database(study_url, create=False)
    reader = open_read_only(study_url)
    for name in ("a", "b"):
        optuna.create_study(study_name=name, storage=writer.optuna)
        assert name in study_names(reader)
    reader.close()
    writer.close()
    assert "t.db-wal" not in state(tmp_path)


def test_plain_optuna_is_read_as_it_is_and_ours_when_they_come(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    plain = optuna.create_study(study_name="old", storage=url)
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    before = state(tmp_path)
    database = open_read_only(url)
    study = read_study_results(database, "old")
    assert (len(study.record.trials), study.record.alive, study.epochs, study.findings) == (2, False, {}, {})
    assert read_recipes(database, [1]) == {}
    assert not any(name.startswith("tuner_") for name in inspect(database.engine).get_table_names())
    assert state(tmp_path) == before
    writer = open_database(url, create=False)
    with writer.engine.begin() as connection:
        connection.execute(text("INSERT INTO tuner_recipes VALUES (1, '{}')"))
    writer.close()
    assert read_recipes(database, [1]) == {1: {}}
    database.close()


def test_tables_of_an_older_version_are_read_and_stay(study_url: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as connection:
        for table in ("owners", "trials", "studies", "checkpoints", "probes", "layers", "verdicts"):
            connection.execute(f"DROP TABLE tuner_{table}")
        connection.execute("UPDATE tuner_version SET version = 1")
    connection.close()
    before = state(tmp_path)
    database = open_read_only(study_url)
    study = read_study_results(database, "mock")
    assert sum(study.epochs.values()) == 6
    assert len(read_recipes(database, list(study.epochs))) == 3
    assert study.findings == {}
    database.close()
    assert state(tmp_path) == before


@pytest.mark.parametrize(("version", "words"), [(1, "older version .* brings it up to date"), (99, "newer version")])
def test_versions_that_cannot_be_read(
    study_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, words: str
) -> None:
    monkeypatch.setattr(table_version, "OLDEST_READABLE", 2)
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute(f"UPDATE tuner_version SET version = {version}")
    connection.close()
    before = state(tmp_path)
    with pytest.raises(StorageError, match=words):
        open_read_only(study_url)
    assert state(tmp_path) == before


def test_where_nobody_may_write(study_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is read-only: no index of a log can be made, and none is needed."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    before = state(tmp_path)
    connection = sqlite3.connect(str(tmp_path / "t.db"), factory=ReadConnection)
    assert connection.execute("SELECT count(*) FROM trials").fetchone() == (3,)
    assert state(tmp_path) == before, "not even while it is read"
    connection.close()


def test_a_damaged_file_and_one_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="move it away, or restore a backup"):
        open_read_only(f"sqlite:///{tmp_path}/t.db")
    engine = create_engine(f"sqlite:///{tmp_path}/u.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE studies (study_id INTEGER, study_name VARCHAR(512))"))
    engine.dispose()
    assert table_names(tmp_path / "u.db") == {"studies"}
    with pytest.raises(StorageError, match="holds no studies yet"):
        open_read_only(f"sqlite:///{tmp_path}/u.db")
