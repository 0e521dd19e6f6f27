"""What of a project is sent to the workers of a cluster."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tuner.errors import WorkerError
from tuner.executors.ray import project_archive
from tuner.executors.ray.project_archive import digest, pack, unpack


def write(project: Path, *names: str) -> None:
    """Make files, each with its name as content."""
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)


def sent(project: Path, *named: str) -> set[str]:
    """Names in the archive."""
    with tarfile.open(fileobj=io.BytesIO(pack(project, named))) as tar:
        return set(tar.getnames())


SECRETS = (".env", ".env.local", "sub/.env", ".git/config", "runs/tuner.db", ".venv/bin/python", "a/__pycache__/b.pyc")


def test_secrets_and_what_nobody_needs_stay(tmp_path: Path) -> None:
    write(tmp_path, "study.toml", "models/a.py", "data/runs/x.csv", *SECRETS)
    assert sent(tmp_path) == {"study.toml", "models/a.py", "data/runs/x.csv"}


def test_what_git_ignores_stays_unless_the_study_names_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(
        tmp_path, "models/a.py", "keys/private.pem", "data/rows.csv", "images/cat/1.png", "data/other.csv", *SECRETS[:1]
    )
    (tmp_path / ".gitignore").write_text("keys\ndata\nimages\n")
    assert sent(tmp_path) == {".gitignore", "models/a.py"}
    found = sent(tmp_path, "data/rows.csv", "images", "digits", "../" + tmp_path.name + "/keys/../models/a.py")
    assert found == {".gitignore", "models/a.py", "data/rows.csv", "images/cat/1.png"}


def test_a_repository_runs_no_program_of_its_configuration(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, "a.py")
    program = f"touch {tmp_path / 'was-run'}"
    subprocess.run(["git", "-C", str(tmp_path), "config", "core.fsmonitor", program], check=True)
    assert sent(tmp_path) == {"a.py"}
    assert not (tmp_path / "was-run").exists()


def test_without_git_all_others_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, "a.py", ".env")
    (tmp_path / ".gitignore").write_text("a.py\n")
    monkeypatch.setenv("PATH", "/nowhere")
    assert sent(tmp_path) == {".gitignore", "a.py"}


def test_nothing_outside_is_sent_but_by_a_link_of_the_project(tmp_path: Path) -> None:
    write(tmp_path, "project/a.py", "elsewhere/rows.csv", "elsewhere/.env")
    project = tmp_path / "project"
    (project / "data").symlink_to(tmp_path / "elsewhere")
    (project / "data" / "round").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(project / "pipe")
    found = sent(project, "../elsewhere/rows.csv", str(tmp_path / "elsewhere"))
    assert found == {"a.py", "data/rows.csv"}


def test_a_copy_has_every_byte_and_odd_names(tmp_path: Path) -> None:
    project, copy = tmp_path / "a project?", tmp_path / "copy"
    copy.mkdir()
    names = ("größe #1%.csv", "with space/\u202ename.py", os.fsdecode(b"\xff\xfe.txt"))
    write(project, *names[:2])
    (project / names[2]).write_bytes(bytes(range(256)))
    archive = pack(project)
    unpack(archive, digest(archive), copy)
    for name in names:
        assert (copy / name).read_bytes() == (project / name).read_bytes()


def test_another_archive_is_not_unpacked(tmp_path: Path) -> None:
    write(tmp_path, "project/a.py")
    archive = pack(tmp_path / "project")
    copy = tmp_path / "copy"
    copy.mkdir()
    with pytest.raises(WorkerError, match="must be the one that was sent"):
        unpack(archive[:-1] + b"x", digest(archive), copy)
    assert list(copy.iterdir()) == []


def test_a_large_project_is_refused_before_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(project_archive.MAX_BYTES + 1)
    with pytest.raises(WorkerError, match=r"At most 500 MiB .* huge\.bin \(500 MiB\).*every node can read"):
        pack(tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    (tmp_path / "a.py").chmod(0)
    with pytest.raises(WorkerError, match=r"readable.*a\.py"):
        pack(tmp_path)
