"""How long until workers are ready: forked from one process, or each started separately.

    python benchmarks/worker_start.py [--workers 2] [--runs 5] [STUDY]

In turn.  "wall" is from the first worker to the last that is ready, "CPU" that of all processes, the fork server too,
"memory" their proportional set size, in which a shared page counts once.  "replaced" is the wall time from the kill of
a worker until another one is ready in its place.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def processor_s(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Proportional set size of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(way: str, workers: int, study: str) -> None:
    """Start workers in this process, and print the four numbers."""
    from tuner.executors import LocalExecutor, worker_processes
    from tuner.runner import launch
    from tuner.study import read_study

    if way == "started":
        worker_processes.can_fork = lambda: False
    spec = read_study(study)
    executor = LocalExecutor(launch._worker_config(spec), workers, prepared=spec.prepared)
    begun = time.monotonic()
    executor.start()
    while executor.starting_workers():
        executor.poll(0.02)
    wall = time.monotonic() - begun
    forked = executor._transport._fork_server
    pids = executor.pids() + ([] if forked is None else [forked._process.pid])
    spent, held = sum(map(processor_s, pids)), sum(map(memory_mb, pids))
    killed, begun = executor._workers[0], time.monotonic()
    os.kill(killed.process.pid, signal.SIGKILL)
    while killed in executor._workers or executor.starting_workers():
        executor.poll(0.02)
    print(wall, spent, held, time.monotonic() - begun)
    executor.close(at_once=True)


def main() -> None:
    """Measure both ways in turn, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", nargs="?", default=str(PROJECT / "studies" / "digits.toml"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--way")
    options = parser.parse_args()
    if options.way:
        return measure(options.way, options.workers, options.study)
    found: dict[str, list[list[float]]] = {"started": [], "forked": []}
    for _ in range(options.runs):
        for way, rows in found.items():
            command = [sys.executable, __file__, options.study, "--workers", str(options.workers), "--way", way]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append([float(text) for text in printed.split()])
    print("| workers | way | wall s | CPU s | memory MB | replaced s |\n|---:|---|---:|---:|---:|---:|")
    for way, rows in found.items():
        wall, spent, held, replaced = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"| {options.workers} | {way} | {wall:.1f} | {spent:.1f} | {held:.0f} | {replaced:.2f} |")
    return None


if __name__ == "__main__":
    main()
