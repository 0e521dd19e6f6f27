"""Answer tables of more and more rows by `tuner predict`: peak memory, seconds of CPU.

    python benchmarks/predict.py [--rows 100000,1000000] [--formats csv,csv.gz,parquet]

The model is trained first, on 2,000 rows of the same kind: ten numbers and a text column, three classes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas

import tuner

NUMBERS = 10
CITIES = ("Oslo", "Rome", "Kyiv", "Lima", "Cairo")
CHUNK = 100_000
STUDY = {
    "name": "predict",
    "model": "models/mlp.py",
    "data": {"source": "train.csv", "target": "kind", "text": "one_hot", "missing": "median", "drop": ["id"]},
    "search": {"optimizer": "adam", "learning_rate": [1e-3, 1e-2], "model": {"units": [32, 64]}},
    "budget": {"trials": 2, "epochs": 5},
    "objective": {"metric": "accuracy"},
}


def rows(count: int, seed: int) -> pandas.DataFrame:
    """Make some rows."""
    random = np.random.default_rng(seed)
    frame = pandas.DataFrame(random.normal(size=(count, NUMBERS)).round(6)).add_prefix("x")
    frame.insert(0, "id", np.arange(count) + seed * CHUNK)
    frame["city"] = random.choice(CITIES, count)
    frame["kind"] = np.array(["a", "b", "c"])[np.digitize(frame["x0"] + frame["x1"], [-0.5, 0.5])]
    return frame


def write(file: Path, count: int) -> None:
    """Write this many rows, without the target."""
    parts = [rows(min(CHUNK, count - start), start // CHUNK) for start in range(0, count, CHUNK)]
    frame = pandas.concat(parts).drop(columns="kind")
    if file.suffix == ".parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False)


def measure(folder: Path, data: str, output: str) -> tuple[float, float, float]:
    """Run the command; return its seconds, those of CPU, and its peak of resident memory in MB."""
    words = [sys.executable, "-m", "tuner", "predict", "best.keras", data, "-o", output, "--keep", "id", "--force"]
    began = time.perf_counter()
    process = os.posix_spawn(sys.executable, [*words, "--quiet"], {**os.environ, "PWD": str(folder)})
    _, status, usage = os.wait4(process, 0)
    assert status == 0, status
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100000,1000000")
    parser.add_argument("--formats", default="csv,parquet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        rows(2_000, 99).to_csv("train.csv", index=False)
        tuner.run(STUDY)
        tuner.train("predict", "best.keras", top=1, seeds=2, workers=1)
        print("| file | rows | MB | wall s | CPU s | peak MB | rows a second of CPU beyond the first line |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for suffix in options.formats.split(","):
            first: tuple[int, float] | None = None
            for count in map(int, options.rows.split(",")):
                data = folder / f"data.{suffix}"
                write(data, count)
                wall, cpu, peak = measure(folder, data.name, f"out.{suffix}")
                size = data.stat().st_size / 1e6
                speed = f"{(count - first[0]) / (cpu - first[1]):,.0f}" if first else ""
                first = first or (count, cpu)
                print(
                    f"| {suffix} | {count:,} | {size:,.0f} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} | {speed} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
