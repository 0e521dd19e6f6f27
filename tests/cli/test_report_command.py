"""`tuner report` writes one page, over none, and says in one line what it wrote."""

from __future__ import annotations

import resource

import pytest
from click.testing import CliRunner

from tuner.cli import browser
from tuner.cli.group import tuner as command
from tuner.errors import StorageError, StudyNotFoundError, UsageError


def call(url, *arguments):
    return CliRunner().invoke(command, ["report", *map(str, arguments), "--storage", url])


def test_one_page_and_one_line(study_url, tmp_path):
    file = tmp_path / "out.html"
    result = call(study_url, "mock", "-o", file)
    assert result.exit_code == 0, result.output
    (line,) = result.output.splitlines()
    assert line.startswith(f"Wrote {file}: study mock, 20 trials; ")
    assert line.endswith(f"{file.stat().st_size / 1e6:.1f} MB")
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("screen", [True, False])
def test_it_has_the_name_of_the_study_and_opens_where_there_is_a_screen(study_url, tmp_path, monkeypatch, screen):
    opened: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(browser.webbrowser, "open", opened.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")
    result = call(study_url, "mock", "--open")
    page = tmp_path / "mock.html"
    assert page.is_file()
    assert opened == ([page.as_uri()] if screen else [])
    assert ("no screen" in result.output) == (not screen)


def test_a_file_that_is_there_is_kept_unless_forced(study_url, tmp_path):
    file = tmp_path / "out.html"
    file.write_text("mine", encoding="utf-8")
    refused = call(study_url, "mock", "-o", file)
    assert isinstance(refused.exception, UsageError)
    assert "--force" in str(refused.exception)
    assert file.read_text(encoding="utf-8") == "mine"
    assert call(study_url, "mock", "-o", file, "--force").exit_code == 0
    assert file.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("mok", "-o", "out.html"), StudyNotFoundError, "Did you mean 'mock'"),
        (("mock", "-o", "out.pdf"), UsageError, "Use a name that ends in .html"),
        (("mock", "-o", "absent/out.html"), UsageError, "but absent does not"),
    ],
)
def test_wrong_input_writes_nothing(study_url, tmp_path, monkeypatch, arguments, error, says):
    monkeypatch.chdir(tmp_path)
    result = call(study_url, *arguments)
    assert isinstance(result.exception, error)
    assert says in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_without_a_database_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(call(f"sqlite:///{tmp_path}/none.db", "mock", "-o", "out.html").exception, StorageError)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_page_that_was_there_and_no_half_of_another(study_url, tmp_path):
    file = tmp_path / "out.html"
    file.write_text("mine", encoding="utf-8")
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most[1]))
    try:
        kept, new = (call(study_url, "mock", "-o", one, "--force") for one in (file, tmp_path / "new.html"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert "cannot be written: File too large" in str(kept.exception)
    assert "cannot be written: File too large" in str(new.exception)
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]
    assert file.read_text(encoding="utf-8") == "mine"
