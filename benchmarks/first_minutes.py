"""From somebody else's table to a first finished trial: `python benchmarks/first_minutes.py`.

`--only TABLE …` takes some of them.  Needs statsmodels, plotly and mlxtend for their tables.  For each: `tuner new
--data`, then `tuner run` of one trial, in a new folder, nothing edited in between.  Prints the seconds until the first
trial was finished, or the error.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLES = {
    "statsmodels/datasets/anes96/anes96.csv": "vote",
    "statsmodels/datasets/fair/fair.csv": "affairs",
    "statsmodels/datasets/fair/fair_pt.csv": "naffairs",
    "statsmodels/datasets/modechoice/modechoice.csv": "mode",
    "statsmodels/datasets/randhie/randhie.csv": "mdvis",
    "statsmodels/datasets/star98/star98.csv": "MATHTOT",
    "statsmodels/datasets/statecrime/statecrime.csv": "murder",
    "statsmodels/datasets/spector/spector.csv": "GRADE",
    "plotly/package_data/datasets/tips.csv.gz": "tip",
    "plotly/package_data/datasets/gapminder.csv.gz": "continent",
    "plotly/package_data/datasets/election.csv.gz": "winner",
    "mlxtend/data/data/autompg.csv.gz": "9",
    "statsmodels/datasets/heart/heart.csv": "survival",
    "statsmodels/datasets/cancer/cancer.csv": "cancer",
    "statsmodels/datasets/grunfeld/grunfeld.csv": "invest",
    "statsmodels/datasets/ccard/src/ccard.csv": "Avgexp",
    "statsmodels/datasets/macrodata/macrodata.csv": "infl",
    "mlxtend/data/data/boston_housing.csv": "14",
    "mlxtend/data/data/wine.csv": "14",
    "plotly/package_data/datasets/experiment.csv.gz": "group",
    "plotly/package_data/datasets/stocks.csv.gz": "GOOG",
    "plotly/package_data/datasets/carshare.csv.gz": "car_hours",
}


def tuner(arguments: list[str], folder: Path) -> str:
    """Run a command of ours and return the end of its error, an empty text if it succeeded."""
    done = subprocess.run(
        [sys.executable, "-m", "tuner", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()


def first_trial(table: Path, target: str) -> tuple[float, int, str]:
    """Return the seconds, the number of commands and the error, if any."""
    with tempfile.TemporaryDirectory() as name:
        start, folder = time.perf_counter(), Path(name)
        error = tuner(["new", ".", "--data", str(table), "--target", target], folder)
        if error:
            return time.perf_counter() - start, 1, error
        study = next((folder / "studies").iterdir())
        error = tuner(["run", f"studies/{study.name}", "--trials", "1"], folder)
        return time.perf_counter() - start, 2, error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=list(TABLES), metavar="TABLE", help="file names of tables")
    only = {Path(name).name for name in parser.parse_args().only}
    print("| table | target | commands | seconds | |\n|---|---|---:|---:|---|")
    for path, target in TABLES.items():
        if Path(path).name not in only:
            continue
        package, _, rest = path.partition("/")
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise SystemExit(f"{package} is not installed.")
        seconds, commands, error = first_trial(Path(found.origin).parent / rest, target)
        shown = "one trial" if not error else " ".join(error.split())[:300]
        print(f"| {path.rpartition('/')[2]} | {target} | {commands} | {seconds:.1f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
