"""Every route of the installed optuna-dashboard, taken from its own table, against the guard."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3

import optuna
import optuna_dashboard
import pytest
from asking import LAN, OURS, TOKEN, ask

from tuner.dashboard import artifact_folder
from tuner.dashboard.guard import SAFE_METHODS
from tuner.storage import open_database, open_read_only, study_names

ARTIFACT = "00000000-0000-0000-0000-000000000001"
VALUES = {"study_id": "1", "trial_id": "9", "artifact_id": ARTIFACT, "history_id": "x", "filename": "bundle.js"}


def routes() -> list[tuple[str, str]]:
    """Method and a concrete path of every route; study 1 is "small", trial 9 its running trial."""
    from optuna.storages import InMemoryStorage

    found = []
    for route in optuna_dashboard.wsgi(InMemoryStorage()).routes:
        plots = ("slice", "timeline") if "<plot_type>" in route.rule else ("",)
        for plot in plots:
            path = route.rule.replace("<plot_type>", plot).replace("<:re:(/.*)?>", "")
            path = re.sub(r"<(\w+)(:\w+(:[^>]*)?)?>", lambda match: VALUES[match[1]], path)
            found.append((route.method, path))
    return found


ROUTES = routes()
EDITS = [(method, path) for method, path in ROUTES if method not in SAFE_METHODS]
READS = [path for method, path in ROUTES if method in SAFE_METHODS]

BODY = json.dumps(
    {
        "study_name": "renamed",
        "directions": ["minimize"],
        "version": 1,
        "body": "a note",
        "state": "Fail",
        "user_attrs": {"key": "value"},
        "mode": "ChooseWorst",
        "candidates": [0, 1],
        "clicked": 0,
        "output_type": "note",
        "file": "data:text/plain;base64,AAAA",
        "filename": "a.txt",
        "user_query": "all",
    }
).encode()


def content_of(database) -> list[str]:
    """Everything in the database, as SQL."""
    with sqlite3.connect(database.engine.url.database) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


def test_the_table_is_what_these_tests_expect():
    assert ("DELETE", "/api/studies/1") in EDITS
    assert ("PUT", "/api/studies/1/note") in EDITS
    assert ("POST", "/api/trials/9/tell") in EDITS
    assert len(EDITS) >= 15
    assert not [path for _, path in ROUTES if "<" in path]
    assert {method for method, _ in ROUTES} <= {"GET", "POST", "PUT", "DELETE"}


@pytest.mark.parametrize(("method", "path"), EDITS)
def test_no_edit_gets_through_unasked(guarded, database, method, path):
    before = content_of(database)
    local = guarded(allow_edit=True)
    network = guarded(LAN, TOKEN, allow_edit=True)
    read_only = guarded()
    statuses = {
        "foreign host": ask(local, method, path, BODY, host="evil.example", origin="http://evil.example").status,
        "foreign host, our origin": ask(local, method, path, BODY, host="evil.example:8080", origin=OURS).status,
        "foreign origin": ask(local, method, path, BODY, origin="http://evil.example").status,
        "no origin": ask(local, method, path, BODY).status,
        "no token": ask(network, method, path, BODY, origin=OURS).status,
        "wrong token": ask(network, method, path, BODY, origin=OURS, authorization="Bearer wrong").status,
        "no --allow-edit": ask(read_only, method, path, BODY, origin=OURS).status,
    }
    assert statuses == dict.fromkeys(statuses, 403) | {"no token": 401, "wrong token": 401}
    assert study_names(database) == ["small"]
    assert content_of(database) == before


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "PROPFIND", "delete", "ANY", "PROXY", ""])
def test_methods_that_nobody_knows_are_edits(guarded, method):
    assert ask(guarded(), method, "/api/studies/1", origin=OURS).status == 403


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("method", SAFE_METHODS)
def test_reading_changes_nothing(guarded, database, method, path):
    before = content_of(database)
    answer = ask(guarded(allow_edit=True), method, path, BODY)
    assert answer.status < 500
    assert content_of(database) == before


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path in EDITS if path.startswith("/api/studies/1")]
)
def test_overriding_the_method_does_not_help(guarded, database, method, path):
    before = content_of(database)
    ask(guarded(), "GET", f"{path}?_method={method}", BODY, x_http_method_override=method, x_method_override=method)
    assert content_of(database) == before


def test_with_allow_edit_our_own_page_can_edit(guarded, database):
    app = guarded(allow_edit=True)
    note = ask(app, "PUT", "/api/studies/1/note", BODY, origin=OURS, sec_fetch_site="same-origin")
    assert (note.status, note.body) == (200, b"{}")
    assert "a note" in "".join(content_of(database))
    assert ask(app, "POST", "/api/studies", BODY, origin=OURS).status == 201
    assert study_names(database) == ["renamed", "small"]
    assert ask(app, "DELETE", "/api/studies/1", b"{}", origin=OURS).status == 200
    assert study_names(database) == ["renamed"]


def test_with_token_and_allow_edit_a_program_can_edit(guarded, database):
    app = guarded(LAN, TOKEN, allow_edit=True)
    answer = ask(app, "DELETE", "/api/studies/1", b"{}", origin=OURS, authorization=f"Bearer {TOKEN}")
    assert answer.status == 200
    assert study_names(database) == []


@pytest.mark.parametrize("path", [*READS, "/nowhere", "/dashboard/studies/1"])
def test_every_answer_has_the_security_headers(guarded, path):
    headers = ask(guarded(), "GET", path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert headers["Content-Security-Policy"].startswith("sandbox") == (
        path != "/" and not path.startswith("/dashboard")
    )


def with_artifact(database, kind: str, content: bytes) -> str:
    """Store an artifact of the study, as `optuna.artifacts.upload_artifact` does; gives its path."""
    folder = artifact_folder(database)
    assert folder is not None
    (folder / ARTIFACT).write_bytes(content)
    about = {"artifact_id": ARTIFACT, "filename": "page", "mimetype": kind, "encoding": None}
    database.optuna.set_study_system_attr(1, f"artifacts:{ARTIFACT}", json.dumps(about))
    return f"/artifacts/1/{ARTIFACT}"


def test_an_artifact_is_sandboxed(guarded, database):
    path = with_artifact(database, "text/html", b"<script>parent.pwned = 1</script>")
    answer = ask(guarded(), "GET", path)
    assert answer.status == 200
    assert b"<script>" in answer.body
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("prefix", ["/art\xffifacts", "/artifacts\xc0", "/artifacts\xed\xa0\x80"])
def test_a_path_that_is_no_text_is_refused(guarded, database, prefix):
    """optuna-dashboard leaves out what is no UTF-8, and answers another path."""
    path = with_artifact(database, "text/html", b"<script>parent.pwned = 1</script>")
    assert ask(guarded(), "GET", path.replace("/artifacts", prefix, 1)).status == 400


def test_an_artifact_is_a_file_of_its_folder(guarded, database, tmp_path):
    """In the folder of somebody else a link may lead to any file of the reader, and a pipe never ends."""
    path = with_artifact(database, "text/plain", b"")
    file = tmp_path / "artifacts" / ARTIFACT
    (tmp_path / "secret").write_text("secret")
    file.unlink()
    assert ask(guarded(), "GET", path).status == 404
    file.symlink_to(tmp_path / "secret")
    assert ask(guarded(), "GET", path).status == 404
    file.unlink()
    os.mkfifo(file)
    assert ask(guarded(), "GET", path).status == 404


def test_a_database_that_is_gone_for_now(guarded, tmp_path):
    file = tmp_path / "gone.db"
    database = open_database(f"sqlite:///{file}", create=True)
    app = guarded(of=database)
    assert ask(app, "GET", "/").status == 200
    database.engine.dispose()
    for part in tmp_path.glob("gone.db*"):
        part.rename(tmp_path / f"away{part.suffix}")
    answer = ask(app, "GET", "/")
    assert answer.status == 503
    assert b"The database cannot be used now" in answer.body
    (tmp_path / "away.db").rename(file)
    assert ask(app, "GET", "/").status == 200


@pytest.mark.parametrize("path", ["/studies/1", "/studies/1/trials/2", "/csv/1"])
def test_a_study_is_neither_missing_nor_damaged_while_its_database_is_away(guarded, mock, tmp_path, monkeypatch, path):
    monkeypatch.setattr("tuner.dashboard.panel_cache._FRESH_S", 0.0)
    mock.close()
    database = open_read_only(mock.url)
    app = guarded(of=database)
    assert ask(app, "GET", path).status == 200
    database.close()
    for part in tmp_path.glob("mock.db*"):
        part.rename(tmp_path / f"away{part.suffix}")
    answer = ask(app, "GET", path)
    assert (answer.status, b"cannot be used now" in answer.body) == (503, True)
    for part in tmp_path.glob("away*"):
        part.rename(tmp_path / f"mock{part.suffix}")
    assert ask(app, "GET", path).status == 200


def damage(database, statement):
    with sqlite3.connect(database.engine.url.database) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "described"),
    [
        ("UPDATE study_user_attributes SET value_json = '[1]' WHERE key = 'tuner:about'", 200),
        ("UPDATE trials SET datetime_start = 'soon' WHERE number = 3", 500),
    ],
)
def test_a_damaged_study_is_no_database_that_is_away(guarded, mock, statement, described):
    """Nobody should load its page again later: optuna-dashboard shows what it can of it."""
    damage(mock, statement)
    app = guarded(of=mock)
    page = ask(app, "GET", "/studies/1")
    assert (page.status, page.headers["Location"]) == (302, "/dashboard/studies/1")
    assert ask(app, "GET", "/dashboard/studies/1").status == 200
    answer = ask(app, "GET", "/api/studies/1")
    assert answer.status == described
    assert b"cannot be used now" not in answer.body


def test_what_cannot_be_shown_is_one_line_in_the_log(guarded, database, caplog):
    path = with_artifact(database, "text/plain", b"content")
    database.optuna.set_study_system_attr(1, f"artifacts:{ARTIFACT}", json.dumps({"artifact_id": "no more"}))
    answer = ask(guarded(), "GET", path)
    assert answer.status == 500
    assert b"cannot be shown" in answer.body
    (record,) = caplog.records
    assert record.getMessage() == f"GET {path} cannot be answered: KeyError: 'mimetype'"
    assert record.exc_info is None


def test_no_cell_of_the_table_of_trials_is_a_formula(guarded, database):
    study = optuna.create_study(storage=database.optuna, study_name='=evil\r\n"; filename=x')
    trial = study.ask()
    trial.suggest_categorical('=HYPERLINK("http://evil.example")', ["=1+1"])
    trial.set_user_attr("+key", "@SUM(1)\x1b[2J")
    study.tell(trial, -1.5)
    answer = ask(guarded(), "GET", "/csv/2")
    assert answer.headers["Content-Disposition"] == "attachment; filename=study-2.csv"
    header, row = list(csv.reader(io.StringIO(answer.body.decode())))
    assert header == ["Number", "State", "Value", 'Param =HYPERLINK("http://evil.example")', "UserAttribute +key"]
    assert row == ["0", "COMPLETE", "-1.5", "'=1+1", "'@SUM(1)"]


def test_the_table_of_trials_is_that_of_optuna_dashboard(guarded, database):
    theirs = optuna_dashboard.wsgi(optuna.storages.RDBStorage(database.url))
    for query in ("", "?trial_ids=1,3"):
        rows = [
            list(csv.reader(io.StringIO(ask(app, "GET", f"/csv/1{query}").body.decode())))
            for app in (guarded(), theirs)
        ]
        assert rows[0] == rows[1]
    assert ask(guarded(), "GET", "/csv/1?trial_ids=x").status == 400
    assert ask(guarded(), "GET", "/csv/1?trial_ids=99").status == 404


def test_uploaded_artifacts_go_beside_the_database(guarded, database):
    answer = ask(guarded(allow_edit=True), "POST", "/api/artifacts/1", BODY, origin=OURS)
    assert answer.status == 201
    folder = artifact_folder(database)
    assert folder is not None
    assert [file.name for file in folder.iterdir()] == [json.loads(answer.body)["artifact_id"]]


def test_without_a_folder_nothing_can_be_uploaded(guarded, database):
    folder = artifact_folder(database)
    assert folder is not None
    folder.rmdir()
    assert artifact_folder(database) is None
    assert json.loads(ask(guarded(), "GET", "/api/meta").body)["artifact_is_available"] is True  # ours are there
    refused = ask(guarded(allow_edit=True), "POST", "/api/artifacts/1", BODY, origin=OURS)
    assert (refused.status, json.loads(refused.body)) == (400, {"reason": "Cannot access to the artifacts."})
