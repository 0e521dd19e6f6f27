"""Our pages: all studies, one study, one trial; and how they are sent."""

from __future__ import annotations

import gzip
import html
import re

import optuna
import pytest
from asking import LAN, OURS, TOKEN, ask, study_with_trials

from tuner.dashboard import panel_cache
from tuner.report import load_view
from tuner.results import read_study_results
from tuner.storage import open_database, rename_study

EVIL = "<script>window.pwned = 1</script>"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Wait for plots, however busy the machine is."""
    monkeypatch.setattr(panel_cache, "PATIENCE_S", 60.0)


def text(answer):
    """The page as a browser has it."""
    body = gzip.decompress(answer.body) if answer.headers.get("Content-Encoding") == "gzip" else answer.body
    return body.decode()


def cells(page):
    """The texts of the rows of its first table."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in found]


def test_the_first_page_lists_every_study_with_its_best_counts_state_and_date(guarded, mock):
    study_with_trials(mock.optuna, "plain").ask()
    optuna.create_study(storage=mock.optuna, study_name="empty")
    optuna.create_study(storage=mock.optuna, study_name="two", directions=["minimize", "maximize"])
    page = text(ask(guarded(of=mock), "GET", "/"))
    rows = {row[0]: row[1:] for row in cells(page)}
    results = load_view(read_study_results(mock, "mock"))
    counts = {state: len(results.in_state(state)) for state in ("complete", "pruned", "diverged")}
    assert rows["mock"][:2] == [f"{results.best.value:.5g}", "accuracy"]
    assert all(f"{many} {state}" in rows["mock"][2] for state, many in counts.items())
    assert rows["mock"][3] == "idle"
    last = max(seen.trial.datetime_complete for seen in results.trials)
    assert rows["mock"][4] == f"{last:%Y-%m-%d %H:%M}"
    assert rows["plain"][3] == "interrupted"
    assert rows["empty"] == ["–", "–", "0", "empty", "–"]
    assert rows["two"][3] == "several objectives"
    assert 'href="/studies/1"' in page
    assert 'href="/dashboard/studies/4"' in page


def test_a_study_is_shown_as_its_report_with_a_page_for_each_trial(guarded, mock):
    app = guarded(of=mock)
    results = load_view(read_study_results(mock, "mock"))
    page = text(ask(app, "GET", "/studies/1"))
    assert f"from trial {results.best.number} of 90" in page
    assert f'href="/studies/1/trials/{results.best.number}"' in page
    assert page.count("data-plot=") >= 8
    assert "<script>" not in page
    trial = text(ask(app, "GET", f"/studies/1/trials/{results.best.number}"))
    assert f"Complete: accuracy {results.best.value:.5g}, the best" in trial
    assert "[recipe.optimizer]" in trial
    assert trial.count("data-plot=") == 3
    file = re.search(r'href="(/artifacts/[^"]+)"', trial)
    assert ask(app, "GET", file[1]).status == 200


@pytest.mark.parametrize("path", ["/studies/7", "/studies/1/trials/90", f"/studies/{10**17}"])
def test_what_is_not_there_is_not_found(guarded, mock, path):
    answer = ask(guarded(of=mock), "GET", path)
    assert answer.status == 404
    assert "There is no such study or trial" in text(answer)


@pytest.mark.slow
def test_a_study_that_is_renamed_keeps_its_page_though_another_one_takes_its_name(guarded, mock, monkeypatch):
    """As `tuner run --restart` does each night."""
    monkeypatch.setattr(panel_cache, "_FRESH_S", 0.0)
    app = guarded(of=mock)
    assert "<title>mock" in text(ask(app, "GET", "/studies/1"))
    rename_study(mock, "mock", "mock.1")
    study_with_trials(mock.optuna, "mock")
    assert "<title>mock.1" in text(ask(app, "GET", "/studies/1"))
    assert "<title>mock " in text(ask(app, "GET", "/studies/2"))


def test_a_study_with_several_objectives_is_left_to_optuna_dashboard(guarded, mock):
    optuna.create_study(storage=mock.optuna, study_name="two", directions=["minimize", "maximize"])
    answer = ask(guarded(of=mock), "GET", "/studies/2")
    assert (answer.status, answer.headers["Location"]) == (302, "/dashboard/studies/2")
    assert ask(guarded(of=mock), "GET", "/studies/2/trials/0").status == 404


def test_a_page_that_has_not_changed_is_not_sent_again(guarded, mock):
    app = guarded(of=mock)
    first = ask(app, "GET", "/")
    again = ask(app, "GET", "/", if_none_match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    plain = ask(app, "GET", "/", accept_encoding="")
    assert "Content-Encoding" not in plain.headers
    assert text(plain) == text(first)
    head = ask(app, "HEAD", "/")
    assert (head.status, head.body, head.headers) == (200, b"", first.headers)


def test_our_pages_run_their_own_scripts_only(guarded, mock):
    app = guarded(of=mock)
    page = ask(app, "GET", "/")
    scripts = page.headers["Content-Security-Policy"].partition("script-src ")[2].partition(";")[0]
    assert scripts == "'self'"
    for name in re.findall(r'src="([^"]+)"', text(page)):
        asset = ask(app, "GET", name)
        assert (asset.status, asset.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        assert "immutable" in asset.headers["Cache-Control"]
    assert ask(app, "GET", "/assets/guard.py").status == 404


def test_they_need_the_token_too(guarded, mock):
    app = guarded(LAN, TOKEN, of=mock)
    assert {ask(app, "GET", path).status for path in ("/", "/studies/1", "/studies/1/trials/0")} == {401}
    assert ask(app, "GET", "/", authorization=f"Bearer {TOKEN}").status == 200
    assert ask(guarded(of=mock), "POST", "/studies/1", b"{}", origin=OURS).status == 403


def test_markup_in_names_is_text(guarded, tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/evil.db", create=True)
    study = study_with_trials(database.optuna, EVIL, trials=2)
    trial = study.ask()
    trial.suggest_categorical(EVIL, [EVIL])
    trial.set_user_attr("outcome", {"state": "failed", "reason": EVIL})
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    app = guarded(of=database)
    for path in ("/", "/studies/1", "/studies/1/trials/2"):
        page = text(ask(app, "GET", path))
        assert EVIL not in page
        assert html.escape(EVIL, quote=False) in page


def test_optuna_dashboard_has_a_way_back_and_no_idle_buttons(guarded, database):
    for editable in (False, True):
        app = guarded(allow_edit=editable)
        page = text(ask(app, "GET", "/dashboard/studies/1", if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT"))
        assert ("<body data-read-only>" in page) == (not editable)
        assert page.count('id="keras-studies"') == 1
        for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page):
            assert ask(app, "GET", name).status == 200
