"""CPU seconds of the reading commands in two installations: `python benchmarks/reading.py BEFORE AFTER [PAIRS]`.

`BEFORE` and `AFTER` are checkouts, each with its own `.venv`.  Twelve studies of 100 trials are made by the mock of
`BEFORE`; then each command runs in turn on both sides, on a copy of the database.  Prints the medians.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = ("list", "show study_00", "best study_00", "compare study_00", "compare study_00 --by optimizer")
STUDIES, TRIALS = 12, 100
MAKE = f"""
import sys
from pathlib import Path
sys.path.insert(0, "tests")
import mock_study
from tuner.storage import open_database
database = open_database(sys.argv[1], create=True)
for number in range({STUDIES}):
    budget = {{"trials": {TRIALS}, "epochs": 10}}
    mock_study.run(mock_study.spec_of(Path.cwd(), name=f"study_{{number:02d}}", budget=budget), database)
database.close()
"""


def cpu_seconds(checkout: Path, arguments: list[str], database: Path) -> float:
    """Return the CPU seconds of one command, children included."""
    before = os.times()
    command = [checkout / ".venv/bin/tuner", *arguments, "--storage", f"sqlite:///{database}"]
    subprocess.run(command, cwd=database.parent, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    before, after = (Path(side).resolve() for side in sys.argv[1:3])
    pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "before.db")
        subprocess.run([before / ".venv/bin/python", "-c", MAKE, f"sqlite:///{made}"], cwd=before, check=True)
        sides = [(before, made), (after, Path(shutil.copy(made, Path(folder, "after.db"))))]
        print("| command | before, CPU s | after, CPU s |")
        print("|---|---:|---:|")
        for command in COMMANDS:
            times: list[list[float]] = [[], []]
            for pair in range(pairs + 1):  # the first one warms byte code and the file cache
                for side in (0, 1) if pair % 2 == 0 else (1, 0):
                    times[side].append(cpu_seconds(sides[side][0], command.split(), sides[side][1]))
            old, new = (statistics.median(side[1:]) for side in times)
            print(f"| `tuner {command}` | {old:.2f} | {new:.2f} |", flush=True)


if __name__ == "__main__":
    main()
