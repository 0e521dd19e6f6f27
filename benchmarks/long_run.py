"""A study of many trials that cost nothing: memory of the coordinator, size of the database, trials a second.

    python benchmarks/long_run.py [--trials 10000] [--epochs 5] [--sampler random] [--pruner none]

Prints a row at 500 trials and at each thousand: trials a second and CPU time a trial since the row before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from coordinator import CONTENT, trainer

from tuner.executors import InlineExecutor
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database
from tuner.study import read_study_dict


def main() -> None:
    """Run, and print a row now and then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--pruner", default="none")
    options = parser.parse_args()
    budget = {"trials": options.trials, "epochs": options.epochs}
    content = CONTENT | {"budget": budget, "sampler": {"name": options.sampler}, "pruner": {"name": options.pruner}}
    with tempfile.TemporaryDirectory() as folder:
        file, last = Path(folder) / "t.db", [0, time.monotonic(), time.process_time()]
        database = open_database(f"sqlite:///{file}", create=True)
        print("| trials | trials/s | CPU ms a trial | resident MB | database MB |", flush=True)
        print("|---:|---:|---:|---:|---:|", flush=True)

        def show(standing: Any) -> None:
            done, upto = standing.finished, 500 if not last[0] else (last[0] // 1000 + 1) * 1000
            if done >= upto:
                pace = (done - last[0]) / (time.monotonic() - last[1])
                work = (time.process_time() - last[2]) / (done - last[0]) * 1e3
                resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
                size = sum(part.stat().st_size for part in Path(folder).iterdir()) / 1e6
                print(f"| {done} | {pace:.0f} | {work:.1f} | {resident:.0f} | {size:.1f} |", flush=True)
                last[:] = [done, time.monotonic(), time.process_time()]

        ended = StudyRunner(
            read_study_dict(content, Path.cwd()), database, InlineExecutor(trainer, slots=8), show
        ).run()
        database.close()
        print(
            f"ended by {ended}; the database has {file.stat().st_size / options.trials / 1e3:.1f} MB for 1,000 trials"
        )


if __name__ == "__main__":
    main()
