"""Wrong input: the right exit code, a message that says what to do, and never a traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import optuna
import pytest

import tuner.results
from tuner.cli.group import COMMANDS

STUDY = 'name = "s"\nmodel = "models/mlp.py"\n[data]\nsource = "iris"\n[budget]\ntrials = 2\nepochs = 1\n'


def write(file: Path, text: str = STUDY) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shwo"], "There is no command 'shwo'. Did you mean 'show'? Commands: new, check, run,"),
        (["zzzzz"], "There is no command 'zzzzz'. Commands:"),
        (["run"], "Missing argument 'FILE'"),
        (["show"], "Missing argument 'STUDY'"),
        (["run", "s.toml", "--trails", "3"], "No such option"),
        (["run", "s.toml", "--trials", "0"], "0 is not in the range"),
        (["run", "s.toml", "--trials", "many"], "'many' is not a valid integer"),
        (["run", "s.toml", "--workers", "100000"], "100000 is not in the range"),
        (["run", "s.toml", "--seed", "-1"], "-1 is not in the range"),
        (["run", "s.toml", "--engine", "fti"], "fit"),
        (["run", "s.toml", "--fork", "a/b"], "a/b"),
        (["show", "s", "--state", "good"], "'good' is not one of 'complete'"),
        (["check", "nowhere.toml"], "there is no such file"),
        (["check", "stduies/s.toml"], "nearest: studies/"),
        (["run", "studies"], "a study is a file, but this is a folder"),
        (["run", "s.txt"], "a study file is TOML or YAML"),
        (["check", "broken.toml"], "broken.toml: 1 problem"),
        (["run", "wrong.toml"], "nearest: learning_rate"),
        (["best", "nowhere.toml"], "there is no such file"),
        (["show", "broken.toml"], "broken.toml: 1 problem"),
        (["new", "s.toml"], "is a file"),
    ],
)
def test_usage_errors_end_with_2(call, project, arguments, message):
    write(project / "s.toml")
    write(project / "s.txt")
    write(project / "studies" / "s2.toml")
    write(project / "broken.toml", "name = [")
    write(project / "wrong.toml", STUDY + "[search]\nlearning_rat = 0.1\n")
    said = call(*arguments)
    assert said.code == 2
    assert message in said.err
    assert said.out == ""
    assert not (project / "runs").exists(), "wrong input must not make a database"


@pytest.mark.parametrize("text", ["0", "-5", "abc", "1x", "", "1e400", "nan", "inf", "10 minutes and more", "m"])
def test_bad_durations(call, project, text):
    write(project / "s.toml")
    said = call("run", "s.toml", f"--time={text}")
    assert said.code == 2
    assert "--time takes a positive duration such as 90s, 10m, 1h30m or 2d, but got" in said.err


def test_an_unknown_study_has_a_nearest_one(call, project, study_url):
    for command in ("show", "best"):
        said = call(command, "mokc", "--storage", study_url)
        assert said.code == 2
        assert said.err == "tuner: There is no study 'mokc' in the database. Did you mean 'mock'? It holds: mock.\n"


@pytest.mark.parametrize("command", [["list"], ["show", "s"], ["best", "s"], ["list", "--json"]])
def test_no_database_ends_with_3(call, project, command):
    said = call(*command)
    assert said.code == 3
    assert re.search(r"There is no database .*runs/tuner\.db\. Run a study first, or name another one", said.err)
    assert said.out == ""
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///damaged.db", "file is not a database. The file is damaged or something else: move it away"),
        ("damaged.db", "Did you mean 'sqlite:///damaged.db'?"),
        ("sqlite:///.", "is a folder"),
        ("sqlite://", "must name a file"),
        ("nosuch://host/db", "A storage must be an SQLAlchemy URL with an installed driver"),
        ("://", "A storage must be an SQLAlchemy URL"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["run", "s.toml"]])
def test_a_storage_that_cannot_be_used_ends_with_3(call, project, command, url, message):
    write(project / "s.toml")
    write(project / "damaged.db", "this is not a database, and long enough to be looked at\n" * 100)
    said = call(*command, "--storage", url)
    assert said.code == 3
    assert message in said.err
    assert said.out == ""


def test_a_password_is_not_shown(call, project):
    said = call("list", "--storage", "nosuch://me:secret@host/db")
    assert said.code == 3
    assert "secret" not in said.err


def test_another_setup_under_the_same_name_ends_with_2(call, project):
    write(project / "s.toml")
    assert call("run", "s.toml").code == 0
    write(project / "s.toml", STUDY + '[search]\noptimizer = "sgd"\nlearning_rate = [0.1, 0.2]\n')
    said = call("run", "s.toml")
    assert said.code == 2
    assert "--fork NEW_NAME" in said.err
    assert "must have the same setup, but that of s.toml has changed since" in said.err
    assert call("run", "s.toml", "--fork", "t").code == 0
    assert "t  " in call("list").out


def test_a_report_lists_every_problem_once(call, project):
    write(project / "s.toml", STUDY.replace("mlp", "mpl") + '[search]\noptimizer = ["adm"]\nlearning_rat = 1\n')
    said = call("check", "s.toml")
    assert said.code == 2
    assert "s.toml: 3 problems" in said.err
    assert all(key in said.err for key in ("model: ", "search.optimizer", "search.learning_rat"))
    as_json = call("check", "s.toml", "--json")
    assert as_json.code == 2
    assert as_json.err == ""
    content = json.loads(as_json.out)
    assert (content["ok"], len(content["problems"])) == (False, 3)


def test_a_study_of_several_objectives(call, project):
    url = f"sqlite:///{project}/t.db"
    optuna.create_study(study_name="several", storage=url, directions=["minimize", "maximize"])
    for command in ("show", "best"):
        said = call(command, "several", "--storage", url)
        assert said.code == 2
        assert "has one objective, but 'several' has 2" in said.err
    assert call("list", "--storage", url).code == 0


def test_an_error_of_our_own_is_said_in_a_line(call, project, study_url, monkeypatch):
    monkeypatch.setattr(tuner.results, "list_studies", lambda database: 1 / 0)
    said = call("list", "--storage", study_url)
    assert said.code == 1
    assert said.err.startswith("tuner: internal error: ZeroDivisionError: division by zero.")
    monkeypatch.setenv("TUNER_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        call("list", "--storage", study_url)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(call, command):
    said = call(command, "--help")
    assert said.code == 0
    assert said.out.startswith("Usage: ")
    assert f"tuner {command} " in said.out.splitlines()[0]
    assert call(command, "-h").out == said.out


def test_the_command_line_takes_as_many_workers_as_the_study_file() -> None:
    from tuner.cli import run_command, train_command
    from tuner.study import json_schema

    most = {json_schema()["properties"]["workers"]["maximum"]}
    for command in (run_command.command, train_command.command):
        most |= {option.type.max for option in command.params if option.name == "workers"}
    assert most == {1_024}
