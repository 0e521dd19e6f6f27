"""The command as a process, with real training: pipes, signals, terminals, two at once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_study import (
    PATIENCE_S,
    STUDY,
    call,
    children,
    command,
    environment,
    eventually,
    plain,
    started,
    stored,
    workers,
    write_study,
)

from tuner.runner.progress import count_finished
from tuner.storage.lease import process_start

HELD = STUDY.replace("[search]", '[search]\nloop = "held.py:train"').replace("trials = 4", "trials = 300")
"""More trials than there is time for; they do not go on after their second epoch while there is a file `hold`."""

LOOP = """
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf


def train(model, recipe, data, report):
    optimizer, loss_of = recipe.optimizer(), recipe.loss()
    for epoch in range(1, recipe.epochs + 1):
        with tf.GradientTape() as tape:
            loss = loss_of(data.train.y, model(data.train.x, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        report(epoch, loss=loss)
        while epoch == 2 and Path("hold").exists():
            time.sleep(0.02)
"""


@pytest.mark.parametrize(
    "arguments",
    [["schema"], ["--help"], ["check", "tiny.toml"], ["check", "tiny.toml", "--json"], ["run", "--help"]],
)
def test_a_reader_that_has_enough(tmp_path: Path, arguments: list[str]) -> None:
    """`tuner … | head`: no message, and no failure."""
    write_study(tmp_path)
    with subprocess.Popen(
        command(*arguments), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_garbage_collector_has_nothing_to_do_at_the_end() -> None:
    says = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 10_000))"
    code = f"{says}; import sys; from tuner.cli import main; sys.argv = ['tuner', 'schema']; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_objects_of_a_data_function_are_finished_at_the_end(tmp_path: Path) -> None:
    """Also those in a cycle, which the last collection finds."""
    (tmp_path / "rows.py").write_text(
        "import numpy as np\n"
        "class Log:\n"
        "    def __init__(self): self.file, self.own = open('log.txt', 'w'), self.write\n"
        "    def write(self, text): self.file.write(text)\n"
        "LOG = Log()\n"
        "def load():\n"
        "    LOG.own('rows were read')\n"
        "    return np.random.default_rng(0).random((60, 4)), np.arange(60) % 2\n",
        encoding="utf-8",
    )
    write_study(tmp_path, STUDY.replace('"iris"', '"rows.py:load"'))
    subprocess.run([*command("check", "tiny.toml")], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    assert "rows were read" in (tmp_path / "log.txt").read_text()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A project whose study has run to its end."""
    project = tmp_path_factory.mktemp("finished")
    return project, call("run", str(write_study(project)), "--workers", "2", cwd=project)


@pytest.mark.slow
def test_a_run_from_its_start_to_its_best(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    project, done = finished
    assert done.returncode == 0, done.stderr
    assert "Study tiny: all trials are done." in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0] == "importing TensorFlow in 2 workers …"
    assert re.match("[01]/4 trials", lines[1]), "the first trial may end before the second line on a busy machine"
    assert all(re.match(r"\d/4 trials, .* \| .* \| (best accuracy|no complete)", line) for line in lines[1:]), lines
    content = stored(project)
    assert content is not None
    assert count_finished(content["counts"]) == 4 == len(content["trials"])
    assert {row["engine"] for row in content["trials"]} == {"compiled"}, "what `auto` took"
    best = json.loads(call("best", "tiny", "--json", cwd=project).stdout)
    assert best["recipe"]["model"]["reference"] == "models/mlp.py:build"
    assert best["value"] == content["best"]["value"] > 0.3


@pytest.mark.slow
def test_running_it_again_trains_nothing(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    project, _ = finished
    before = stored(project)
    again = call("run", "tiny.toml", "--json", cwd=project)
    assert again.returncode == 0
    assert again.stderr == ""
    after = json.loads(again.stdout)
    assert before is not None
    assert {**after, "wall_s": 0} == {**before, "wall_s": 0}


class Terminal:
    """A pseudo-terminal with a command on it."""

    def __init__(self, columns: int, *arguments: str, cwd: Path) -> None:
        mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.fd, self.text = mine, ""
        self.process = subprocess.Popen(
            command(*arguments), cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs,
            env=environment(TERM="xterm"), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)

    def read_until(self, pattern: str | None) -> str:
        """Read until something is there, or to the end; all that was read, without codes."""
        deadline = time.monotonic() + PATIENCE_S
        while pattern is None or not re.search(pattern, plain(self.text)):
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # the other side has closed it
                assert pattern is None, f"{pattern!r} never came: {plain(self.text)[-500:]}"
                break
            assert time.monotonic() < deadline
        return plain(self.text)

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A project with a study whose trials can be held."""
    write_study(tmp_path, HELD)
    (tmp_path / "held.py").write_text(LOOP, encoding="utf-8")
    return tmp_path


def hold(project: Path, running: int, finished_before: int) -> None:
    """Wait until this run has finished a trial; then let so many trials stand still after their second epoch."""
    eventually(lambda: (content := stored(project)) and count_finished(content["counts"]) > finished_before)
    (project / "hold").touch()
    eventually(
        lambda: [row["epochs"] for row in stored(project)["trials"] if row["state"] == "running"] == [2] * running
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ctrl_c_once_on_a_narrow_terminal(held: Path) -> None:
    terminal = Terminal(40, "run", "tiny.toml", "--workers", "2", cwd=held)
    terminal.read_until(r"best accuracy 0\.\d+")
    hold(held, 2, 0)
    before = stored(held)
    terminal.type(b"\x03")
    terminal.read_until(r"Finishing\s+2\s+running\s+trials")
    (held / "hold").unlink()
    text = terminal.read_until(None)
    assert terminal.process.wait(PATIENCE_S) == 130
    assert "Finishing 2 running trials; press Ctrl-C again" in " ".join(text.split())
    assert "interrupted; the same command" in " ".join(text.split())
    lines = [line for part in text.split("\n") for line in part.split("\r")]
    assert [line for line in lines if len(line) > 40] == []
    content = stored(held)
    assert before is not None
    assert content is not None
    assert content["counts"]["running"] == content["counts"]["failed"] == 0
    assert all(row["state"] != "waiting" or row["epochs"] == 0 for row in content["trials"])
    assert count_finished(content["counts"]) == count_finished(before["counts"]) + 2, "what ran was cut off"
    assert "Traceback" not in text


@contextlib.contextmanager
def on_hangup(action: signal.Handlers) -> Iterator[None]:
    """Start processes that take a hangup so, whether or not these tests were started by nohup."""
    before = signal.signal(signal.SIGHUP, action)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_terminal_that_is_closed(held: Path) -> None:
    """It ends the run as SIGTERM does; a run that ignores the hangup, as with nohup, continues without its terminal."""
    with on_hangup(signal.SIG_DFL):
        terminal = Terminal(80, "run", "tiny.toml", "--workers", "1", cwd=held)
    terminal.read_until(r"best accuracy 0\.\d+")
    hold(held, 1, 0)
    os.close(terminal.fd)
    assert terminal.process.wait(PATIENCE_S) == 130
    (held / "hold").unlink()
    content = stored(held)
    assert content is not None
    assert content["counts"]["running"] == content["counts"]["failed"] == 0
    assert content["counts"]["waiting"] == 1
    trials = count_finished(content["counts"]) + 2
    with on_hangup(signal.SIG_IGN):
        terminal = Terminal(80, "run", "tiny.toml", "--workers", "1", "--trials", str(trials), cwd=held)
    terminal.read_until(r"best accuracy 0\.\d+")
    os.close(terminal.fd)
    assert terminal.process.wait(PATIENCE_S) == 0
    content = stored(held)
    assert content is not None
    assert count_finished(content["counts"]) == len(content["trials"]) == trials


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_signals_and_then_the_same_command(held: Path) -> None:
    """Ctrl-C twice and SIGTERM stop at once, SIGKILL at any time; then it goes on to the exact end."""
    kept: dict[int, float] = {}
    stops = [(2, [signal.SIGINT, signal.SIGINT]), (1, [signal.SIGTERM]), (1, [signal.SIGKILL])]
    for count, stop in stops:
        with started("run", "tiny.toml", "--workers", str(count), cwd=held) as process:
            hold(held, count, len(kept))
            started_by, trained_by = children(process.pid), workers(process.pid)
            assert len(trained_by) == count
            if signal.SIGTERM in stop:
                seen = json.loads(call("show", "tiny", "--json", cwd=held).stdout)
                assert seen["counts"]["running"] == count, "another process sees what runs"
            for number in stop:
                os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
                time.sleep(0.5)  # two signals at once would count as one
            code = process.wait(PATIENCE_S)
            assert code == (-signal.SIGKILL if signal.SIGKILL in stop else 130)
        eventually(lambda pids=(*started_by, *trained_by): not any(process_start(pid) for pid in pids))
        (held / "hold").unlink()
        content = stored(held)
        assert content is not None
        assert content["counts"]["running"] == content["counts"]["failed"] == 0
        assert count_finished(content["counts"]) + content["counts"]["waiting"] == len(content["trials"])
        assert content["counts"]["waiting"] >= count, "it did not stop at once"
        values = {row["number"]: row["value"] for row in content["trials"] if row["state"] in ("complete", "pruned")}
        assert {number: values.get(number) for number in kept} == kept, "a finished trial has changed or is gone"
        kept = values
    trials = len(kept) + 3
    done = call("run", "tiny.toml", "--workers", "1", "--trials", str(trials), "--json", cwd=held)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert count_finished(content["counts"]) == trials
    assert content["counts"]["running"] == content["counts"]["failed"] == 0
    now = {row["number"]: row["value"] for row in content["trials"]}
    assert {number: now[number] for number in kept} == kept


TIMES = ("duration_s", "predict_ms", "predict_256_ms")
"""What a trial is measured to take, each time anew."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_seed_gives_the_same_study(
    finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """One worker, real training, the default pruner: identical parameters and values."""
    write_study(tmp_path)
    rows = []
    for name in ("a", "b"):
        done = call(
            "run", "tiny.toml", "--workers", "1", "--trials", "6", "--epochs", "9", "--json",
            "--storage", f"sqlite:///{name}.db", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)["trials"]
        rows.append([{**row, **dict.fromkeys(TIMES)} for row in found])
    assert len(rows[0]) == 6
    assert rows[0] == rows[1]
