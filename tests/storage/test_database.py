"""Opening databases: settings, and errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, text

from tuner.errors import StorageError, StudyNotFoundError
from tuner.storage import default_url, open_database, open_read_only, read_study_record, study_names
from tuner.storage.database import WalConnection


def test_sqlite_writes_ahead_and_waits(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/a/b/t.db", create=True)
    with database.engine.connect() as connection:
        values = [
            connection.execute(text(f"pragma {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert values == ["wal", 1, 60_000]


def test_it_waits_for_who_writes_a_new_file_first(tmp_path: Path) -> None:
    """SQLite itself does not: while another writes in the old journal mode, setting the new one fails at once."""
    file = tmp_path / "a.db"
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, holder.rollback).start()
    opened = sqlite3.connect(file, factory=WalConnection)
    assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.close()
    holder.close()


def test_relative_paths_are_taken_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database = open_database("sqlite:///runs/t.db", create=True)
    monkeypatch.chdir("/")
    assert study_names(database) == []
    assert (tmp_path / "runs" / "t.db").is_file()
    assert default_url(tmp_path) == f"sqlite:///{tmp_path}/runs/tuner.db"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("runs/tuner.db", "Did you mean 'sqlite:///runs/tuner.db'"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite://", "must name a file"),
        ("no url :// at all", "SQLAlchemy URL with an installed driver"),
        ("nosuch://x/y", "SQLAlchemy URL with an installed driver"),
        ("mysql+nosuch://x/y", "SQLAlchemy URL with an installed driver"),
        ("postgresql+nosuch://x/y", "SQLAlchemy URL with an installed driver"),
    ],
)
def test_urls_that_mean_nothing(url: str, words: str) -> None:
    with pytest.raises(StorageError, match=words):
        open_database(url, create=True)


def test_passwords_are_not_shown() -> None:
    with pytest.raises(StorageError) as caught:
        open_database("nosuch://me:secret@host/db", create=True)
    assert "secret" not in str(caught.value)


def test_a_missing_database_is_not_made_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There is no database .* Run a study first"):
        open_database(f"sqlite:///{tmp_path}/t.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_and_a_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a folder"):
        open_database(f"sqlite:///{tmp_path}", create=True)
    damaged = tmp_path / "t.db"
    damaged.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="move it away, or restore a backup"):
        open_database(f"sqlite:///{damaged}", create=True)
    assert damaged.read_bytes() == b"this is no database" * 100


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot be created|are writable"):
        open_database(f"sqlite:///{tmp_path}/runs/t.db", create=True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match=r"runs cannot be created: .*, or name another database with --storage\."):
        open_database(f"sqlite:///{tmp_path}/file/runs/t.db", create=True)


def test_a_database_of_plain_optuna_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    plain = optuna.create_study(study_name="old", storage=url)
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    record = read_study_record(open_database(url, create=False), "old")
    assert (record.direction, len(record.trials), record.alive) == ("minimize", 2, False)


def test_an_optuna_database_of_another_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    open_database(url, create=True)
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("update version_info set schema_version = 10, library_version = '2.0.0'")
        connection.execute("update alembic_version set version_num = 'v2.4.0.a'")
    with pytest.raises(StorageError, match="optuna storage upgrade"):
        open_database(url, create=True)


def test_two_revisions_of_optuna_are_one_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    open_database(url, create=True).close()
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("insert into alembic_version values ('v2.4.0.a')")
    for open_it in (partial(open_database, create=True), open_read_only):
        with pytest.raises(StorageError, match="alembic_version holds more than one row.*restore a backup"):
            open_it(url)


def test_tables_are_made_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    for _ in range(3):
        database = open_database(url, create=True)
    with database.engine.connect() as connection:
        assert connection.execute(text("select count(*) from tuner_version")).scalar() == 1


@pytest.mark.parametrize("made", [1, 3, 6])
def test_tables_that_another_process_is_making_are_no_other_program(tmp_path: Path, made: int) -> None:
    """Optuna commits each table on its own."""
    tables = optuna.storages._rdb.models.BaseModel.metadata.sorted_tables
    names = [table.name for table in tables if table.name.startswith("stud")]
    names += [table.name for table in tables if table.name.startswith("trial")]
    assert names[0] == "studies"
    url = f"sqlite:///{tmp_path}/t.db"
    engine = create_engine(url)
    optuna.storages._rdb.models.BaseModel.metadata.create_all(
        engine, tables=[table for table in tables if table.name in names[:made]]
    )
    engine.dispose()
    database = open_database(url, create=True)
    with database.engine.connect() as connection:
        assert connection.execute(text("select count(*) from version_info")).scalar() == 1


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    optuna.create_study(study_name="digits", storage=database.url)
    with pytest.raises(StudyNotFoundError, match="Did you mean 'digits'"):
        read_study_record(database, "digit")


def test_a_new_database_is_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    code = "import sys; from tuner.storage import open_database; open_database(sys.argv[1], create=True)"
    for number in range(3):
        url = f"sqlite:///{tmp_path}/{number}.db"
        processes = [
            subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(4)
        ]
        assert [process.communicate()[1] for process in processes] == [""] * 4
        assert study_names(open_database(url, create=False)) == []


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(StorageError, match="Check that the database can be reached") as caught:
        open_database("postgresql://me:secret@127.0.0.1:1/none", create=True)
    assert "secret" not in str(caught.value)


def test_postgresql_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StorageError, match=r"pip install '\.\[postgres\]' in the checkout"):
        open_database("postgresql://me@127.0.0.1/none", create=True)
