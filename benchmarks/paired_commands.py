"""Time the same `tuner` commands of two installations in turn: `python benchmarks/paired_commands.py BEFORE AFTER`.

`BEFORE` and `AFTER` are checkouts, each with its own `.venv`. Prints for each command the median seconds of wall and
CPU (children included) on both sides, and the median over the pairs of the ratio after to before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "tuner --help": (["--help"], 15),
    "tuner check studies/digits.toml": (["check", "studies/digits.toml"], 9),
    "tuner run studies/digits.toml, 100 trials": (["run", "studies/digits.toml", "--trials", "100"], 5),
}


def time_command(checkout: Path, arguments: list[str]) -> tuple[float, float]:
    """Return the wall and the CPU seconds of one command of the `tuner` in `checkout`, run in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("studies", "models"):
            shutil.copytree(checkout / name, Path(folder, name))
        before, start = os.times(), time.perf_counter()
        subprocess.run([checkout / ".venv/bin/tuner", *arguments], cwd=folder, check=True, capture_output=True)
        wall, after = time.perf_counter() - start, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    sides = [options.before.resolve(), options.after.resolve()]
    print("| command | pairs | before, s (CPU) | after, s (CPU) | wall, times | CPU, times |")
    print("|---|---:|---:|---:|---:|---:|")
    for title, (arguments, pairs) in COMMANDS.items():
        for side in sides:  # byte code and the file cache are warm on both sides
            time_command(side, arguments[:3] if "--trials" not in arguments else ["--help"])
        times: list[list[tuple[float, float]]] = [[], []]
        for pair in range(pairs):
            for side in (0, 1) if pair % 2 == 0 else (1, 0):
                times[side].append(time_command(sides[side], arguments))
        before, after = ("{:.2f} ({:.2f})".format(*map(statistics.median, zip(*side, strict=True))) for side in times)
        wall, cpu = (
            statistics.median(pair[1][unit] / pair[0][unit] for pair in zip(*times, strict=True)) for unit in (0, 1)
        )
        print(f"| `{title}` | {pairs} | {before} | {after} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
