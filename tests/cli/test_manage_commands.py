"""`tuner rm`, `rename`, `stop` and `run --restart`."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import optuna
import pytest

from tuner.storage import FINGERPRINT, open_database, open_read_only, rename_study, study_names


@pytest.fixture
def study(call, project):
    call("new", ".")
    file = project / "studies" / "first.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("trials = 30", "trials = 2"), encoding="utf-8")
    assert call("run", str(file)).code == 0
    return file


def names(project) -> list[str]:
    database = open_read_only(f"sqlite:///{project}/runs/tuner.db")
    try:
        return study_names(database)
    finally:
        database.close()


def test_a_study_is_renamed_run_again_and_deleted(call, project, study):
    said = call("run", str(study), "--restart")
    assert said.code == 0
    assert "The previous study is kept as 'first.1'." in said.err
    assert names(project) == ["first", "first.1"]

    assert call("rename", "first.1", "before").out == "renamed 'first.1' to 'before'\n"
    refused = call("rename", "before", "a/b")
    assert refused.code == 2
    assert "starts with a letter, digit or _, and does not end in a space or like a file" in refused.err
    assert "but got 'a/b'" in refused.err

    assert "but got 'before '" in call("rename", "before", "before ").err, "a name that nobody can see, or type"

    refused = call("rm", "before")
    assert refused.code == 2
    assert "Add --yes" in refused.err
    assert call("rm", "before", "--yes").out == "deleted 'before' with 2 trials\n"
    assert names(project) == ["first"]
    assert call("rm", "befor", "--yes").code == 2


@pytest.mark.parametrize("name", ["first.toml", "a.yaml", "x y.yml", "best.json", "best.keras"])
def test_a_name_that_commands_would_take_for_a_file_is_refused(call, project, study, name):
    refused = call("rename", "first", name)
    assert (refused.code, names(project)) == (2, ["first"])
    assert f"like a file (.toml, .yaml, .yml, .json, .keras), but got '{name}'" in refused.err
    study.write_text(study.read_text(encoding="utf-8").replace('name  = "first"', f'name = "{name}"'), encoding="utf-8")
    refused = call("check", str(study))
    assert (refused.code, f'given:   "{name}"' in refused.err, ".toml, .yaml, .yml" in refused.err) == (2, True, True)


def test_a_name_may_hold_such_an_ending_elsewhere_and_begin_with_a_line(call, project, study):
    for old, new in itertools.pairwise(("first", "_first.toml.2", "toml", "a.tomls")):
        assert call("rename", old, new).code == 0
    assert names(project) == ["a.tomls"]


def test_an_older_study_with_the_name_of_a_file_can_still_be_read(call, project, study):
    database = open_database(f"sqlite:///{project}/runs/tuner.db", create=False)
    rename_study(database, "first", "first.toml")
    database.close()
    study.write_text(study.read_text(encoding="utf-8").replace('"first"', '"first.toml"'), encoding="utf-8")
    assert "first.toml" in call("list").out
    assert "2 complete" in call("show", str(study)).out
    assert call("report", str(study), "-o", "page.html").code == 0
    assert call("rename", str(study), "second").out == "renamed 'first.toml' to 'second'\n"


def test_a_damaged_study_can_be_renamed_and_deleted(call, project, study):
    database = open_database(f"sqlite:///{project}/runs/tuner.db", create=False)
    database.set_study_attr(1, FINGERPRINT, [1])
    database.close()
    assert call("rename", "first", "second").out == "renamed 'first' to 'second'\n"
    assert call("rm", "second", "--yes").out == "deleted 'second' with 2 trials\n"
    assert names(project) == []


def test_what_does_not_run_is_not_stopped(call, project, study):
    assert call("stop", "first").out == "'first' is not running\n"
    optuna.create_study(storage=f"sqlite:///{project}/runs/tuner.db", study_name="plain")
    said = call("stop", "plain")
    assert (said.code, said.out) == (0, "'plain' is not running\n"), "it was said to be deleted"


@pytest.mark.slow
def test_the_study_of_each_night_begins_with_that_of_the_night_before(call, project):
    """As `docs/data.md` has it."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    page = page[page.index("## Data that grow") :]
    [file, *_] = re.findall(r"^```toml\n# studies/churn.toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [script, *_] = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in script.splitlines() if line.startswith("tuner r")]
    assert [line[1] for line in lines] == ["run", "rename"]
    (project / "studies").mkdir()
    study, file = project / "studies" / "churn.toml", file.replace('time = "30m"', "trials = 2")

    def export(rows: int) -> None:
        days = [f"2025-{number // 28 + 1:02d}-{number % 28 + 1:02d},{number % 7}" for number in range(rows)]
        table = ["day,visits,churned", *(f"{day},{'yes' if day[-1] < '3' else 'no'}" for day in days)]
        (project / "churn.csv").write_text("\n".join(table), encoding="utf-8")

    export(100)
    study.write_text(file[: file.index("[sampler]")], encoding="utf-8")
    assert call("run", "studies/churn.toml").code == 0
    study.write_text(file, encoding="utf-8")
    for night in (1, 2):
        export(100 + 10 * night)
        refused = call("run", "studies/churn.toml")
        assert refused.code == 2
        assert "the content of the data" in refused.err
        assert "--restart" in refused.err
        for _, *arguments in lines:
            assert call(*(word.replace("$(date +%F)", str(night)) for word in arguments)).code == 0
        assert sorted(names(project)) == ["churn", *(f"churn-{before}" for before in range(1, night + 1))]
        assert re.search(r"^First trials: \d settings? of churn\.1\.$", call("show", "churn").out, re.MULTILINE)
