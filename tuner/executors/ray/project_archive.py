"""The project folder as an archive with a hash, for the workers of a cluster."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner.errors import WorkerError

LEFT_OUT = (
    ".env*",
    ".git",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
)
"""Names of files and folders that are not sent unless the study names them; nor is `runs` of the project."""
MAX_BYTES = 500 << 20

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*")
"""Without the file system monitor that the configuration of a repository may run."""


def pack(project: Path, named: Sequence[str] = ()) -> bytes:
    """Read the project folder into an archive.

    Left out are `LEFT_OUT`, `runs`, and in a git repository what git ignores.

    Args:
        project: The folder.
        named: Files and folders that always go, relative to it: what the study names.  One outside is not sent.

    Raises:
        WorkerError: It is too large, or a file cannot be read.
    """
    project = project.resolve()
    files: dict[str, Path] = {}
    for path in [*_files(project), *(Path(os.path.normpath(project / name)) for name in named)]:
        if path.is_relative_to(project):
            files |= {file.relative_to(project).as_posix(): file for file in _below(path)}
    try:
        sizes = {name: path.stat().st_size for name, path in files.items()}
        _check_size(sizes)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in sorted(files):
                with files[name].open("rb") as content:
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = os.fstat(content.fileno()).st_size, 0o600
                    tar.addfile(entry, content)
    except OSError as error:
        raise WorkerError(
            f"Every file of the project must be readable to be sent to the workers, but: {error}. Change its "
            "permissions, or move it out of the project."
        ) from error
    return archive.getvalue()


def digest(archive: bytes) -> str:
    """SHA-256 of an archive, hexadecimal."""
    return hashlib.sha256(archive).hexdigest()


def unpack(archive: bytes, expected: str, folder: Path) -> None:
    """Verify the hash of an archive and extract it into a folder.

    Raises:
        WorkerError: The archive is not the one that was sent.
    """
    found = digest(archive)
    if found != expected:
        raise WorkerError(
            f"The copy of the project must be the one that was sent, but its sha256 is {found[:12]} and not "
            f"{expected[:12]}: somebody on the cluster may have changed it. None of it was run."
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def _check_size(sizes: dict[str, int]) -> None:
    total = sum(sizes.values())
    if total > MAX_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise WorkerError(
            f"At most {MAX_BYTES >> 20} MiB of the project are sent to the workers, but it has {total >> 20} MiB; the "
            f"largest file is {largest} ({sizes[largest] >> 20} MiB). Move large files out of the project folder, to "
            "a path that every node can read."
        )


def _files(project: Path) -> Iterator[Path]:
    """Yield the files and folders of a project that are sent without being named."""
    tracked = _known_to_git(project)
    for path in project.iterdir() if tracked is None and project.is_dir() else tracked or ():
        parts = path.relative_to(project).parts
        if parts[0] != "runs" and not any(map(_left_out, parts)):
            yield path


def _known_to_git(project: Path) -> list[Path] | None:
    """Return what git does not ignore; None if it is not a repository, or git is not installed."""
    command = [*_GIT, "-C", str(project), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else [project / os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _below(path: Path) -> Iterator[Path]:
    """Yield the file itself, or the files of the folder; links are followed, each folder once."""
    if path.is_file():
        yield path
        return
    seen: set[str] = set()
    for root, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else [name for name in folders if not _left_out(name)]
        if real not in seen:
            yield from (file for name in names if not _left_out(name) and (file := Path(root, name)).is_file())
        seen.add(real)


def _left_out(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_OUT)
