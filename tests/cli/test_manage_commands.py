"""`tuner rm`, `rename`, `stop` and `run --restart`."""

from __future__ import annotations

import optuna
import pytest

from tuner.storage import open_read_only, study_names


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
    assert "starts with a letter or digit, and does not end in a space, but got 'a/b'" in refused.err

    assert "but got 'before '" in call("rename", "before", "before ").err, "a name that nobody can see, or type"

    refused = call("rm", "before")
    assert refused.code == 2
    assert "Add --yes" in refused.err
    assert call("rm", "before", "--yes").out == "deleted 'before' with 2 trials\n"
    assert names(project) == ["first"]
    assert call("rm", "befor", "--yes").code == 2


def test_what_does_not_run_is_not_stopped(call, project, study):
    assert call("stop", "first").out == "'first' is not running\n"
    optuna.create_study(storage=f"sqlite:///{project}/runs/tuner.db", study_name="plain")
    said = call("stop", "plain")
    assert (said.code, said.out) == (0, "'plain' is not running\n"), "it was said to be deleted"
