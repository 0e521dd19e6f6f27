"""Wall time until a validation accuracy of 0.98 on digits, over several seeds.

    python benchmarks/time_to_target.py [--seeds 10] [--ways tuner,loop,kerastuner,hyperopt,ray] [--limit 200]
        [--keep FILE]

Each way as its documentation recommends it: this package with its defaults; `study.optimize` with TPE over
`model.fit`; KerasTuner's Bayesian optimization; Hyperopt's TPE; Ray Tune with Optuna's sampler and ASHA.  All
search the same space (`benchmarks/peers.py`) and start from nothing, the import of TensorFlow included.  A run that
has not reached the target after `--limit` trials counts with its time, and is missing in the last column.  All of it
takes hours: with `--keep`, each run is added to a file of JSON lines, and runs that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from peers import STUDIES, WAYS
from throughput import WITHOUT_NETWORK, timed

TARGET = 0.98


def run(way: str, seed: int, limit: int) -> tuple[float, bool]:
    """Wall seconds of one run, and whether it has reached the target."""
    with tempfile.TemporaryDirectory() as folder:
        if way == "tuner":
            file = Path(folder) / "digits.toml"
            file.write_text(f"{STUDIES['digits']}target = {TARGET}\n", encoding="utf-8")
            command = [sys.executable, "-m", "tuner", "run", str(file), "--json", "--trials", str(limit)]
            command += ["--seed", str(seed), "--storage", f"sqlite:///{folder}/tuner.db"]
        else:
            command = [sys.executable, str(Path(__file__).with_name("peers.py")), way, "--trials", str(limit)]
            command += ["--folder", folder, "--seed", str(seed), "--target", str(TARGET), "--proposals", "best"]
            command = [*WITHOUT_NETWORK, *command] if way == "ray" else command
        wall, _, output = timed(command)
    content = json.loads(output) if way == "tuner" else json.loads(output.splitlines()[-1])
    best = content["best"]["value"] if way == "tuner" else content["best"]
    return round(wall, 1), best >= TARGET


def main() -> None:
    """Run each way for each seed, one run at a time, then print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--ways", default=",".join(("tuner", *WAYS)))
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    ways, lines = given.ways.split(","), []
    if given.keep is not None and given.keep.exists():
        lines = [json.loads(line) for line in given.keep.read_text(encoding="utf-8").splitlines()]
    walls = {(line["way"], line["seed"]): (line["wall"], line["reached"]) for line in lines}
    for seed in range(given.seeds):
        for way in ways:
            if (way, seed) in walls:
                continue
            wall, reached = walls[way, seed] = run(way, seed, given.limit)
            if given.keep is not None:
                with given.keep.open("a", encoding="utf-8") as file:
                    print(json.dumps({"way": way, "seed": seed, "wall": wall, "reached": reached}), file=file)
    print("| way | first quartile, s | median, s | third quartile, s | reached |")
    print("|---|---:|---:|---:|---:|")
    for way in ways:
        rows = [walls[way, seed] for seed in range(given.seeds)]
        quartiles = " | ".join(f"{value:.0f}" for value in np.percentile([wall for wall, _ in rows], (25, 50, 75)))
        print(f"| {way} | {quartiles} | {sum(reached for _, reached in rows)} of {given.seeds} |")


if __name__ == "__main__":
    main()
