"""What a long study costs a trial, and how its memory grows.

    python benchmarks/growth.py [--trials 1000] [--sampler tpe] [--every 100] [--networks]

`tuner run` of the digits study of `benchmarks/peers.py`, without pruning, on two workers; with `--networks` of the
study of `architecture_search.py --continuous`.  For each hundred trials (`--every`): wall time a trial, from the times
in the database, and resident memory of the coordinator and of the larger worker at their end.  The slope is that of a
straight line through the worker's memory over the second half of the trials.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
from architecture_search import write_project
from peers import PROJECT, STUDIES
from throughput import ENVIRONMENT


def memory_mb(pid: int) -> float:
    """Resident memory of a process; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that these have."""
    try:
        found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return found + [each for child in found for each in descendants(child)]


def watch(command: list[str]) -> list[tuple[float, float, float]]:
    """Run a command; `(time, memory of it, memory of its largest descendant)` every half second."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(PROJECT), "TZ": "UTC"}
    seen = []
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=PROJECT)
        while process.poll() is None:
            largest = max((memory_mb(child) for child in descendants(process.pid)), default=0.0)
            seen.append((time.time(), memory_mb(process.pid), largest))
            time.sleep(0.5)
        log.seek(0)
        if process.returncode:
            raise RuntimeError(log.read().decode()[-2000:])
    return seen


def main() -> None:
    """Run the study, then print a row for each hundred trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--networks", action="store_true", help="search networks, with any rate of dropout")
    given = parser.parse_args()
    every = given.every
    with tempfile.TemporaryDirectory() as folder:
        file, database = Path(folder) / "growth.toml", Path(folder) / "tuner.db"
        end = f'\n[sampler]\nname = "{given.sampler}"\n[pruner]\nname = "none"\n'
        if given.networks:
            write_project(Path(folder), continuous=True)
            file = Path(folder) / "architectures.toml"
        else:
            file.write_text(STUDIES["digits"] + end, encoding="utf-8")
        command = [sys.executable, "-m", "tuner", "run", str(file), "--trials", str(given.trials), "--json"]
        began = time.time()
        seen = np.array(watch([*command, "--workers", "2", "--storage", f"sqlite:///{database}"]))
        size = database.stat().st_size / 2**20
        rows = sqlite3.connect(database).execute(
            "select datetime_complete from trials where datetime_complete not null"
        )
        # Optuna keeps naive UTC.
        ended = sorted(datetime.fromisoformat(f"{text}+00:00").timestamp() for (text,) in rows)
    print("| trials | wall s a trial | coordinator MB | worker MB |")
    print("|---|---:|---:|---:|")
    last, points = began, []
    for upto in range(every, len(ended) + 1, every):
        now = ended[upto - 1]
        at = seen[np.searchsorted(seen[:, 0], now) - 1]
        points.append((upto, at[2]))
        print(f"| {upto - every + 1} to {upto} | {(now - last) / every:.3f} | {at[1]:.0f} | {at[2]:.0f} |", flush=True)
        last = now
    late = np.array(points[len(points) // 2 :])
    if len(late) > 1:
        each = np.polyfit(late[:, 0], late[:, 1], 1)[0] * 2  # a worker trains half of the trials
        print(f"\nworker memory, second half: {each:.3f} MB a trial that it trains")
    print(f"database: {size:.1f} MB; {(ended[-1] - began) / len(ended):.3f} s a trial in all")


if __name__ == "__main__":
    main()
