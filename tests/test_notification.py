"""The command of `[notify]` gets the result, and cannot hurt the study."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import mock_study
import pytest

import tuner
from tuner import notification
from tuner.errors import StudyFileError, UsageError, WorkerError
from tuner.executors import InlineExecutor
from tuner.notification import notify
from tuner.runner import launch


def python(code: str) -> str:
    """A command that runs this code."""
    return f"{sys.executable} -c '{code}'"


@pytest.mark.parametrize(
    ("command", "trouble"),
    [
        (python("import sys; sys.stdin.read()"), None),
        (python("pass"), None),  # it reads nothing
        (python('import sys; sys.exit("no network")'), "failed with exit code 1: no network"),
        ("no-such-program --now", "cannot be run: FileNotFoundError"),
        ("echo 'open", "cannot be run: ValueError: No closing quotation"),
        ("echo \0", "cannot be run: ValueError: embedded null byte"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path: Path, command: str, trouble: str | None) -> None:
    note = notify(command, {"study": "digits"}, tmp_path)
    assert note is None if trouble is None else trouble in str(note)


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notification, "TIMEOUT_S", 0.3)
    assert "took longer than 0.3 s" in str(notify(python("import time; time.sleep(60)"), {}, tmp_path))


@pytest.fixture
def mock_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "EXECUTORS", {"local": lambda *_: InlineExecutor(mock_study.trainer, 1)})


CONTENT = {
    **mock_study.CONTENT,
    "budget": {"trials": 2, "epochs": 1},
    "notify": {"command": python('import sys; open("note.json", "w").write(sys.stdin.read())')},
}


@pytest.mark.usefixtures("mock_workers")
def test_the_end_of_a_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = tuner.run(CONTENT)
    told = json.loads((tmp_path / "note.json").read_text())
    assert (told.pop("ended"), told.pop("error")) == ("trials", None)
    assert told == study.summary()


def test_a_run_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoWorkers(InlineExecutor):
        def start(self) -> None:
            raise WorkerError("No worker can be started.")

    monkeypatch.setattr(launch, "EXECUTORS", {"local": lambda *_: NoWorkers(mock_study.trainer, 1)})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkerError):
        tuner.run(CONTENT)
    told = json.loads((tmp_path / "note.json").read_text())
    assert told == {"study": "mock", "ended": "failed", "error": "No worker can be started."}


FILE = f"""
name = "broken"
model = "models/mlp.py"
[data]
source = "missing.csv"
target = "y"
[notify]
command = {json.dumps(CONTENT["notify"]["command"])}
"""


@pytest.mark.parametrize(("options", "name"), [({}, "broken"), ({"name": "nightly"}, "nightly")])
def test_a_study_that_cannot_be_used_is_told(tmp_path: Path, options: dict[str, str], name: str) -> None:
    """A scheduled run has nobody who sees its error."""
    study = tmp_path / "broken.toml"
    study.write_text(FILE, encoding="utf-8")
    notes: list[str | None] = []
    with pytest.raises(StudyFileError, match=r"missing\.csv") as raised:
        tuner.run(study, show=lambda progress: notes.append(progress.note), **options)
    told = json.loads((tmp_path / "note.json").read_text())
    assert told == {"study": name, "ended": "failed", "error": str(raised.value)}
    assert notes == []


@pytest.mark.parametrize("wrong", [{"notify": {"command": "echo"}}, {"project": "."}])
def test_a_call_that_is_refused_for_its_arguments_runs_no_command(tmp_path: Path, wrong: dict[str, Any]) -> None:
    study = tmp_path / "broken.toml"
    study.write_text(FILE, encoding="utf-8")
    with pytest.raises(UsageError, match=r"part of a study"):
        tuner.run(study, **wrong)
    assert not (tmp_path / "note.json").exists()


def test_a_notice_of_it_that_fails_is_noted(tmp_path: Path) -> None:
    study = tmp_path / "broken.toml"
    study.write_text(re.sub("command = .*", 'command = "no-such-program"', FILE), encoding="utf-8")
    notes: list[str | None] = []
    with pytest.raises(StudyFileError):
        tuner.run(study, show=lambda progress: notes.append(progress.note))
    assert ["no-such-program" in str(note) for note in notes] == [True]


@pytest.mark.parametrize("text", ["name = [", 'name = "s"\n', 'notify = "echo"', "[notify]\ncommand = 3", "[notify]"])
def test_a_file_that_names_no_command_is_only_refused(tmp_path: Path, text: str) -> None:
    study = tmp_path / "broken.toml"
    study.write_text(text, encoding="utf-8")
    notes: list[str | None] = []
    with pytest.raises(StudyFileError):
        tuner.run(study, show=lambda progress: notes.append(progress.note))
    assert notes == []


@pytest.mark.parametrize("command", ["", "echo 'open"])
def test_a_command_that_cannot_be_read_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(StudyFileError, match=r"notify\.command"):
        mock_study.spec_of(tmp_path, notify={"command": command})
