"""A small study, the guarded dashboard over it as a function call, and the same as a process."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mock_study
import pytest
from asking import LOCAL, study_with_trials

from tuner.dashboard import TOKEN_VARIABLE, Address, Guard, Token, dashboard_app
from tuner.storage import Database, open_database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the study "small" and a running trial: to be copied, since making it takes seconds."""
    file = tmp_path_factory.mktemp("template") / "tuner.db"
    made = open_database(f"sqlite:///{file}", create=True)
    study_with_trials(made.optuna, "small").ask()
    return file


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Database:
    """A copy of the template, and a folder for artifacts beside it."""
    (tmp_path / "artifacts").mkdir()
    return copied(template, tmp_path / "tuner.db")


SEARCHED = {"sampler": {"name": "random"}, "budget": {"trials": 90, "epochs": 9}}


@pytest.fixture(scope="session")
def mock_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the study "mock" of ours: 90 trials, some of them pruned or diverged."""
    folder = tmp_path_factory.mktemp("mock")
    made = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    spec = mock_study.spec_of(folder, pruner={"name": "median", "n_startup_trials": 5}, **SEARCHED)
    mock_study.run(spec, made, diverges_above=1.0)
    return folder / "tuner.db"


@pytest.fixture
def mock(mock_template: Path, tmp_path: Path) -> Database:
    """A copy of the database with "mock"; there is no folder for artifacts."""
    return copied(mock_template, tmp_path / "mock.db")


def copied(template: Path, file: Path) -> Database:
    """A copy of a database that may be open."""
    source, copy = sqlite3.connect(template), sqlite3.connect(file)
    source.backup(copy)  # not the file: what was written last may still lie in its write-ahead log
    source.close()
    copy.close()
    return open_database(f"sqlite:///{file}", create=False)


@pytest.fixture
def guarded(database: Database) -> Callable[..., Guard]:
    """Make the guarded dashboard; by default local, without a token, read-only."""

    def make(
        address: Address = LOCAL, token: str | None = None, allow_edit: bool = False, of: Database = database
    ) -> Guard:
        app = dashboard_app(of, editable=allow_edit)
        return Guard(app, address, Token(token, address.port) if token else None, allow_edit)

    return make


@dataclass(frozen=True)
class Process:
    """A running `tuner dashboard`."""

    process: subprocess.Popen[str]
    url: str
    said: list[str]


@pytest.fixture
def started() -> Iterator[Callable[..., Process]]:
    """Start `tuner dashboard` as a person does; ended with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(storage: str, *options: str, token: str | None = None) -> Process:
        environ = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        if token:
            environ[TOKEN_VARIABLE] = token
        command = [sys.executable, "-m", "tuner", "dashboard", "--storage", storage, "--port", "0", *options]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environ)
        processes.append(process)
        said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        found = re.search(r"http://\S+", "".join(said))
        if found is None:
            pytest.fail(f"the dashboard did not start: {process.communicate()[1]}")
        return Process(process, found.group(), said)

    yield start
    for process in processes:
        process.kill()
        process.communicate()
