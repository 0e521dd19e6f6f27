"""What is sent to be written is of the right form, or changes nothing."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import optuna_dashboard
from asking import OURS, ask
from optuna.storages import InMemoryStorage

from tuner.dashboard import Guard
from tuner.dashboard.edit_validation import EDIT_ROUTES
from tuner.dashboard.guard import SAFE_METHODS
from tuner.storage import Database

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
