"""Workers start before the database is opened if trials are left, and none is left where a run does not begin."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import mock_study
import pytest

import tuner.runner.launch
from tuner.errors import StorageError, StudyChangedError
from tuner.executors import InlineExecutor
from tuner.runner.progress import Progress
from tuner.storage import count_finished_quickly, open_database
from tuner.storage.sqlite import BUSY_TIMEOUT_S

PROJECT = Path(__file__).parents[2]


class Watched(InlineExecutor):
    """Notes when it is started, and how it is closed."""

    def __init__(self, url: str) -> None:
        super().__init__(mock_study.trainer)
        self.shown: list[Progress] = []
        self.file, self.noted = Path(url.removeprefix("sqlite:///")), []

    def start(self) -> None:
        self.noted.append(("start", self.file.exists()))

    def close(self, *, at_once: bool = False) -> None:
        super().close(at_once=at_once)
        self.noted.append(("close", at_once))


def launched(monkeypatch: pytest.MonkeyPatch, url: str, **overrides: int) -> Watched:
    executor = Watched(url)
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: executor)
    study = PROJECT / "studies" / "digits.toml"
    try:
        spec = tuner.runner.launch.read_given_study(study, None, {"trials": 2, "epochs": 1, **overrides})
        tuner.runner.launch.start(spec, storage=url, show=executor.shown.append)
    except (StorageError, StudyChangedError) as error:
        executor.noted.append(("error", type(error)))
    return executor


def test_workers_start_before_the_database_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/tuner.db"
    noted = launched(monkeypatch, url).noted
    assert noted[0] == ("start", False)
    assert noted[-1] == ("close", False)
    more = launched(monkeypatch, url, trials=3).noted
    assert (more[0], more[-1]) == (("start", True), ("close", False))


def test_no_worker_starts_if_all_trials_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/tuner.db"
    launched(monkeypatch, url)
    ended: list[str] = []
    monkeypatch.setattr(tuner.runner.launch, "close_starting_servers", lambda: ended.append("what was started early"))
    again = launched(monkeypatch, url)
    assert ended == ["what was started early"]
    assert again.noted == [("close", False)]
    assert [(standing.finished, standing.stage) for standing in again.shown] == [(2, None)]


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "sqlite:///{}", "sqlite:///{}/text.db", "mysql://u@h/d", "no"])
def test_what_cannot_be_counted_quickly_counts_as_nothing(tmp_path: Path, url: str) -> None:
    (tmp_path / "text.db").write_text("no database" * 100, encoding="utf-8")
    assert count_finished_quickly(url.format(tmp_path), "digits") == 0
    assert [file.name for file in tmp_path.iterdir()] == ["text.db"]


def test_a_count_waits_for_no_other_program(tmp_path: Path) -> None:
    """It comes before the study is read, and a Ctrl-C cannot end SQLite's waiting."""
    url = f"sqlite:///{tmp_path}/tuner.db"
    with closing(sqlite3.connect(tmp_path / "tuner.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE trials (number INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert count_finished_quickly(url, "digits") == 0
        assert time.monotonic() - began < BUSY_TIMEOUT_S / 2


def test_none_is_left_where_the_database_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    noted = launched(monkeypatch, f"sqlite:///{tmp_path}/file/tuner.db").noted
    assert noted == [("start", False), ("close", True), ("error", StorageError)]


def test_none_is_left_where_the_study_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/tuner.db"
    launched(monkeypatch, url)
    noted = launched(monkeypatch, url, epochs=2).noted
    assert ("close", True) in noted
    assert noted[-1] == ("error", StudyChangedError)
    open_database(url, create=False).close()
