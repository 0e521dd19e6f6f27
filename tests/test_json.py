"""The shapes that `docs/json.md` documents are those that the commands print."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mock_study
import pytest
from click.testing import CliRunner, Result
from mock_winner import Pretender

import tuner.api
import tuner.runner.launch
import tuner.runner.preloading
from tuner.catalog import TrialState
from tuner.cli.group import tuner as command
from tuner.executors import InlineExecutor
from tuner.storage import open_database
from tuner.storage.sqlite import copy_file

PAGE = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")

TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "whole number": (int,),
    "true or false": (bool,),
    "list": (list,),
    "map": (dict,),
    "object": (dict,),
    "null": (type(None),),
}


def documented(title: str) -> dict[str, str]:
    """Path → type, from the table under a heading of the page."""
    section = PAGE.replace("`\n", "\n").split(f"## `{title}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([\w ]+?) \|", section, re.MULTILINE))


def walk(value: Any, kinds: dict[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path of a document with its value; what is documented as a map is not entered."""
    if path and path != "[]" and not path.endswith("[]"):
        yield path, value
    if isinstance(value, dict) and "map" not in kinds.get(path, ""):
        for key, inner in value.items():
            yield from walk(inner, kinds, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                yield from walk(inner, kinds, f"{path}[]")


def is_of(value: Any, kind: str) -> bool:
    """Whether a value is of a documented type ("number or null")."""
    if kind == "true or false":
        return isinstance(value, bool)
    types = tuple(one for name in kind.split(" or ") for one in TYPES[name])
    return isinstance(value, types) and not isinstance(value, bool)


def compare(output: Any, title: str) -> None:
    """Every path that is printed is documented, with its type, and the other way round."""
    kinds = documented(title)
    found = list(walk(output, kinds))
    assert {path for path, _ in found} == set(kinds)
    wrong = [f"{path} is {value!r}, not {kinds[path]}" for path, value in found if not is_of(value, kinds[path])]
    assert not wrong


BEGINS_WITH_OLDER = """
model = "models/mlp.py"
[data]
source = "iris"
[search]
optimizer = ["sgd", "adam"]
l2 = { choices = [0.0, 0.1], when = { optimizer = ["adam"] } }
[sampler]
from = ["older"]
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a study of complete and diverged trials."""
    folder = tmp_path_factory.mktemp("json")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(folder, name="older", budget={"trials": 1, "epochs": 1}), database)
    spec = mock_study.spec_of(
        folder,
        budget={"trials": 8, "epochs": 2},
        sampler={"from": ["older"], "initial_points": [{"learning_rate": 0.5}]},
    )
    mock_study.run(spec, database, diverges_above=0.01)
    return database.url


def call(*arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--json"])


def printed(*arguments: str) -> Any:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_show(url):
    output = printed("show", "mock", "--storage", url)
    compare(output, "tuner show --json")
    assert list(output["counts"]) == list(TrialState)
    assert {"complete", "diverged"} <= {trial["state"] for trial in output["trials"]}


def test_show_trial(url):
    whole = printed("show", "mock", "--storage", url)
    best = whole["best"]["trial"]
    output = printed("show", "mock", "--trial", str(best), "--storage", url)
    compare(output, "tuner show --trial --json")
    assert output["trial"] == whole["trials"][best]
    assert len(output["epochs"]) == output["trial"]["epochs"]


def test_run_prints_what_show_prints(tmp_path, monkeypatch, url):
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    monkeypatch.setattr(tuner.runner.preloading, "start_fork_server", lambda *_: None)
    (tmp_path / "new.toml").write_text(BEGINS_WITH_OLDER, encoding="utf-8")
    output = printed("run", str(tmp_path / "new.toml"), "--trials", "2", "--epochs", "1", "--storage", url)
    compare(output, "tuner show --json")
    assert output == printed("show", "new", "--storage", url)


def test_best(url):
    compare(printed("best", "mock", "--storage", url), "tuner best --json")


def test_front(url):
    output = printed("best", "mock", "--front", "weights", "--storage", url)
    compare(output, "tuner best --front --json")
    assert output["trials"][-1]["trial"] == printed("best", "mock", "--storage", url)["trial"]
    table = CliRunner().invoke(command, ["best", "mock", "--front", "multiply_adds", "--storage", url]).stdout
    assert table.splitlines()[0].split()[:4] == ["trial", "accuracy", "weights", "multiply-adds"]


def test_front_of_times_that_were_not_measured(url):
    given = ["best", "mock", "--front", "predict_ms", "--storage", url]
    assert printed(*given)["trials"] == []
    assert "No complete trial of mock has a known time to predict." in CliRunner().invoke(command, given).stdout


def test_front_of_networks_whose_size_is_not_known(url, tmp_path):
    copy, _ = copy_file(Path(url.removeprefix("sqlite:///")), tmp_path / "t.db")
    with sqlite3.connect(copy) as connection:
        connection.execute(
            "UPDATE OR REPLACE trial_user_attributes SET key = 'predict_times', value_json = ? "
            "WHERE key = 'network_size'",
            ['{"one_row_ms": 1.0, "batch_ms": 2.0}'],
        )
    connection.close()
    given = ["best", "mock", "--front", "predict_ms", "--storage", f"sqlite:///{copy}"]
    shown = CliRunner().invoke(command, given, catch_exceptions=False)
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (0, 3)


def test_compare(url):
    compare(printed("compare", "mock", "--storage", url), "tuner compare --json")
    output = printed("compare", "mock", "--by", "optimizer", "--by", "learning_rate", "--storage", url)
    compare(output, "tuner compare --by DIMENSION --json")


def test_refine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    database = open_database(f"sqlite:///{tmp_path}/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 15, "epochs": 1}), database)
    output = printed("refine", "mock", "-o", "fine.toml", "--storage", database.url)
    output["changes"].append({**output["changes"][0], "after": None})
    compare(output, "tuner refine --json")


def test_train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuner.api, "LocalExecutor", Pretender)
    database = open_database(f"sqlite:///{tmp_path}/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(tmp_path, budget={"trials": 8, "epochs": 5}), database)
    output = printed("train", "mock", "-o", "best.keras", "--storage", database.url)
    assert output["verdict"] == "winner"
    compare(output, "tuner train --json")


def test_export(url):
    result = CliRunner().invoke(command, ["export", "mock", "--storage", url])
    compare(json.loads(result.stdout), "tuner export --format json")


def test_list(url):
    compare(printed("list", "--storage", url), "tuner list --json")


def test_check_of_a_good_file_and_of_a_bad_one(tmp_path, monkeypatch, url):
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    monkeypatch.setattr(tuner.runner.preloading, "start_fork_server", lambda *_: None)
    bad = tmp_path / "bad.toml"
    bad.write_text('model = "models/mpl.py"\n[data]\nsource = "digits"\n', encoding="utf-8")
    refused = call("check", str(bad))
    assert refused.exit_code == 2
    output = json.loads(refused.stdout)
    assert output["ok"] is False
    assert output["problems"]
    good = printed("check", "studies/digits.toml")
    assert (good["ok"], good["tried"]) == (True, None)
    new = tmp_path / "new.toml"
    new.write_text(BEGINS_WITH_OLDER, encoding="utf-8")
    good = printed("check", str(new), "--train", "--storage", url)
    compare({**good, "problems": output["problems"]}, "tuner check --json")
    assert set(output) == {"file", "ok", "problems"}


def test_schema():
    output = json.loads(CliRunner().invoke(command, ["schema"]).stdout)
    named = re.search(r"It has the keys (.*?), and says", PAGE.replace("\n", " "))
    assert named is not None
    assert set(re.findall(r"`([^`]+)`", named.group(1))) <= set(output)


def test_every_command_with_json_is_documented():
    with_json = set()
    for name in command.list_commands(None):
        found = command.get_command(None, name)
        if any("--json" in parameter.opts for parameter in found.params):
            with_json.add(name)
    assert with_json == set(re.findall(r"`?tuner (\w+) --json", PAGE))
