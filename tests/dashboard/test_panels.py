"""What we add to optuna-dashboard: there when a page asks for it, current, and never in the database."""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
from dataclasses import replace

import mock_study
import optuna
import pytest
from asking import OURS, ask, study_with_trials

from tuner.dashboard import artifact_folder, panel_cache
from tuner.dashboard.panel_cache import MARK
from tuner.dashboard.trial_artifacts import FILES
from tuner.engines import TrainingResult
from tuner.report import PLOTS, load_view
from tuner.report.markdown_escaping import plain
from tuner.results import read_study_results
from tuner.storage import open_database, open_read_only, read_recipe


def content_of(database):
    """Everything in the database, as SQL."""
    with sqlite3.connect(database.engine.url.database) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


def detail(app, study_id=1, after=0):
    answer = ask(app, "GET", f"/api/studies/{study_id}?after={after}")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(answer.body))
    return json.loads(answer.body)


@pytest.fixture
def at_once(monkeypatch):
    """Everything is read anew for each request."""
    monkeypatch.setattr(panel_cache, "_FRESH_S", 0.0)
    monkeypatch.setattr(panel_cache, "REDRAW_BACKOFF", 0.0)
    monkeypatch.setattr(panel_cache, "PATIENCE_S", 60.0)


@pytest.fixture
def app(mock, guarded, at_once):
    return guarded(of=mock)


def test_a_study_has_its_question_and_result(app, mock):
    content = detail(app)
    results = load_view(read_study_results(mock, "mock"))
    note = content["note"]
    assert note["version"] == 0
    assert "Which optimizer, learning\\_rate" in note["body"]
    assert f"is {results.best.value:.4g}, from trial {results.best.number} of 90" in note["body"]
    assert "the training loss became nan in epoch 1" in note["body"]
    assert "tuner report mock -o report.html" in note["body"]
    assert MARK not in note["body"]
    assert content["plotly_graph_objects"] == []  # they are on our page of the study
    assert content["objective_names"] == ["accuracy"]
    assert results.study.record.attrs.fingerprint
    assert not [each for each in content["user_attrs"] if each["key"].startswith("tuner:")]


def test_each_trial_has_its_ending_curves_and_recipe(app, mock):
    content = detail(app)
    results = load_view(read_study_results(mock, "mock"))
    assert len(content["trials"]) == 90
    for row, seen in zip(content["trials"], results.trials, strict=True):
        body = row["note"]["body"]
        assert body.startswith(f"**{str(seen.state).capitalize()}")
        assert (seen.reason or "").lower() in body.lower()
        assert all(plain(one.text) in body for one in seen.findings)
        assert (f"Health: **{seen.verdict}**" in body) == (seen.verdict is not None)
        assert ("the best" in body.splitlines()[0]) == (seen.number == results.best.number)
        assert body.count("\n| ") == (len(seen.curve.epochs) + 2 if seen.curve.epochs else 0)
        assert '[recipe.optimizer]\nname = "' in body
        names = ["curves.svg", "epochs.csv"] if seen.curve.epochs else []
        names += ["layers.csv"] if seen.verdict and seen.curve.epochs else []
        names += ["recipe.toml"]
        assert [file["filename"] for file in row["artifacts"]] == names
        assert f"![Curves of trial {seen.number}](/artifacts/1/" in body or not seen.curve.epochs
    (best,) = content["best_trials"]
    assert best["note"] == content["trials"][best["number"]]["note"]
    assert {seen.state for seen in results.trials} == {"complete", "pruned", "diverged"}


def test_the_files_of_a_trial_are_what_its_note_names(app, mock, tmp_path):
    from tuner import best as recipe_of

    trial = detail(app)["trials"][0]
    found = {}
    for file in trial["artifacts"]:
        answer = ask(app, "GET", f"/artifacts/1/{trial['trial_id']}/{file['artifact_id']}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == FILES[file["filename"]].kind
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        head = ask(app, "HEAD", f"/artifacts/1/{trial['trial_id']}/{file['artifact_id']}")
        assert (head.body, head.headers) == (b"", answer.headers)
        found[file["filename"]] = answer.body
    assert found["curves.svg"].startswith(b'<svg xmlns="http://www.w3.org/2000/svg"')
    assert found["curves.svg"].count(b"<polyline") == 4
    rows = found["epochs.csv"].decode().splitlines()
    assert rows[0] == "epoch,accuracy,training loss,validation loss,learning rate"
    assert len(rows) == 10
    layers = found["layers.csv"].decode().splitlines()
    assert layers[:2] == [
        "fold,epoch,layer,gradient_norm,update_ratio,dead_share,saturated_share",
        "0,0,hidden_1,1.0,,0.0,",
    ]
    file = tmp_path / "recipe.toml"
    file.write_bytes(found["recipe.toml"])
    stored = read_recipe(mock, trial["trial_id"])
    stored["data"] = {key: value for key, value in stored["data"].items() if value is not None}  # TOML has no null
    assert recipe_of(file).to_json() == stored
    identity = trial["artifacts"][0]["artifact_id"]
    assert ask(app, "GET", f"/artifacts/1/{trial['trial_id'] + 1}/{identity}").status == 404
    assert ask(app, "GET", f"/artifacts/2/{trial['trial_id']}/{identity}").status >= 400


def test_nothing_is_written(app, mock):
    before = content_of(mock)
    trial = detail(app)["trials"][0]
    for file in trial["artifacts"]:
        ask(app, "GET", f"/artifacts/1/{trial['trial_id']}/{file['artifact_id']}")
    assert content_of(mock) == before
    folder = artifact_folder(mock)
    assert folder is not None
    assert not list(folder.iterdir())


def test_all_is_shown_of_a_database_that_is_opened_to_be_read(guarded, at_once, mock, tmp_path):
    """As `tuner dashboard` opens it."""
    mock.close()
    before = (tmp_path / "mock.db").read_bytes()
    database = open_read_only(mock.url)
    app = guarded(of=database)
    assert "Which optimizer" in detail(app)["note"]["body"]
    paths = ("/", "/studies/1", "/studies/1/trials/3", "/dashboard", "/api/meta", "/api/studies")
    assert {ask(app, "GET", path).status for path in paths} == {200}
    database.close()
    assert (tmp_path / "mock.db").read_bytes() == before


def test_note_and_page_follow_a_study_that_goes_on(app, mock, tmp_path):
    before, page = detail(app), ask(app, "GET", "/studies/1").body
    spec = mock_study.spec_of(tmp_path, sampler={"name": "random"}, budget={"trials": 93, "epochs": 9})
    mock_study.run(spec, mock, diverges_above=1.0)
    after = detail(app, after=90)
    assert "of 90" in before["note"]["body"]
    assert "of 93" in after["note"]["body"]
    assert [row["number"] for row in after["trials"]] in ([90, 91, 92], [])  # it may have read them just before
    assert b" of 90" in gzip.decompress(page)
    assert b" of 93" in gzip.decompress(ask(app, "GET", "/studies/1").body)


def test_a_running_trial_shows_what_it_has_measured(guarded, at_once, tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/running.db", create=True)
    spec = mock_study.spec_of(tmp_path, budget={"trials": 2, "epochs": 3})
    seen = []

    def look(recipe):
        yield from mock_study.trainer(recipe)
        seen.append(detail(guarded(of=database)))
        return TrainingResult("complete", 0.5)

    from tuner.executors import InlineExecutor
    from tuner.runner.study_runner import StudyRunner

    StudyRunner(spec, database, InlineExecutor(look, 1)).run()
    assert "There is no answer yet" in seen[0]["note"]["body"]
    assert "running" in seen[0]["note"]["body"]
    assert seen[0]["trials"][0]["note"]["body"].startswith("**Running")
    assert "from trial 0 of 2" in seen[1]["note"]["body"]


def test_what_a_person_wrote_stays_below_ours(mock, guarded, at_once):
    app = guarded(of=mock, allow_edit=True)
    shown = detail(app)["note"]["body"]
    assert shown.rstrip().endswith(MARK)
    body = json.dumps({"version": 1, "body": f"{shown}mine **own**"}).encode()
    assert ask(app, "PUT", "/api/studies/1/note", body, origin=OURS).status == 200
    stored = mock.optuna.get_study_system_attrs(1)
    assert stored["dashboard:note_str:0"] == "mine **own**"
    again = detail(app)["note"]
    assert again["version"] == 1
    assert again["body"].endswith(f"{MARK}\n\nmine **own**")
    read_only = detail(guarded(of=mock))["note"]["body"]
    assert read_only == again["body"]
    trial = json.dumps({"version": 1, "body": "all of it"}).encode()
    assert ask(app, "PUT", "/api/studies/1/1/note", trial, origin=OURS).status == 200
    assert detail(app)["trials"][0]["note"]["body"].endswith(f"{MARK}\n\nall of it")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"body": 1, "version": 1}', b'"text"'])
def test_a_broken_note_is_answered_by_the_application(mock, guarded, at_once, body):
    answer = ask(guarded(of=mock, allow_edit=True), "PUT", "/api/studies/1/note", body, origin=OURS)
    assert answer.status >= 400
    assert not [key for key in mock.optuna.get_study_system_attrs(1) if key.startswith("dashboard:note_str")]


def test_renaming_a_study_stores_nothing_of_ours(mock, guarded, at_once):
    app = guarded(of=mock, allow_edit=True)
    detail(app)
    body = json.dumps({"study_name": "renamed"}).encode()
    assert ask(app, "POST", "/api/studies/1/rename", body, origin=OURS).status == 201
    assert MARK not in "".join(content_of(mock))
    assert "Which optimizer" not in "".join(content_of(mock))


def test_studies_with_several_objectives_are_shown_as_they_are(mock, guarded, at_once):
    study = optuna.create_study(storage=mock.optuna, study_name="two", directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=2)
    content = detail(guarded(of=mock), 2)
    assert content["plotly_graph_objects"] == []
    assert content["note"]["body"] == ""
    assert content["trials"][0]["artifacts"] == []


def test_studies_of_plain_optuna_have_what_is_known_of_them(mock, guarded, at_once):
    study_with_trials(mock.optuna, "plain")
    content = detail(guarded(of=mock), 2)
    assert "The best objective is" in content["note"]["body"]
    assert [file["filename"] for file in content["trials"][0]["artifacts"]] == ["curves.svg", "epochs.csv"]


def test_a_study_that_is_not_there_is_not_found(app):
    assert ask(app, "GET", "/api/studies/7").status == 404
    assert ask(app, "GET", f"/api/studies/{10**17}").status == 404


def test_a_plot_that_fails_takes_nothing_else_away(app, monkeypatch, caplog):
    def broken(results):
        raise ZeroDivisionError

    monkeypatch.setitem(PLOTS, "history", replace(PLOTS["history"], build=broken))
    content = detail(app)
    assert content["trials"][0]["note"]["body"].startswith("**Complete")
    assert "'mock' cannot be made" in caplog.text
    page = ask(app, "GET", "/studies/1")
    assert page.status == 200
    assert b"the log of the dashboard says why" in gzip.decompress(page.body)


def test_a_page_does_not_wait_for_plots_that_take_long(app, monkeypatch):
    go_on = threading.Event()
    history = PLOTS["history"].build

    def slow(results):
        go_on.wait(60)
        return history(results)

    monkeypatch.setitem(PLOTS, "history", replace(PLOTS["history"], build=slow))
    monkeypatch.setattr(panel_cache, "PATIENCE_S", 0.01)
    assert detail(app)["trials"][0]["note"]["body"].startswith("**Complete")
    waiting = gzip.decompress(ask(app, "GET", "/studies/1").body)
    assert b"The plots are being drawn" in waiting
    assert b'http-equiv="refresh"' in waiting
    go_on.set()
    monkeypatch.setattr(panel_cache, "PATIENCE_S", 60.0)
    assert b"Optimization history" in gzip.decompress(ask(app, "GET", "/studies/1").body)


def test_importances_are_ours(app, mock):
    answer = ask(app, "GET", "/api/studies/1/param_importances")
    (rows,) = json.loads(answer.body)["param_importances"]
    ours = load_view(read_study_results(mock, "mock")).importance["dimensions"]
    assert {row["name"]: row["importance"] for row in rows} == {row["name"]: row["share"] for row in ours}
    assert answer.headers["Content-Length"] == str(len(answer.body))
