"""Inject long faults into a running study, each followed by the same command; then count the results.

    python benchmarks/faults.py [FAULT ...] [--seconds 30]

Faults (all, where none is named): `locked`: another process keeps the SQLite file locked; `full`: the disk is full;
`asleep`: a coordinator is suspended for 150 s, longer than a lease, and another one runs meanwhile; `data`: the data
file changes and a worker dies; `memory`: trials allocate memory without end; `killed`: the coordinator is killed while
processes that the model has started run.  All is real: processes, locks, a disk (a small one in memory), a limit (a
control group); what only root may set up is left out elsewhere.  Prints a row for each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from real_study import children, eventually, workers  # noqa: E402

from tuner.storage.lease_table import process_start  # noqa: E402

STUDY = """
name = "mock"
model = "own.py"
engine = "fit"
[data]
source = "data.csv"
target = "y"
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[search.model]
mode = MODES
[budget]
trials = TRIALS
epochs = 10
[pruner]
name = "none"
"""
MODEL = """
import subprocess
import keras

def build(inputs, outputs, *, activation, initializer, mode="quiet"):
    if mode == "loads":
        subprocess.Popen(["sleep", "3600"])
    if mode == "eats":
        held = []
        while True:
            held.append(bytes(range(256)) * 100_000)
    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(rows))
"""
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
LIMIT = 4_000_000_000


def counts(database: Path) -> dict[str, int]:
    """Trials by state, read without our own code; nothing while there is no database."""
    if not database.exists():
        return {}
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)
    try:
        return dict(connection.execute("SELECT lower(state), count(*) FROM trials GROUP BY state").fetchall())
    except sqlite3.OperationalError:  # the tables are being made
        return {}
    finally:
        connection.close()


@contextlib.contextmanager
def mock(database: Path, trials: int, epoch_s: float) -> Iterator[subprocess.Popen[str]]:
    """A coordinator with two worker processes that train nothing."""
    command = [sys.executable, str(TESTS / "mock_study.py"), f"sqlite:///{database}", str(trials), str(epoch_s), "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process


def done(database: Path, number: int) -> Callable[[], bool]:
    """Whether this many trials are complete."""
    return lambda: counts(database).get("complete", 0) >= number


def exact(database: Path, trials: int) -> str:
    """What is in the database at the end."""
    with sqlite3.connect(database) as connection:
        short = (
            "SELECT count(*) FROM trials WHERE state = 'COMPLETE' AND trial_id NOT IN "
            "(SELECT trial_id FROM tuner_epochs GROUP BY trial_id HAVING count(*) IN (5, 10))"
        )
        missing = connection.execute(short).fetchone()[0]
    connection.close()
    return f"{counts(database)} of {trials}; trials without all of their epochs: {missing}"


def locked(folder: Path, seconds: float) -> str:
    """A foreign process has the database for itself."""
    database = folder / "t.db"
    with mock(database, 120, 0.1) as process:
        eventually(done(database, 10))
        foreign = sqlite3.connect(database, isolation_level=None, timeout=60)
        foreign.execute("BEGIN EXCLUSIVE")
        before = counts(database)["complete"]
        time.sleep(seconds)
        after = counts(database)["complete"]
        foreign.close()
        code = process.wait()
    return f"exit {code}; written meanwhile {after - before}; {exact(database, 120)}"


def full(folder: Path, seconds: float) -> str:
    """The disk of the database is full, then there is room again."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", folder], check=False).returncode:
        return "left out: only root may mount a small disk"
    try:
        database, filling = folder / "t.db", folder / "filling"
        with mock(database, 120, 0.1) as process:
            eventually(done(database, 10))
            with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            time.sleep(seconds)
            filling.unlink()
            code = process.wait()
        return f"exit {code}; {exact(database, 120)}"
    finally:
        subprocess.run(["umount", folder], check=True)


def stand_still(pid: int, database: Path) -> None:
    """Stop a process, but not in the middle of a transaction: it would keep the file locked, as `locked` does."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        connection = sqlite3.connect(database, isolation_level=None, timeout=0.1)
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.05)
        finally:
            connection.close()


def asleep(folder: Path, seconds: float) -> str:
    """A coordinator is suspended for longer than a lease, and another one starts."""
    database = folder / "t.db"
    with mock(database, 40, 0.2) as sleeper:
        eventually(done(database, 5))
        stand_still(sleeper.pid, database)
        with mock(database, 40, 0.2) as other:
            time.sleep(150)
            held, waits = counts(database).get("running"), other.poll() is None
            os.kill(sleeper.pid, signal.SIGCONT)
            codes = sleeper.wait(), other.wait()
            said = (other.stderr.read() if other.stderr else "").strip().splitlines()[-1:]
    return (
        f"exit {codes}; {held} trials kept by the sleeper, the other one waited: {waits} {said}; {exact(database, 40)}"
    )


def project(folder: Path, modes: list[str], trials: int) -> Path:
    """A project with a study of real training; its database."""
    (folder / "own.py").write_text(MODEL)
    (folder / "study.toml").write_text(STUDY.replace("MODES", json.dumps(modes)).replace("TRIALS", str(trials)))
    rows = [f"{k % 7},{k % 11},{'uv'[k % 2]}" for k in range(300)]
    (folder / "data.csv").write_text("\n".join(["a,b,y", *rows, ""]))
    return folder / "runs" / "tuner.db"


def command(folder: Path, *before: str, **options: Any) -> subprocess.Popen[str]:
    """`tuner run` of that study."""
    arguments = [*before, sys.executable, "-m", "tuner", "run", "study.toml", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(arguments, cwd=folder, text=True, **pipes, **options)


def finish(folder: Path) -> dict[str, Any]:
    """The same command again, to its end."""
    said, error = command(folder).communicate()
    assert said, error
    content: dict[str, Any] = json.loads(said)
    return content


def data(folder: Path, seconds: float) -> str:
    """The data file changes while a study runs, and all workers die, then the coordinator; the file is put back."""
    database = project(folder, ["quiet"], 60)
    file = folder / "data.csv"
    kept, process = file.read_text(), command(folder)
    eventually(done(database, 3))
    file.write_text(kept.replace("3,3,v", "99,3,v", 1))
    for worker in workers(process.pid):
        os.kill(worker, signal.SIGKILL)
    eventually(done(database, 20))
    process.kill()
    process.communicate()
    refused = command(folder).communicate()[1].strip().splitlines()[0]
    file.write_text(kept)
    return f"{counts(database)['complete']} with the rows as read; again: {refused!r}; back: {finish(folder)['counts']}"


def memory(folder: Path, seconds: float) -> str:
    """Half of the trials take memory without end, where there are 4 GB."""
    group = next((path / "tuner-faults" for path in GROUPS if (path / "cgroup.procs").is_file()), None)
    try:
        assert group is not None
        group.mkdir(exist_ok=True)
        names = ("memory.limit_in_bytes", "memory.max")
        next(group / name for name in names if (group / name).exists()).write_text(str(LIMIT))
    except (AssertionError, OSError, StopIteration):
        return "left out: only root may make a control group"
    project(folder, ["quiet", "eats"], 10)
    enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    said, error = command(folder, *enter).communicate()
    assert said, error
    content = json.loads(said)
    wrong = sum(
        (row["params"]["model.mode"] == "eats") != str(row["reason"]).startswith("out of memory")
        for row in content["trials"]
    )
    eventually(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()
    return f"{content['counts']}; recorded as something else {wrong}"


def killed(folder: Path, seconds: float) -> str:
    """Each trial starts a process of its own, and the coordinator is killed."""
    database = project(folder, ["loads", "quiet"], 40)
    process = command(folder)
    eventually(done(database, 3))
    family = workers(process.pid)
    family += [child for worker in family for child in children(worker)]
    process.kill()
    process.communicate()
    began = time.monotonic()
    eventually(lambda: not any(process_start(pid) for pid in family))
    took = time.monotonic() - began
    return f"{len(family)} processes gone after {took:.1f} s; the same command: {finish(folder)['counts']}"


FAULTS: Mapping[str, Callable[[Path, float], str]] = {
    "locked": locked, "full": full, "asleep": asleep, "data": data, "memory": memory, "killed": killed,
}  # fmt: skip


def main() -> None:
    """Each fault on a study of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", choices=[*FAULTS, []])
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    for name in options.faults or FAULTS:
        with tempfile.TemporaryDirectory(prefix="tuner-faults-") as folder:
            began = time.monotonic()
            found = FAULTS[name](Path(folder), options.seconds)
            print(f"{name}: {found}; {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
