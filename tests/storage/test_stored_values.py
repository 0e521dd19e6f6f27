"""Databases that somebody else has written to, and URLs of none."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import mock_study
import pytest

from tuner.errors import StorageError
from tuner.storage import open_database, open_read_only, read_epochs, read_study_record


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    database = open_database(f"sqlite:///{folder}/t.db", create=True)
    mock_study.run(mock_study.spec_of(folder, budget={"trials": 3, "epochs": 2}), database)
    database.close()
    return folder / "t.db"


CHANGES: list[tuple[str, Any]] = [
    ("update study_directions set direction = 'UP'", None),
    ("delete from study_directions", None),
    ("update trials set state = 'DONE'", None),
    ("update trials set datetime_start = 'yesterday'", None),
    ("update trial_values set value = 'high'", None),
    ("update trial_values set value_type = 'INF_POS'", None),
    ("update trial_params set distribution_json = ?", "[]"),
    ("update trial_params set param_value = 'x'", None),
    ("update trial_intermediate_values set intermediate_value = 'x'", None),
    ("update trial_intermediate_values set step = 'x' where step = 1", None),
    ("update trial_intermediate_values set step = 1.5 where step = 1", None),
    ("update trials set number = 'x' where number = 1", None),
    ("update trials set number = 0.5 where number = 1", None),
    ("update trials set number = -1 where number = 1", None),
    ("update study_user_attributes set value_json = ? where key = 'tuner:about'", [1]),
    ("update study_user_attributes set value_json = ? where key = 'tuner:about'", {"facts": {"rows": {"a": "b"}}}),
    ("update study_user_attributes set value_json = ? where key = 'tuner:wall_s'", {}),
    ("update study_user_attributes set value_json = 'no json'", None),
    ("update trial_user_attributes set value_json = ? where key = 'duration_s'", "long"),
    ("update tuner_epochs set loss = 'x'", None),
    ("update tuner_epochs set epoch = -1 where epoch = 1", None),
    ("insert into tuner_owners values ('a', 1, 'host', 'x', '1', 0, 0, 0)", None),
]


@pytest.mark.parametrize(("change", "value"), CHANGES)
def test_what_cannot_be_read_is_one_error(change: str, value: Any, template: Path, tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    shutil.copy(template, file)
    with sqlite3.connect(file) as connection:
        parameters = [] if value is None else [json.dumps(value)]
        assert connection.execute(change, parameters).rowcount
    database = open_read_only(f"sqlite:///{file}")
    try:
        with pytest.raises(StorageError, match=r"cannot be read.*restore a backup of the database\.$"):
            read_epochs(database, [trial.trial_id for trial in read_study_record(database, "mock").trials])
    finally:
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{}/a\0b.db",
        "sqlite:///{}/" + "9" * 5000,
        "sqlite:///{}/t.db?timeout=long",
        "sqlite:///{}/pipe",
        "sqlite:///{}/\udc80.db",
        "postgresql://user:\udc80@127.0.0.1:1/x",
        "mysql+pymysql://\x1b[31m@127.0.0.1/x",
        "://",
        "\0",
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_a_url_that_is_none_is_one_error(url: str, create: bool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError):
        open_database(url.format(tmp_path), create=create)
    with pytest.raises(StorageError):
        open_read_only(url.format(tmp_path))
