"""A tiny study with real training, and the `tuner` command as a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuner.errors import StorageError, StudyNotFoundError
from tuner.executors.forked_workers import can_fork
from tuner.results import read_study_results, summary
from tuner.storage import default_url, open_database

PATIENCE_S = 240.0
"""A machine may be busy: waits are long, and nothing is asserted about speed."""

STUDY = """
name = "tiny"
model = "models/mlp.py"
[data]
source = "iris"
[search]
optimizer = ["sgd", "adam"]
learning_rate = { low = 1e-3, high = 1.0, log = true }
activation = ["relu", "tanh"]
[search.model]
units = [4, 8]
[budget]
trials = 4
epochs = 3
"""


def write_study(project: Path, text: str = STUDY) -> Path:
    """The study file in a project folder."""
    file = project / "tiny.toml"
    file.write_text(text, encoding="utf-8")
    return file


def plain(text: str) -> str:
    """The text without the codes that make it bold, move the cursor and so on."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def command(*arguments: str) -> list[str]:
    """The `tuner` command, in this Python."""
    return [sys.executable, "-m", "tuner", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Of the processes: this project's packages, and nothing of the person who runs the tests."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("TUNER_")}
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        mine.pop(name, None)
    return {**mine, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


def call(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `tuner ARGUMENTS` to its end."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@contextlib.contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running `tuner ARGUMENTS`, alone in its process group as a command of a shell is; killed at the end."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(*arguments), cwd=cwd, env=environment(), process_group=0, **quiet) as process:
        try:
            yield process
        finally:
            process.kill()


def stored(project: Path) -> dict[str, Any] | None:
    """What `tuner show --json` would print, read here and now; None while there is no such study."""
    try:
        database = open_database(default_url(project), create=False)
    except StorageError:
        return None
    try:
        return summary(read_study_results(database, "tiny"))
    except StudyNotFoundError:
        return None
    finally:
        database.close()


def eventually(holds: Callable[[], Any]) -> Any:
    """Wait for something to become true, and give it.

    Raises:
        AssertionError: It did not within `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def workers(pid: int) -> list[int]:
    """Process ids of the workers of a run: forked by a child of it where that is possible, else its children."""
    started = children(pid)
    return [worker for server in started for worker in children(server)] if can_fork() else started
