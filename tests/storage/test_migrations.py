"""A database of any older version is brought up to date with all its content; a newer one is not touched."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, inspect, text

from tuner.errors import StorageError, StudyBusyError
from tuner.storage import migrations, open_database
from tuner.storage.lease import process_start, this_host
from tuner.storage.migrations import STEPS, VERSION, prepare_tables
from tuner.storage.sqlite import copy_file

VERSION_1 = """
CREATE TABLE tuner_version (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE tuner_recipes (trial_id INTEGER NOT NULL PRIMARY KEY, recipe JSON NOT NULL);
CREATE TABLE tuner_epochs (
    trial_id INTEGER NOT NULL, fold INTEGER NOT NULL, epoch INTEGER NOT NULL, loss DOUBLE, val_loss DOUBLE,
    metric DOUBLE, learning_rate DOUBLE, seconds DOUBLE,
    PRIMARY KEY (trial_id, fold, epoch)
);
CREATE TABLE tuner_leases (
    study_id INTEGER NOT NULL PRIMARY KEY, owner VARCHAR(36) NOT NULL, host VARCHAR(255) NOT NULL,
    pid INTEGER NOT NULL, started VARCHAR(64) NOT NULL, seen TIMESTAMP NOT NULL
);
INSERT INTO tuner_version VALUES (1)
"""
"""As the first version made them; never to be changed."""

LEASE = "INSERT INTO tuner_leases VALUES (1, 'x', :host, :pid, :started, '2026-01-01 00:00:00.000000')"


def old_database(engine: Engine) -> None:
    with engine.begin() as connection:
        double = "DOUBLE" if engine.name == "sqlite" else "DOUBLE PRECISION"
        for statement in VERSION_1.replace("DOUBLE", double).split(";"):
            connection.execute(text(statement))


def shape(engine: Engine) -> dict[str, Any]:
    """Tables of ours with their columns, keys and indices."""
    found = inspect(engine)
    return {
        table: (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)),
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(str(index["column_names"]) for index in found.get_indexes(table)),
        )
        for table in found.get_table_names()
        if table.startswith("tuner_")
    }


def content(path: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(path)
    try:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("tuner_recipes", "tuner_epochs")
        }
    finally:
        connection.close()


ids = st.integers(0, 50)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
recipes = st.dictionaries(
    ids, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=5
)
epochs = st.dictionaries(st.tuples(ids, ids, ids), st.tuples(*[numbers] * 5), max_size=5)


@settings(max_examples=10, deadline=None)
@given(recipes=recipes, epochs=epochs)
def test_every_step_keeps_all_content(recipes: dict[int, str], epochs: dict[tuple[int, ...], tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, fresh = Path(folder) / "t.db", Path(folder) / "fresh.db"
        engine = create_engine(f"sqlite:///{file}")
        old_database(engine)
        with sqlite3.connect(file) as connection:
            connection.executemany("INSERT INTO tuner_recipes VALUES (?, ?)", recipes.items())
            rows = [(*key, *values) for key, values in epochs.items()]
            connection.executemany(f"INSERT INTO tuner_epochs VALUES ({', '.join('?' * 8)})", rows)
        connection.close()
        before = content(file)
        note = prepare_tables(engine, file)
        copy = file.with_name("t.db.version-1")
        assert note == (
            f"The database was upgraded from table version 1 to {VERSION}. A copy of the old file is kept as {copy}."
        )
        assert content(file) == before == content(copy)
        new = create_engine(f"sqlite:///{fresh}")
        assert prepare_tables(new, fresh) is None
        assert shape(engine) == shape(new)
        assert prepare_tables(engine, file) is None, "once is enough"
        engine.dispose()
        new.dispose()


def test_both_kinds_of_database_are_brought_up_to_date(database_url: str) -> None:
    database = open_database(database_url, create=True)
    expected, engine = shape(database.engine), database.engine
    with engine.begin() as connection:
        for table in expected:
            connection.execute(text(f"DROP TABLE {table}"))
    old_database(engine)
    database.close()
    again = open_database(database_url, create=True)
    assert again.note is not None
    assert "from table version 1 to" in again.note
    assert shape(again.engine) == expected
    again.close()


def test_many_at_once_make_one_step_and_one_copy(tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 60})
    old_database(engine)
    with ThreadPoolExecutor(6) as pool:
        notes = list(pool.map(lambda _: prepare_tables(engine, file), range(6)))
    assert sum(note is not None for note in notes) == 1
    assert len(list(tmp_path.glob("t.db.version-1*"))) == 1
    engine.dispose()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_copy_is_for_those_who_may_read_the_file(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    file.chmod(mode)
    copy, made = copy_file(file, tmp_path / "copy.db")
    assert made
    assert (copy.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (mode, mode)
    file.chmod(0o600)
    prepare_tables(engine, file)
    assert (tmp_path / "t.db.version-1").stat().st_mode & 0o777 == 0o600
    engine.dispose()


def test_a_copy_is_never_open_to_others_while_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, seen = tmp_path / "t.db", []
    sqlite3.connect(file).close()
    file.touch()
    file.chmod(0o600)
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append(os.fstat(fd).st_mode & 0o777), sync(fd)))
    copy_file(file, tmp_path / "copy.db")
    assert seen[0] == 0o600, "on the disk before it has its name"


@pytest.mark.parametrize("moment", ["copying", "before the end"])
def test_a_migration_that_is_killed_leaves_one_good_copy_at_most(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    before = content(file)
    where = "tuner.storage.sqlite._sync" if moment == "copying" else "tuner.storage.migrations.STEPS"
    code = f"""
import os, sys
from pathlib import Path
from sqlalchemy import create_engine
import tuner.storage.sqlite, tuner.storage.migrations
{where} = {"lambda path: os._exit(9)" if moment == "copying" else "(lambda connection: os._exit(9),)"}
file = Path(sys.argv[1])
tuner.storage.migrations.prepare_tables(create_engine("sqlite:///" + str(file)), file)
"""
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", code, str(file)], check=False)
        assert killed.returncode == 9
    left = [name for name in files(tmp_path) if "version-1" in name]
    assert left == ([".t.db.version-1.part"] if moment == "copying" else ["t.db.version-1"])
    prepare_tables(engine, file)
    assert [name for name in files(tmp_path) if "version-1" in name] == ["t.db.version-1"]
    assert content(tmp_path / "t.db.version-1") == before
    engine.dispose()


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    monkeypatch.setattr("tuner.storage.sqlite._sync", full)
    with pytest.raises(OSError, match="No space left"):
        prepare_tables(engine, file)
    assert files(tmp_path) == ["t.db"]
    engine.dispose()


def test_a_copy_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    (tmp_path / "t.db.version-1").write_text("of an earlier day")
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    note = prepare_tables(engine, file)
    assert note is not None
    assert "t.db.version-1-2" in note
    assert (tmp_path / "t.db.version-1").read_text() == "of an earlier day"
    engine.dispose()


@pytest.mark.parametrize("host", ["mine", "another"])
def test_a_database_that_an_older_version_uses_is_left_alone(tmp_path: Path, host: str) -> None:
    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    started = process_start(os.getppid())
    host = this_host().rpartition(" ")[0] if host == "mine" else "another"
    with engine.begin() as connection:
        connection.execute(text(LEASE), {"host": host, "pid": os.getppid(), "started": started})
        if host == "another":
            connection.execute(text("UPDATE tuner_leases SET seen = datetime('now')"))
    with pytest.raises(StudyBusyError, match="an older version of keras-studies uses them"):
        prepare_tables(engine, file)
    assert "tuner_leases" in shape(engine)
    assert files(tmp_path) == ["t.db"], "no copy of what was not changed"
    with engine.begin() as connection:
        connection.execute(text("UPDATE tuner_leases SET started = 'long ago', seen = '2026-01-01 00:00:00'"))
    prepare_tables(engine, file)
    assert "tuner_leases" not in shape(engine)
    engine.dispose()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Any) -> None:
        raise OSError("the disk is full")

    file = tmp_path / "t.db"
    engine = create_engine(f"sqlite:///{file}")
    old_database(engine)
    before = shape(engine)
    monkeypatch.setattr(migrations, "STEPS", (*STEPS, broken))
    monkeypatch.setattr(migrations, "VERSION", VERSION + 1)
    with pytest.raises(OSError, match="full"):
        prepare_tables(engine, file)
    assert shape(engine) == before
    assert files(tmp_path) == ["t.db"]
    engine.dispose()


@given(version=st.integers(VERSION + 1, 10_000))
@settings(max_examples=5, deadline=None)
def test_a_newer_database_is_not_touched(version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.db"
        engine = create_engine(f"sqlite:///{file}")
        prepare_tables(engine, file)
        with engine.begin() as connection:
            connection.execute(text("UPDATE tuner_version SET version = :version"), {"version": version})
        before = file.read_bytes()
        with pytest.raises(StorageError, match=rf"tables {version}, this one knows {VERSION}.*Upgrade keras-studies"):
            prepare_tables(engine, file)
        assert file.read_bytes() == before
        engine.dispose()
