"""Kill a running study repeatedly, each time followed by the same command; then count the results.

    python benchmarks/kills.py [--kills 20] [--trials 30] [--seed 0]
    python benchmarks/kills.py --mock [--kills 200]

Real training (digits, 200 epochs) in real worker processes.  Prints one line: finished trials, trials that run or wait,
duplicate numbers, first values that changed, workers that outlived their coordinator.  With `--mock`:
studies of trials that cost nothing, each run by two coordinators with two worker processes, on SQLite and on
PostgreSQL in turn; SIGKILL or SIGTERM hits a coordinator or a worker.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

STUDY = """
name = "kills"
model = "models/mlp.py"
[data]
source = "digits"
[search]
optimizer = ["sgd", "adam", "rmsprop"]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
[search.model]
units = [32, 64]
[budget]
epochs = 200
[pruner]
name = "none"
"""


def finished(database: Path) -> dict[int, float]:
    """Value of each complete trial; none while there is no database."""
    if not database.exists():
        return {}
    with sqlite3.connect(database) as connection:
        try:
            rows = connection.execute(
                "select number, value from trials join trial_values using (trial_id) where state = 'COMPLETE'"
            )
            return dict(rows.fetchall())
        except sqlite3.OperationalError:  # killed before the tables were made
            return {}


def alive(marker: str) -> list[int]:
    """Processes whose environment names the folder of this run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "environ").read_bytes() and b"worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def mock(kills: int, seed: int, trials: int = 60, at_once: int = 10) -> None:
    """Studies of the mock engine, `at_once` kills each; a line for each kind of database."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "runner"))
    from postgres import PostgresServer
    from test_recovery import study_with_kills

    server = PostgresServer()
    sums: dict[str, Counter[str]] = {"SQLite": Counter(), "PostgreSQL": Counter()}
    try:
        for number in range(kills // at_once):
            kind = list(sums)[number % 2]
            with tempfile.TemporaryDirectory(prefix="tuner-kills-") as folder:
                url = f"sqlite:///{folder}/t.db" if kind == "SQLite" else server.new_database()
                found = study_with_kills(url, at_once, seed + number, trials=trials)
            sums[kind].update(found, kills=at_once, studies=1, wanted=trials)
    finally:
        server.remove()
    for kind, found in sums.items():
        print(
            f"{kind}: {found['kills']} kills, {found['hit']} of them while a study ran, {found['studies']} studies; "
            f"complete {found['complete']} of {found['wanted']}, failed (killed twice) {found['failed']}, "
            f"running {found['running']}, waiting {found['waiting']}, twice {found['twice']}, "
            f"missing {found['missing']}, results changed {found['changed']}, cut short {found['short']}"
        )


def main() -> None:
    """Run, kill, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mock", action="store_true")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.mock:
        mock(options.kills or 200, options.seed)
        return
    options.kills = options.kills or 20
    draw, began = random.Random(options.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tuner-kills-") as folder:
        (Path(folder) / "studies").mkdir()
        file = Path(folder) / "studies" / "kills.toml"
        file.write_text(STUDY)
        database = Path(folder) / "runs" / "tuner.db"
        command = [
            "env", f"TUNER_KILLS={folder}", sys.executable, "-m", "tuner",
            "run", str(file), "--trials", str(options.trials), "--json",
        ]  # fmt: skip
        first: dict[int, float] = {}
        changed = killed = 0
        for _ in range(options.kills):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(1.0, 9.0))
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            now = finished(database)
            changed += sum(now.get(number) != value for number, value in first.items())
            first = {**now, **first}
        time.sleep(3.0)
        orphans = len(alive(folder))
        last = subprocess.run(command, capture_output=True, text=True, check=True)
        content = json.loads(last.stdout)
        now = finished(database)
        changed += sum(now.get(number) != value for number, value in first.items())
        numbers = [row["number"] for row in content["trials"]]
    counts = content["counts"]
    print(
        f"{killed} of {options.kills} kills hit a running study; finished {counts['complete']} of {options.trials}, "
        f"running {counts['running']}, waiting {counts['waiting']}, twice {len(numbers) - len(set(numbers))}, "
        f"first values changed {changed}, workers left {orphans}; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
