"""`tuner dashboard` as a process: start, Ctrl-C, tokens; and running and old databases, served from this process."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener

import mock_study
import pytest
from asking import TOKEN, study_with_trials
from click.testing import CliRunner
from screens import dashboard as served

from tuner.cli.group import tuner
from tuner.dashboard import TOKEN_VARIABLE, listen, open_dashboard
from tuner.errors import StorageError, UsageError
from tuner.storage import open_database, open_read_only

pytestmark = pytest.mark.slow


def get(url: str, **headers: str) -> bytes:
    """What is served at `url`; a new visitor each time."""
    return build_opener().open(Request(url, headers=headers), timeout=30).read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_and_ends_cleanly(database, started, number):
    dashboard = started(database.url)
    assert "Read-only" in "".join(dashboard.said)
    studies = json.loads(get(f"{dashboard.url}api/studies"))["study_summaries"]
    assert [study["study_name"] for study in studies] == ["small"]
    dashboard.process.send_signal(number)
    out, err = dashboard.process.communicate(timeout=20)
    assert dashboard.process.returncode == 0
    assert (out, err) == ("Dashboard stopped.\n", "")


def test_on_the_network_a_token_is_made_and_shown_once(database, started):
    dashboard = started(database.url, "--host", "0.0.0.0")
    token = re.findall(r"token=([\w-]{43})", "".join(dashboard.said))
    assert len(token) == 1
    port = dashboard.url.split("/?")[0].rpartition(":")[2]
    here = f"http://127.0.0.1:{port}/"
    with pytest.raises(HTTPError, match="401"):
        get(f"{here}api/studies")
    visitor = build_opener(HTTPCookieProcessor())
    assert b"dashboard" in visitor.open(f"{here}?token={token[0]}", timeout=30).read()
    assert b"small" in visitor.open(f"{here}api/studies", timeout=30).read()


def test_a_given_token_is_used_and_not_shown(database, started):
    dashboard = started(database.url, "--allow-edit", token=TOKEN)
    said = "".join(dashboard.said)
    assert TOKEN not in said
    assert "TUNER_DASHBOARD_TOKEN" in said
    assert "changed and deleted" in said
    with pytest.raises(HTTPError, match="401"):
        get(dashboard.url)
    assert b"small" in get(f"{dashboard.url}api/studies", Authorization=f"Bearer {TOKEN}")


def test_it_shows_a_study_that_runs(tmp_path):
    url = f"sqlite:///{tmp_path}/tuner.db"
    open_database(url, create=True).close()
    with served(open_read_only(url)) as address:
        get(f"{address}/api/studies")
        run = [sys.executable, mock_study.__file__, url, "12", "0.1"]
        coordinator = subprocess.Popen(run, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        counts = []
        try:
            wait_for(tmp_path / "tuner.db", coordinator)
            while coordinator.poll() is None:
                counts.append(len(json.loads(get(f"{address}/api/studies/1"))["trials"]))
                time.sleep(0.2)
        finally:
            coordinator.kill()
            errors = coordinator.communicate()[1]
    assert coordinator.returncode == 0, errors
    assert counts[0] < 12
    assert counts == sorted(counts)


def wait_for(database: Path, coordinator: subprocess.Popen[str]) -> None:
    """Until the study is in the database."""
    for _ in range(600):
        time.sleep(0.1)
        if coordinator.poll() is not None:
            pytest.fail(f"the study ended early: {coordinator.communicate()[1]}")
        if database.exists() and has_trials(database):
            return
    pytest.fail("the study did not start")


def has_trials(database: Path) -> bool:
    """Whether the study has begun."""
    with sqlite3.connect(database) as connection:
        names = {name for (name,) in connection.execute("select name from sqlite_master")}
        begun = "trials" in names and connection.execute("select 1 from trials").fetchone() is not None
    connection.close()
    return begun


def test_it_shows_a_database_of_plain_optuna(tmp_path):
    url = f"sqlite:///{tmp_path}/plain.db"
    study_with_trials(url, "older", trials=2)
    with served(open_read_only(url)) as address:
        assert b"older" in get(f"{address}/api/studies")


def test_a_database_of_a_too_old_optuna_is_explained(database):
    with sqlite3.connect(database.engine.url.database) as connection:
        connection.execute("update alembic_version set version_num = 'v3.0.0.a'")
    connection.close()
    answer = CliRunner().invoke(tuner, ["dashboard", "--storage", database.url, "--port", "0"])
    assert isinstance(answer.exception, StorageError)
    assert "optuna storage upgrade" in str(answer.exception)


def test_without_a_database_there_is_nothing_to_show(tmp_path):
    answer = CliRunner().invoke(tuner, ["dashboard", "--storage", f"sqlite:///{tmp_path}/none.db"])
    assert isinstance(answer.exception, StorageError)
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_explained(database):
    address, bound = listen("127.0.0.1", 0)
    with bound:
        answer = CliRunner().invoke(tuner, ["dashboard", "--storage", database.url, "--port", str(address.port)])
    assert isinstance(answer.exception, UsageError)
    assert re.search(r"Use --port \d+", str(answer.exception))


@pytest.mark.parametrize("weak", ["1234", ""])
def test_a_weak_token_frees_the_port(database, monkeypatch, weak):
    """An empty one is a mistake of who has set it, and not the wish for none."""
    monkeypatch.setenv(TOKEN_VARIABLE, weak)
    address, bound = listen("127.0.0.1", 0)
    bound.close()
    with pytest.raises(UsageError, match="16 to 512"):
        open_dashboard(database, port=address.port)
    listen("127.0.0.1", address.port)[1].close()


def test_the_browser_gets_the_token_from_a_file_that_nobody_else_can_read(database, started, tmp_path, monkeypatch):
    """What stands on a command line can be read by every user of the machine."""
    browser, told = tmp_path / "browser", tmp_path / "told"
    browser.write_text(f"#!/bin/sh\necho $1 > {told}.part; cp ${{1#file://}} {told}.page; mv {told}.part {told}\n")
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    dashboard = started(database.url, "--open", token=TOKEN)
    for _ in range(200):
        if told.exists():
            break
        time.sleep(0.05)
    address = told.read_text().strip()
    assert TOKEN not in address
    page = Path(address.removeprefix("file://"))
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.parent.stat().st_mode & 0o777 == 0o700
    assert f'content="0;url={dashboard.url}?token={TOKEN}"' in page.read_text()
    dashboard.process.send_signal(signal.SIGTERM)
    dashboard.process.communicate(timeout=20)
    assert not page.parent.exists()
