"""Read CSV files of many columns and 60 rows as `tuner check` does, compared with pandas alone.

    python benchmarks/wide_tables.py [COLUMNS ...]

Prints seconds of CPU for each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tuner.study import read_study_dict

ROWS = 60


def main() -> None:
    """Read one file for each number of columns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("columns", type=int, nargs="*", default=[10_000, 20_000, 40_000])
    print("| columns | `tuner check`, s of CPU | pandas alone | times |\n|---:|---:|---:|---:|")
    draw = np.random.default_rng(0)
    for count in parser.parse_args().columns:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "wide.csv"
            table = pd.DataFrame(draw.random((ROWS, count)).round(2), columns=[f"g{number}" for number in range(count)])
            table["t"] = np.arange(ROWS) % 2
            table.to_csv(file, index=False)
            began = time.process_time()
            pd.read_csv(file, low_memory=False)
            alone = time.process_time() - began
            began = time.process_time()
            data = {"source": file.name, "target": "t"}
            read_study_dict({"name": "wide", "model": "models/mlp.py", "data": data}, folder)
            ours = time.process_time() - began
        print(f"| {count:,} | {ours:.1f} | {alone:.1f} | {ours / alone:.1f} |", flush=True)


if __name__ == "__main__":
    main()
