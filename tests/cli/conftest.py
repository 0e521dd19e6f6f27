"""The command as a person calls it: in this process where that is enough, as a process where it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mock_study
import pytest
from real_study import plain

import tuner.runner.launch
import tuner.runner.preloading
from tuner.cli import main
from tuner.executors import InlineExecutor
from tuner.storage import open_database


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `tuner ARGUMENTS` in this process, from its entry to its exit code."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["tuner", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err or "--traceback" in arguments
        return Said(int(ended.value.code or 0), plain(said.out), plain(said.err))

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and the current folder; studies in it are trained by the mock."""
    monkeypatch.chdir(tmp_path)
    for name in ("TUNER_STORAGE", "TUNER_TRACEBACK", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    monkeypatch.setattr(tuner.runner.preloading, "start_fork_server", lambda *_: None)
    return tmp_path


@pytest.fixture(scope="session")
def study_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with `mock`: complete, pruned and diverged trials."""
    folder = tmp_path_factory.mktemp("studies")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    spec = mock_study.spec_of(
        folder, budget={"trials": 20, "epochs": 9}, pruner={"name": "median", "n_startup_trials": 5}
    )
    mock_study.run(spec, database, diverges_above=0.5)
    database.close()
    return database.url


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make rich believe in a terminal of so many columns."""

    def of(columns: int) -> None:
        for name, value in {"COLUMNS": str(columns), "FORCE_COLOR": "1", "TERM": "xterm", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)

    return of
