"""A run finds the dashboard of its database."""

from __future__ import annotations

import os

import pytest

from tuner.storage import DashboardFinder, announced_dashboard

URL = "sqlite:////data/tuner.db"
ADDRESS = "http://127.0.0.1:8080/"


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"tuner-dashboards-{os.getuid()}"


def test_it_is_found_while_it_runs():
    assert DashboardFinder(URL).address() is None
    with announced_dashboard(URL, ADDRESS):
        assert DashboardFinder(URL).address() == ADDRESS
        assert DashboardFinder("sqlite:////data/other.db").address() is None
    assert DashboardFinder(URL).address() is None


def test_of_a_killed_one_nothing_is_said(runtime):
    with announced_dashboard(URL, ADDRESS):
        (file,) = runtime.iterdir()
        killed = file.with_suffix(f".{2**22 + 1}")  # above the largest process id
        killed.write_bytes(file.read_bytes())
        file.unlink()
        assert DashboardFinder(URL).address() is None
    assert not killed.exists()


def test_a_new_one_removes_what_killed_ones_left(runtime):
    runtime.mkdir(mode=0o700)
    killed, running = runtime / f"{'a' * 20}.{2**22 + 1}", runtime / f"{'b' * 20}.{os.getppid()}"
    for file in (killed, running):
        file.write_text(ADDRESS, encoding="utf-8")
    with announced_dashboard(URL, ADDRESS):
        assert not killed.exists()
        assert running.exists()
        assert DashboardFinder(URL).address() == ADDRESS


def test_a_folder_that_others_can_write_is_not_read(runtime):
    with announced_dashboard(URL, ADDRESS):
        runtime.chmod(0o777)
        assert DashboardFinder(URL).address() is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"http://a/\x1b[1m", b"[" * 5000])
def test_a_damaged_file_is_passed_over(runtime, content):
    with announced_dashboard(URL, ADDRESS):
        (file,) = runtime.iterdir()
        file.write_bytes(content)
        assert DashboardFinder(URL).address() is None


def test_the_disk_may_be_read_only(runtime):
    runtime.write_text("a file in its place")
    with announced_dashboard(URL, ADDRESS):
        assert DashboardFinder(URL).address() is None
