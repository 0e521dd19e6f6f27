"""What a random split promises, and what splits by group or by time do, on synthetic data.

    python benchmarks/honest_splits.py groups [--studies 20]
    python benchmarks/honest_splits.py drift  [--studies 20]

`groups`: 60 groups of 8 rows. Their features tell which group it is; the label is drawn for each group, so there is
nothing to learn for new groups. Each study is run with `group` and without; the model of the latter is asked about 60
new groups.

`drift`: 1,000 rows in time. The direction that decides on the label turns by 90 degrees. The next period is the latest
fifth. With `order` it is the test part; without, the study does not have it, and its model is asked about it.

Search and training are the product's, in this process. Prints one row a study, and the rates.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
sys.path.append(str(Path(__file__).parents[1] / "tests"))

import keras
import numpy as np
import pandas
from in_process import InProcess, searched

from tuner.data import DataOptions, prepare
from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.storage import open_database

SEARCH: dict[str, Any] = {
    "loss": "binary_crossentropy",
    "optimizer": ["adam", "rmsprop"],
    "learning_rate": {"low": 1e-3, "high": 3e-2, "log": True},
    "model": {"units": 32},
}
BUDGETS = {"groups": {"trials": 8, "epochs": 20}, "drift": {"trials": 6, "epochs": 10}}
TOP, SEEDS = 2, 5


def grouped(seed: int, groups: int = 60) -> pandas.DataFrame:
    """Rows of groups: `patient`, eight features, and a label drawn for each group."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(groups), 8)
    x = random.normal(size=(groups, 8))[patient] + 0.3 * random.normal(size=(len(patient), 8))
    frame = pandas.DataFrame(x, columns=[f"x{column}" for column in range(8)])
    return frame.assign(patient=patient, label=random.integers(0, 2, groups)[patient])


def drifting(seed: int, rows: int = 1_000, turn: float = np.pi / 2) -> pandas.DataFrame:
    """Rows in time: `time`, six features, and a label whose direction turns."""
    random = np.random.default_rng(seed)
    x, angle = random.normal(size=(rows, 6)), np.linspace(0.0, turn, rows)
    score = np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1] + 0.3 * random.normal(size=rows)
    frame = pandas.DataFrame(x, columns=[f"x{column}" for column in range(6)])
    return frame.assign(time=np.arange(rows), label=(score > 0).astype(int))


def trained(kind: str, name: str, seed: int, data: dict[str, Any], folder: Path) -> RefitResult:
    """Search and train; the model is `NAME.keras` in the folder."""
    content = {
        "name": name,
        "model": "models/mlp.py",
        "seed": seed,
        "pruner": {"name": "none"},
        "data": {"target": "label", **data},
        "search": SEARCH,
        "budget": BUDGETS[kind],
    }
    database = open_database(f"sqlite:///{folder}/{name}.db", create=True)
    study = searched(content, folder, database)
    options = RefitOptions(folder / f"{name}.keras", top=TOP, seeds=SEEDS)
    found = refit_leaders(study, folder, options, InProcess)
    database.close()
    return found


def accuracy(file: Path, rows: pandas.DataFrame) -> float:
    """The share of rows that a saved model answers correctly."""
    x = rows[[name for name in rows if name.startswith("x")]].to_numpy()
    scores = np.asarray(keras.saving.load_model(file).predict_on_batch(x))[:, 0]
    return float(np.mean((scores > 0.5) == (rows["label"] == 1)))


def compare_groups(seed: int, folder: Path) -> dict[str, Any]:
    """One study with `group`, and one without."""
    grouped(seed).to_csv(folder / "groups.csv", index=False)
    with_group = trained("groups", f"with{seed}", seed, {"source": "groups.csv", "group": "patient"}, folder)
    dropped: dict[str, Any] = {"source": "groups.csv", "drop": ["patient"]}
    without = trained("groups", f"without{seed}", seed, dropped, folder)
    options = DataOptions(target="label", source="groups.csv", drop=("patient",))
    advised = any(
        text.startswith("group: 'patient'") for text in prepare(options, folder, seed, advise=True).facts.advice
    )
    new = accuracy(folder / f"without{seed}.keras", grouped(seed + 1_000)) if without.file else None
    return {
        "winner with group": with_group.verdict == "winner",
        "winner without": without.verdict == "winner",
        "check advises": advised,
        "p with group": with_group.baseline.p,
        "p without": without.baseline.p,
        "test score without": None if without.test is None else without.test.mean,
        "score on new groups": new,
    }


def compare_drift(seed: int, folder: Path) -> dict[str, Any]:
    """One study with `order`, and one without the next period, whose rows are split at random."""
    rows = drifting(seed)
    late = rows.iloc[-len(rows) // 5 :]
    rows.to_csv(folder / "whole.csv", index=False)
    rows.drop(late.index).to_csv(folder / "earlier.csv", index=False)
    ordered = trained("drift", f"ordered{seed}", seed, {"source": "whole.csv", "order": "time"}, folder)
    mixed = trained("drift", f"mixed{seed}", seed, {"source": "earlier.csv", "drop": ["time"]}, folder)
    return {
        **_next_period("order", ordered, None if ordered.test is None else ordered.test.mean),
        **_next_period("random", mixed, accuracy(folder / f"mixed{seed}.keras", late) if mixed.file else None),
    }


def _next_period(kind: str, found: RefitResult, score: float | None) -> dict[str, Any]:
    """What was expected and what came; no model is saved without a winner, so nothing is expected of it."""
    expected = found.expected
    inside = None if expected is None or score is None else expected.low <= score <= expected.high
    bounds = None if expected is None else f"{expected.low:.3f} to {expected.high:.3f}"
    return {f"{kind} expected": bounds, f"{kind} next": score, f"{kind} inside": inside}


def main() -> None:
    """Print the table and the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["groups", "drift"])
    parser.add_argument("--studies", type=int, default=20)
    given = parser.parse_args()
    compare = compare_groups if given.kind == "groups" else compare_drift
    table = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(given.studies):
            table.append(compare(seed, Path(name)))
            print(seed, ", ".join(f"{key} {_shown(value)}" for key, value in table[-1].items()), flush=True)
    for key in table[0]:
        values = [row[key] for row in table if row[key] is not None]
        if values and isinstance(values[0], bool):
            print(f"{key}: {sum(values)} of {len(values)}")
        elif values and isinstance(values[0], float):
            print(f"{key}: {np.mean(values):.3f} on average, {min(values):.3g} to {max(values):.3g} ({len(values)})")


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
