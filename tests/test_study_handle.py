"""What a study handle shows in a notebook: frames, figures, a report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

import tuner
from tuner import StudyHandle
from tuner.errors import StorageError, StudyNotFoundError, UnknownNameError, UsageError
from tuner.report import PLOTS
from tuner.results import StoredStudy, summary
from tuner.storage import StudySession, open_database


@pytest.fixture(scope="module")
def handle(study: StoredStudy) -> StudyHandle:
    return tuner.open(study.database.url, study.record.name)


def test_the_frame_of_trials_is_what_show_says(handle: StudyHandle, study: StoredStudy):
    frame = handle.trials
    rows = summary(study)["trials"]
    assert list(frame.index) == [row["number"] for row in rows]
    for column in ("state", "value", "epochs", "engine", "duration_s"):
        stored = [None if value != value else value for value in frame[column]]
        assert stored == [row[column] for row in rows]
    for row in rows:
        given = frame.loc[row["number"]]
        assert {name: given[name] for name in row["params"]} == row["params"]
        assert given["health"] == (row["health"][0]["verdict"] if row["health"] else None)


def test_the_frame_of_epochs_has_each_epoch(handle: StudyHandle):
    frame, trials = handle.epochs, handle.trials
    assert list(frame.columns) == ["trial", "fold", "epoch", "loss", "val_loss", "metric", "learning_rate", "seconds"]
    counts = frame.groupby("trial").size()
    assert counts.to_dict() == trials["epochs"][trials["epochs"] > 0].to_dict()


def test_a_trial_with_its_recipe_and_epochs(handle: StudyHandle, study: StoredStudy):
    epochs = handle.epochs
    for number, row in enumerate(summary(study)["trials"]):
        trial = handle.trial(number)
        shown = {"number": trial.number, "state": trial.state, "value": trial.value, "params": trial.params}
        assert shown == {name: row[name] for name in shown}
        mine = epochs[epochs["trial"] == number].drop(columns="trial").reset_index(drop=True)
        assert_frame_equal(trial.epochs, mine, check_dtype=not mine.empty)
        assert trial.recipe.optimizer.name == row["params"]["optimizer"]
    best = handle.best()
    assert handle.trial(best.trial).recipe == best.recipe
    assert f"Trial {best.trial} of study" in repr(handle.trial(best.trial))
    assert f"Trial {best.trial} of study" in handle.trial(best.trial)._repr_html_()
    with pytest.raises(UsageError, match=rf"has the trials 0 to {len(study.record.trials) - 1}, but got 999"):
        handle.trial(999)


@pytest.mark.parametrize("name", ["history", "learning_curves"])
def test_plots_of_the_report_are_figures(handle: StudyHandle, name: str):
    assert json.loads(handle.plot(name).to_json())["data"]


def test_every_plot_is_documented():
    assert set(re.findall(r'"(\w+)"', StudyHandle.plot.__doc__ or "")) == set(PLOTS)


def test_a_plot_that_cannot_be_drawn(handle: StudyHandle, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UnknownNameError, match="histori"):
        handle.plot("histori")
    monkeypatch.setitem(PLOTS, "history", replace(PLOTS["history"], build=lambda view: "There is no trial yet."))
    with pytest.raises(UsageError, match="There is no trial yet"):
        handle.plot("history")


@pytest.mark.slow
def test_the_report_is_written(handle: StudyHandle, tmp_path: Path):
    assert "<html" in handle.report(tmp_path / "r.html").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        handle.report(tmp_path / "nowhere" / "r.html")


def test_a_cell_shows_the_best(handle: StudyHandle, study: StoredStudy):
    shown, best = handle._repr_html_(), summary(study)["best"]
    assert f"(trial {best['trial']})" in shown
    assert all(name in shown for name in best["params"])


def test_a_study_without_trials(tmp_path: Path):
    path = tmp_path / "t.db"
    database = open_database(f"sqlite:///{path}", create=True)
    StudySession(database, "<b>", "minimize").close()
    database.close()
    empty = tuner.open(path, "<b>")
    assert len(empty.trials) == 0
    assert len(empty.epochs) == 0
    assert "&lt;b&gt;" in empty._repr_html_()
    assert "No trial is complete yet." in empty._repr_html_()


def test_what_does_not_exist(handle: StudyHandle, tmp_path: Path):
    with pytest.raises(StorageError, match="There is no database"):
        tuner.open(tmp_path / "none.db", "s")
    with pytest.raises(StudyNotFoundError, match="Did you mean"):
        tuner.open(handle.storage, handle.name + "x")


def test_the_prepared_rows_are_those_of_the_trials(handle: StudyHandle, study: StoredStudy, tmp_path: Path):
    data = handle.data()
    facts = study.record.attrs.info.facts
    assert data.facts.sha256 == facts.sha256
    assert {name: len(getattr(data, name)) for name in ("train", "validation", "test")} == dict(data.facts.rows)
    assert data.test.x.shape[1:] == data.train.x.shape[1:] == data.facts.input_shape
    assert str(data.train.x.dtype) == str(data.test.y.dtype) == "float32"
    assert data.class_names == data.facts.classes
    assert data.splits[0].preprocessing is not None
    rows = {row.tobytes() for part in (data.train, data.validation) for row in part.x}
    assert sum(row.tobytes() in rows for row in data.test.x) <= 0.01 * len(data.test)
