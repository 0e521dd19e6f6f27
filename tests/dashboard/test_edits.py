"""What is sent to be written is of the right form, or changes nothing."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import optuna_dashboard
import pytest
from asking import OURS, ask, study_with_trials
from optuna.storages import InMemoryStorage

from tuner.dashboard import Guard
from tuner.dashboard.edit_validation import EDIT_ROUTES
from tuner.dashboard.guard import SAFE_METHODS
from tuner.dashboard.safe_artifact_store import ArtifactFolder
from tuner.storage import FINGERPRINT, Database, StudySession, study_names

OTHERS = {("POST", "/incompatible-rdb-schema"), ("POST", "/api/llm/<>")}
"""Of Optuna's own storages, and refused without a language model."""


def test_every_route_that_changes_something_is_in_the_table() -> None:
    routes = {(route.method, route.rule) for route in optuna_dashboard.wsgi(InMemoryStorage()).routes}
    for method, rule in sorted(routes):
        path = re.sub("<[^>]*:int>", "1", re.sub("/llm/.*", "/llm/<>", rule))
        path = re.sub("<[^>]*>", "a", path) if "llm" not in path else path
        rows = [row for row in EDIT_ROUTES if row.method == method and re.fullmatch(row.path, path)]
        assert len(rows) == (method not in SAFE_METHODS and (method, path) not in OTHERS), (method, rule)


def content_of(database: Database) -> list[str]:
    with sqlite3.connect(str(database.engine.url.database)) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


NOTE = {"version": 1, "body": "a note"}
FILE = {"file": "data:text/plain;base64,AAAA", "filename": "a.txt"}
WRONG: list[tuple[str, str, Any, int]] = [
    ("POST", "/api/studies", {"study_name": 1, "directions": ["minimize"]}, 400),
    ("POST", "/api/studies", {"study_name": "a\nb", "directions": ["minimize"]}, 400),
    ("POST", "/api/studies", {"study_name": "x" * 600, "directions": ["minimize"]}, 400),
    ("POST", "/api/studies", {"study_name": "\ud800", "directions": ["minimize"]}, 400),
    ("POST", "/api/studies", {"study_name": "a", "directions": [1]}, 400),
    ("POST", "/api/studies", {"study_name": "a", "directions": None}, 400),
    ("POST", "/api/studies/1/rename", {"study_name": []}, 400),
    ("POST", "/api/studies/77/rename", {"study_name": "a"}, 404),
    ("DELETE", "/api/studies/77", {}, 404),
    ("DELETE", "/api/studies/1", {"remove_associated_artifacts": "no"}, 400),
    ("DELETE", "/api/studies/1", [1], 400),
    ("PUT", "/api/studies/1/note", {"version": "1", "body": "a"}, 400),
    ("PUT", "/api/studies/1/note", {"version": 1, "body": ["a"]}, 400),
    ("PUT", "/api/studies/77/note", NOTE, 404),
    ("PUT", f"/api/studies/{10**20}/note", NOTE, 404),
    ("PUT", "/api/studies/-1/note", NOTE, 404),
    ("PUT", "/api/studies/1/77/note", NOTE, 404),
    ("POST", "/api/studies/1/preference", {"mode": "ChooseWorst", "candidates": [0], "clicked": 0}, 400),
    ("POST", "/api/studies/1/preference", {"mode": "ChooseWorst", "candidates": 7, "clicked": 0}, 400),
    ("PUT", "/api/studies/1/preference_feedback_component", {"output_type": {}}, 400),
    ("POST", "/api/studies/1/preference/x", {}, 400),
    ("POST", "/api/studies/1/9/skip", {}, 400),
    ("POST", "/api/trials/9/tell", {"state": 1}, 400),
    ("POST", "/api/trials/9/tell", {"state": "Complete", "values": 1.5}, 400),
    ("POST", "/api/trials/9/tell", {"state": "Complete", "values": [1.5, 2.5]}, 400),
    ("POST", "/api/trials/9/tell", {"state": "Complete", "values": [float("nan")]}, 400),
    ("POST", "/api/trials/1/tell", {"state": "Fail"}, 409),
    ("POST", "/api/trials/77/tell", {"state": "Fail"}, 404),
    ("POST", "/api/trials/9/user-attrs", {"user_attrs": [1]}, 400),
    ("POST", "/api/trials/9/user-attrs", {"user_attrs": {"": 1}}, 400),
    ("POST", "/api/trials/1/user-attrs", {"user_attrs": {"a": 1}}, 409),
    ("POST", "/api/artifacts/1", {"file": 1}, 400),
    ("POST", "/api/artifacts/1", {**FILE, "file": "data:text/plain;base64,A"}, 400),
    ("POST", "/api/artifacts/1", {**FILE, "file": "https://example.org"}, 400),
    ("POST", "/api/artifacts/1", {**FILE, "filename": 1}, 400),
    ("POST", "/api/artifacts/1/1", FILE, 409),
    ("POST", "/api/artifacts/77/9", FILE, 404),
    ("DELETE", "/api/artifacts/1/1/a", {}, 409),
    ("DELETE", "/api/artifacts/77/a", {}, 404),
]


def test_a_wrong_edit_is_refused_with_a_reason(guarded: Callable[..., Guard], database: Database) -> None:
    app, before = guarded(allow_edit=True), content_of(database)
    for method, path, body, status in WRONG:
        answer = ask(app, method, path, json.dumps(body).encode(), origin=OURS)
        assert (answer.status, method, path, body) == (status, method, path, body)
        assert json.loads(answer.body)["reason"]
    for content in (
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
        b'{"version": 1,',
        b"{\xff}",
    ):
        for method, path in (("PUT", "/api/studies/1/note"), ("DELETE", "/api/studies/1")):
            assert ask(app, method, path, content, origin=OURS).status == 400
    assert content_of(database) == before


def test_a_right_edit_passes(guarded: Callable[..., Guard]) -> None:
    app = guarded(allow_edit=True)
    for method, path, body in (
        ("PUT", "/api/studies/1/9/note", NOTE),
        ("POST", "/api/trials/9/user-attrs", {"user_attrs": {"a key": {"any": ["value", None]}}}),
        ("POST", "/api/artifacts/1/9", FILE),
        ("POST", "/api/trials/9/tell", {"state": "Complete", "values": [1]}),
    ):
        assert ask(app, method, path, json.dumps(body).encode(), origin=OURS).status in (200, 201), path


def edited(app: Guard, method: str, path: str, **body: str) -> tuple[int, dict[str, Any]]:
    answer = ask(app, method, path, json.dumps(body).encode(), origin=OURS)
    return answer.status, json.loads(answer.body)


@pytest.mark.slow
def test_a_renamed_study_keeps_its_id_its_recipes_and_its_epochs(guarded: Callable[..., Guard], mock: Database) -> None:
    app, before = guarded(of=mock, allow_edit=True), content_of(mock)
    assert b"mock" in ask(app, "GET", "/api/studies/1").body
    status, study = edited(app, "POST", "/api/studies/1/rename", study_name="renamed")
    assert (status, study["study_id"], study["study_name"]) == (201, 1, "renamed")
    after = content_of(mock)
    assert {line for line in {*before} ^ {*after} if "tuner_studies" not in line} == {
        f"INSERT INTO \"studies\" VALUES(1,'{name}');" for name in ("mock", "renamed")
    }
    assert json.loads(ask(app, "GET", "/api/studies/1").body)["name"] == "renamed"
    assert ask(app, "GET", "/api/studies/1/param_importances").status == 200
    study_with_trials(mock.optuna, "taken")
    for name, reason in (("taken", "must have its own name"), ("a/b", "letters, digits")):
        status, said = edited(app, "POST", "/api/studies/1/rename", study_name=name)
        assert (status, reason in said["reason"]) == (400, True)


def test_a_deleted_study_leaves_nothing(guarded: Callable[..., Guard], mock: Database) -> None:
    assert edited(guarded(of=mock, allow_edit=True), "DELETE", "/api/studies/1") == (200, {})
    assert not [line for line in content_of(mock) if re.match(r'INSERT INTO "?(tuner_(?!version)|studies|trial)', line)]


def test_a_study_that_runs_is_neither_renamed_nor_deleted(guarded: Callable[..., Guard], mock: Database) -> None:
    session = StudySession(mock, "mock", "maximize")
    app, before = guarded(of=mock, allow_edit=True), content_of(mock)
    for method, path in (("POST", "/api/studies/1/rename"), ("DELETE", "/api/studies/1")):
        status, said = edited(app, method, path, study_name="renamed")
        assert (status, "while it is run, but process" in said["reason"]) == (409, True)
    assert content_of(mock) == before
    session.close()


def test_a_study_with_several_objectives_is_edited_by_optuna_dashboard(
    guarded: Callable[..., Guard], database: Database
) -> None:
    optuna.create_study(storage=database.optuna, study_name="two", directions=["minimize", "maximize"])
    app = guarded(allow_edit=True)
    status, study = edited(app, "POST", "/api/studies/2/rename", study_name="renamed")
    assert (status, study["study_name"]) == (201, "renamed")
    assert edited(app, "DELETE", f"/api/studies/{study['study_id']}") == (200, {})
    assert study_names(database) == ["small"]


def without_locks(database: Database) -> list[str]:
    """The content, apart from the counter of transactions."""
    return [line for line in content_of(database) if "tuner_studies" not in line]


def test_a_deletion_that_fails_loses_nothing(guarded: Callable[..., Guard], mock: Database, tmp_path: Path) -> None:
    app = guarded(of=mock, allow_edit=True)
    assert edited(app, "POST", "/api/artifacts/1", **FILE)[0] == 201
    [file] = (tmp_path / "artifacts").iterdir()
    file.unlink()
    before = without_locks(mock)
    assert ask(app, "DELETE", "/api/studies/1", b"{}", origin=OURS).status >= 400
    assert without_locks(mock) == before


def test_a_study_that_begins_to_run_during_its_deletion_stays(
    guarded: Callable[..., Guard], mock: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, sessions = guarded(of=mock, allow_edit=True), []
    assert edited(app, "POST", "/api/artifacts/1", **FILE)[0] == 201
    monkeypatch.setattr(ArtifactFolder, "remove", lambda *_: sessions.append(StudySession(mock, "mock", "maximize")))
    status, said = edited(app, "DELETE", "/api/studies/1")
    assert (status, "while it is run, but process" in said["reason"]) == (409, True)
    assert sum('"tuner_recipes" VALUES' in line for line in content_of(mock)) == 90
    sessions[0].close()


def test_slashes_at_the_end_of_the_path_change_nothing(guarded: Callable[..., Guard], mock: Database) -> None:
    app = guarded(of=mock, allow_edit=True)
    status, study = edited(app, "POST", "/api/studies/1/rename//", study_name="renamed")
    assert (status, study["study_id"]) == (201, 1)
    session = StudySession(mock, "renamed", "maximize")
    assert edited(app, "DELETE", "/api/studies/1//")[0] == 409
    session.close()
    assert edited(app, "DELETE", "/api/studies/1//") == (200, {})


def test_a_damaged_study_can_be_renamed_and_deleted(guarded: Callable[..., Guard], mock: Database) -> None:
    mock.set_study_attr(1, FINGERPRINT, [1])
    app = guarded(of=mock, allow_edit=True)
    status, study = edited(app, "POST", "/api/studies/1/rename", study_name="renamed")
    assert (status, study["study_name"]) == (201, "renamed")
    assert edited(app, "DELETE", "/api/studies/1") == (200, {})
    assert study_names(mock) == []
