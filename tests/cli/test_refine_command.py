"""`tuner refine` writes a study file, and over none."""

from __future__ import annotations

import mock_study
import pytest
from click.testing import CliRunner

from tuner.cli.group import tuner as command
from tuner.errors import UsageError
from tuner.storage import open_database


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refine")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    spec = mock_study.spec_of(folder, sampler={"name": "random"}, budget={"trials": 40, "epochs": 1})
    mock_study.run(spec, database)
    return database.url


def call(url, *arguments):
    return CliRunner().invoke(command, ["refine", "mock", "--storage", url, *map(str, arguments)])


def test_the_file_passes_check(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(url, "-o", "fine.toml")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "Wrote fine.toml: study mock_fine, around the best 8 of 40 trials"
    checked = CliRunner().invoke(command, ["check", "fine.toml"])
    assert checked.exit_code == 0, checked.output


def test_a_file_that_is_there_is_kept_unless_forced(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine.toml").write_text("mine", encoding="utf-8")
    refused = call(url, "-o", "fine.toml")
    assert isinstance(refused.exception, UsageError)
    assert (tmp_path / "fine.toml").read_text(encoding="utf-8") == "mine"
    assert call(url, "-o", "fine.toml", "--force", "--top", "0.5").exit_code == 0
    assert "20 of 40" in (tmp_path / "fine.toml").read_text(encoding="utf-8")


def test_it_writes_toml_only(url, tmp_path):
    refused = call(url, "-o", tmp_path / "fine.yaml")
    assert isinstance(refused.exception, UsageError)
    assert "Use a name that ends in .toml" in str(refused.exception)
