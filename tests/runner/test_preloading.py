"""TensorFlow is imported for the workers before the study is read, where it will be needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mock_study
import numpy as np
import pytest
from real_study import PATIENCE_S, STUDY, command, environment, eventually, write_study

import tuner.runner.preloading
from tuner.executors import cores
from tuner.executors.forked_workers import can_fork
from tuner.executors.inline import InlineExecutor
from tuner.runner.preloading import preload_workers
from tuner.runner.study_runner import StudyRunner
from tuner.storage import default_url, open_database
from tuner.study import read_study

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not can_fork(), reason="workers are not forked here")

COUNTING = """
import sys
from tuner.executors import forked_workers
start = forked_workers.ForkServerConnection.__init__
def counted(self, *arguments):
    print("A server starts.", file=sys.stderr)
    start(self, *arguments)
forked_workers.ForkServerConnection.__init__ = counted
from tuner.cli import main
sys.argv = ["tuner", *sys.argv[1:]]
main()
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], str]]:
    """Environment and folder of each server that would be started."""
    found: list[tuple[dict[str, str], str]] = []
    monkeypatch.setattr(tuner.runner.preloading, "start_fork_server", lambda *given: found.append(given))
    for name in ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    return found


def preload(file: Path | str, **given: Any) -> None:
    rest = {"name": None, "storage": None, "trials": None, "workers": None, "restart": False}
    preload_workers(str(file), **{**rest, **given})


def test_its_variables_are_guessed_from_the_file(started: list[tuple[dict[str, str], str]], tmp_path: Path) -> None:
    preload(write_study(tmp_path))
    preload(write_study(tmp_path, STUDY.replace("[data]", "workers = 1\n[data]")))
    preload(tmp_path / "tiny.toml", workers=1000)
    np.savez(tmp_path / "rows.npz", x=np.zeros((5, 8, 8)), y=np.zeros(5))
    preload(write_study(tmp_path, STUDY.replace('"iris"', '"rows.npz"')))
    preload(write_study(tmp_path, STUDY.replace('"iris"', '"rows.npz"\nshape = [64]')))
    preload(write_study(tmp_path, STUDY.replace('"iris"', '"data.csv"\nshape = [8, 8]')))
    assert {folder for _, folder in started} == {str(tmp_path)}
    assert [found["OMP_NUM_THREADS"] for found, _ in started[:3]] == ["1", str(cores()), "1"]
    assert [found["TF_ENABLE_ONEDNN_OPTS"] for found, _ in started[2:]] == ["0", "1", "0", "1"]


@pytest.mark.parametrize("text", [None, "", "= 1"])
def test_none_starts_for_what_is_no_study(
    started: list[tuple[dict[str, str], str]], tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "none.toml" if text is None else write_study(tmp_path, text)
    preload(file)
    assert not started


def test_none_starts_where_workers_cannot_be_forked(
    started: list[tuple[dict[str, str], str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuner.runner.preloading, "can_fork", lambda: False)
    preload(write_study(tmp_path))
    assert not started


def test_none_starts_for_a_study_that_has_all_its_trials(
    started: list[tuple[dict[str, str], str]], tmp_path: Path
) -> None:
    file = write_study(tmp_path)
    database = open_database(default_url(tmp_path), create=True)
    StudyRunner(read_study(file), database, InlineExecutor(mock_study.trainer)).run()
    database.close()
    preload(file)
    preload(file, trials=3)
    assert not started
    for more in ({"trials": 5}, {"restart": True}, {"name": "fork"}, {"storage": f"sqlite:///{tmp_path}/other.db"}):
        preload(file, **more)
    assert len(started) == 4


def run(folder: Path, *arguments: str) -> tuple[int, str, int]:
    """Run `tuner run`: its exit code, what it prints on standard error, and how many servers it starts."""
    call = [sys.executable, "-c", COUNTING, "run", "tiny.toml", *arguments]
    done = subprocess.run(
        call, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    lines = done.stderr.splitlines(keepends=True)
    said = "".join(line for line in lines if line != "A server starts.\n")
    return done.returncode, said, len(lines) - len(said.splitlines())


@pytest.mark.slow
def test_workers_are_forked_from_it(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert run(tmp_path, "-q", "--workers", "1", "--trials", "1") == (0, "", 1)
    assert run(tmp_path, "-q", "--workers", "1", "--trials", "1") == (0, "", 0)


@pytest.mark.slow
def test_workers_are_forked_from_another_one_if_the_guess_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.py").write_text(
        "import numpy as np\ndef load(): return np.random.default_rng(0).random((60, 4, 4)), np.arange(60) % 2\n",
        encoding="utf-8",
    )
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    write_study(tmp_path, STUDY.replace('"iris"', '"rows.py:load"'))
    assert run(tmp_path, "-q", "--workers", "1", "--trials", "1") == (0, "", 2)


def test_it_ends_quietly_with_an_error(tmp_path: Path) -> None:
    write_study(tmp_path, STUDY.replace('"iris"', '"irsi"'))
    code, said, servers = run(tmp_path)
    assert (code, servers) == (2, 1)
    assert said.startswith("tuner: tiny.toml: 1 problem")


def marked(mark: str) -> list[int]:
    """Process ids of those that have a variable of this value in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("delay_s", [0.03, 0.1, 0.2, 0.5, 1.0])
def test_nothing_is_left_by_a_run_that_ends_early(tmp_path: Path, number: signal.Signals, delay_s: float) -> None:
    write_study(tmp_path)
    mark = f"{tmp_path} {os.getpid()} {number} {delay_s}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    heeding = "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [
            sys.executable,
            "-S",
            "-c",
            heeding,
            *command("run", "tiny.toml"),
        ],  # tests that nohup runs ignore SIGINT
        cwd=tmp_path,
        env=environment(MARK=mark),
        process_group=0,
        **quiet,
    ) as process:
        time.sleep(delay_s)
        os.killpg(process.pid, number)
        assert process.wait(PATIENCE_S) != 0
    eventually(lambda: not marked(mark))
