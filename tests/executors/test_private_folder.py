"""Folders that only their owner can enter, and a Ray's folder and token in one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tuner.executors.private_folder import PrivateFolder
from tuner.executors.ray import ray_credentials
from tuner.executors.ray.ray_credentials import RaySession, close_token_file


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


def age(folder: PrivateFolder) -> None:
    """Make it look as if it was made an hour ago."""
    before = time.time() - 3600
    os.utime(folder.path / "in-use", (before, before))


def test_it_is_private_whatever_the_umask_and_goes_with_all_in_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = PrivateFolder(tmp_path)
    finally:
        os.umask(before)
    assert mode(folder.path) == 0o700
    (folder.path / "below").mkdir()
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left, held, young = PrivateFolder(tmp_path), PrivateFolder(tmp_path), PrivateFolder(tmp_path)
    for folder in (left, held):
        age(folder)
    os.close(left._lock)
    os.close(young._lock)
    last = PrivateFolder(tmp_path)
    assert set(tmp_path.iterdir()) == {held.path, young.path, last.path}


def test_a_link_in_the_place_of_one_is_left_alone(tmp_path: Path) -> None:
    mine = PrivateFolder(tmp_path)
    age(mine)
    os.close(mine._lock)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tuner-link").symlink_to(mine.path)
    PrivateFolder(tmp_path / "other")
    assert mine.path.is_dir()


class _Ray:
    """Ray's memory of its token."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []
        loader = SimpleNamespace(reset_cache=lambda: self.seen.append(os.environ.get("RAY_AUTH_TOKEN_PATH")))
        self._raylet = SimpleNamespace(AuthenticationTokenLoader=SimpleNamespace(instance=lambda: loader))


@pytest.fixture
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ray_credentials, "_MAX_PARENT", 1000)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))


@pytest.mark.usefixtures("_plain")
def test_a_ray_of_our_own_has_a_token_that_only_its_owner_reads(tmp_path: Path) -> None:
    ray = _Ray()
    session = RaySession(ray)
    token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
    assert mode(token) == 0o600
    assert len(token.read_text()) == 64
    assert mode(Path(session.temp_dir).parent) == 0o700
    assert Path(session.temp_dir).is_relative_to(tmp_path)
    session.close()
    session.close()
    assert ray.seen == [str(token), None], "Ray would go on with the first token"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_plain")
def test_a_token_that_a_person_gave_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "theirs")
    ray = _Ray()
    RaySession(ray).close()
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    assert ray.seen == []


def test_the_path_is_short_enough_for_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp/" + "long/" * 20)
    socket = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store.sock"
    assert len(f"{ray_credentials._parent()}/tuner-12345678/ray/{socket}") <= 107
    monkeypatch.setenv("RAY_TMPDIR", "/" + "x" * (ray_credentials._MAX_PARENT - 1))
    assert len(f"{ray_credentials._parent()}/tuner-12345678/ray/{socket}") <= 103


def test_the_token_of_a_cluster_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    close_token_file()  # there is none
    (tmp_path / ".ray").mkdir()
    token = tmp_path / ".ray" / "auth_token"
    token.write_text("x" * 32)
    token.chmod(0o644)
    close_token_file()
    assert mode(token) == 0o600
