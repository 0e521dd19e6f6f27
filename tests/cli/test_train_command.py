"""`tuner train`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import mock_study
import pytest
from mock_winner import Pretender

import tuner.api
from tuner.storage import open_database


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the study, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(folder, budget={"trials": 12, "epochs": 5}), database, diverges_above=1.0)
    database.close()
    return folder / "tuner.db"


@pytest.fixture
def url(template: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study whose retrainings only pretend."""
    monkeypatch.setattr(tuner.api, "LocalExecutor", Pretender)
    (project / "runs").mkdir()
    return f"sqlite:///{shutil.copy(template, project / 'runs' / 'tuner.db')}"


def pretend(monkeypatch: pytest.MonkeyPatch, **options) -> None:
    monkeypatch.setattr(tuner.api, "LocalExecutor", lambda *given, prepared: Pretender(*given, **options))


def test_it_says_what_it_found(call, url, project):
    said = call("train", "mock", "-o", "best.keras", "--seeds", "3")
    assert said.code == 0
    assert said.out.startswith("Study mock: 3 recipes retrained with 3 seeds each, accuracy on 30 valid")
    text = " ".join(said.out.split())
    for part in ("lower bound", "chosen", "by more than chance", "The search saw accuracy", " test accuracy 0."):
        assert part in text, part
    assert "Wrote best.keras" in said.out
    assert 'keras.saving.load_model("best.keras")' in said.out

    assert said.err.splitlines()[0].startswith("0/14 trainings")
    assert (project / "best.keras").is_file()


def test_json_and_nothing_else(call, url):
    said = call("train", "mock", "-o", "best.keras", "--top", "1", "--seeds", "2", "--json")
    assert (said.code, said.err) == (0, "")
    content = json.loads(said.out)
    assert (content["verdict"], content["seeds"], len(content["recipes"])) == ("winner", 2, 1)


def test_trials_of_ones_choice_are_retrained(call, url):
    content = json.loads(call("show", "mock", "--json").out)
    everything = json.loads(call("train", "mock", "-o", "all.keras", "--top", "12", "--seeds", "2", "--json").out)
    _, better, worse, *_ = [row["trial"] for row in everything["recipes"]]
    chosen = ["--trial", str(worse), "--trial", str(better), "--trial", str(worse)]
    found = json.loads(call("train", "mock", "-o", "two.keras", *chosen, "--seeds", "2", "--json").out)
    assert [row["trial"] for row in found["recipes"]] == [better, worse]
    assert [row["values"] for row in found["recipes"]] == [row["values"] for row in everything["recipes"][1:3]]
    assert found["baseline"]["tried"] == content["counts"]["complete"] + content["counts"]["pruned"]
    assert found["chosen"] in (better, worse)


@pytest.mark.parametrize("columns", [40, 72, 78, 80])
def test_terminals_of_any_width(call, url, narrow, columns):
    narrow(columns)
    lines = call("train", "mock", "-o", "b.keras", "--quiet").out.splitlines()
    assert [line for line in lines if len(line) > columns and not line.startswith(("Wrote ", "Next: "))] == []
    assert not any(re.search(r"\S…|…\S", line) for line in lines), "something was cut"


def test_no_winner(call, url, project, monkeypatch):
    pretend(monkeypatch, share=lambda recipe: 0.35)
    for options in ([], ["--json"]):
        said = call("train", "mock", "-o", "best.keras", *options)
        assert said.code == 1
        assert said.err.splitlines()[-1].startswith(
            "tuner: No winner: the chosen recipe is not better than the best const"
        )
        assert "No winner" not in said.out or options
    assert json.loads(said.out)["verdict"] == "none"
    assert not (project / "best.keras").exists()


def test_the_best_candidate_is_saved_anyway_under_the_name_of_the_study(call, url, project, monkeypatch):
    pretend(monkeypatch, share=lambda recipe: 0.35)
    said = call("train", "mock", "--save-anyway")
    assert said.code == 0
    assert "No winner: " in said.out
    assert "Wrote mock.keras" in said.out
    assert (project / "mock.keras").is_file()


def test_ctrl_c(call, url, project, monkeypatch):
    pretend(monkeypatch, instead=lambda job: os.kill(os.getpid(), signal.SIGINT))
    said = call("train", "mock", "-o", "best.keras")
    assert (said.code, said.out) == (130, "")
    assert said.err.splitlines()[-1] == "tuner: interrupted, and no model was saved: run it again, it starts over"
    assert not (project / "best.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mock", "-o", "best.h5"], 2, "must end in .keras, but got"),
        (["mock", "-o", "nowhere/best.keras"], 2, "Create it, or name another"),
        (["mock", "-o", "runs"], 2, "must end in .keras, but got"),
        (["mcok", "-o", "best.keras"], 2, "Did you mean 'mock'?"),
        (["mock", "-o", "best.keras", "--seeds", "1"], 2, "1 is not in the range"),
        (["mock", "-o", "best.keras", "--top", "0"], 2, "0 is not in the range"),
        (["mock", "-o", "best.keras", "--storage", "sqlite:///other.db"], 3, "There is no database"),
        (["gone.toml", "-o", "best.keras"], 2, "gone.toml"),
        (["mock", "-o", "best.keras", "--trial", "99"], 2, "has the trials 0 to 11, but got 99. `tuner show mock`"),
        (
            ["mock", "-o", "best.keras", "--trial", "0", "--top", "2"],
            2,
            "or --trial, for those of your choice: not both",
        ),
    ],
)
def test_wrong_input(call, url, arguments, code, message):
    said = call("train", *arguments)
    assert said.code == code
    assert message in said.err


def test_a_file_that_is_there_is_kept(call, url, project):
    file = project / "best.keras"
    file.write_bytes(b"mine")
    said = call("train", "mock", "-o", "best.keras")
    assert said.code == 2
    assert "--force" in said.err
    assert file.read_bytes() == b"mine"
    assert call("train", "mock", "-o", "best.keras", "--force").code == 0
    assert file.read_bytes() != b"mine"


def test_a_trial_of_ones_choice_must_be_complete(call, project, study_url):
    trials = json.loads(call("show", "mock", "--storage", study_url, "--json").out)["trials"]
    diverged = next(row["number"] for row in trials if row["state"] == "diverged")
    said = call("train", "mock", "-o", "best.keras", "--storage", study_url, "--trial", str(diverged))
    assert said.code == 2
    assert f"Only a complete trial can be used, but trial {diverged} of 'mock' has diverged." in said.err
    assert "`tuner show mock --state complete`" in said.err


def test_without_a_complete_trial(call, project):
    database = open_database(f"sqlite:///{project}/runs/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(project, budget={"trials": 2, "epochs": 1}), database, diverges_above=0.0)
    said = call("train", "mock", "-o", "best.keras")
    assert said.code == 2
    assert "needs a complete trial" in said.err
