"""How honest `tuner train` is: how often its intervals hold, and how often noise gets a winner.

    python benchmarks/honesty.py digits [--studies 20] [--trials 60]
    python benchmarks/honesty.py noise  [--studies 20] [--trials 60]

Each study has a seed of its own, which assigns the rows to training, validation and test, so that each has another test
part.  Prints one row a study, and the rates.
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

import numpy as np
from in_process import InProcess, searched

from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.storage import open_database

SEARCH: dict[str, Any] = {
    "loss": ["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"],
    "optimizer": ["sgd", "rmsprop", "adam", "nadam"],
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "momentum": {"low": 0.0, "high": 0.99},
    "schedule": ["constant", "cosine", "one_cycle"],
    "initializer": ["glorot_uniform", "he_normal"],
    "activation": ["relu", "tanh"],
    "model": {"units": [32, 64]},
}
NOISE = {**SEARCH, "loss": ["binary_crossentropy", "hinge"]}


def study_of(kind: str, seed: int, trials: int) -> dict[str, Any]:
    """The study file, as a mapping."""
    shared = {"name": f"{kind}{seed}", "model": "models/mlp.py", "seed": seed, "pruner": {"name": "none"}}
    source = "digits" if kind == "digits" else f"noise{seed}.npz"
    budget = {"trials": trials, "epochs": 20 if kind == "digits" else 10}
    search = SEARCH if kind == "digits" else NOISE
    return {**shared, "data": {"source": source}, "search": search, "budget": budget}


def write_noise(folder: Path, seed: int) -> None:
    """400 rows of 20 numbers, and labels that have nothing to do with them."""
    random = np.random.default_rng(seed)
    np.savez(folder / f"noise{seed}.npz", x=random.normal(size=(400, 20)), y=random.integers(0, 2, 400))


def trained(kind: str, seed: int, trials: int, folder: Path) -> RefitResult:
    """Search and train."""
    if kind == "noise":
        write_noise(folder, seed)
    database = open_database(f"sqlite:///{folder}/{kind}{seed}.db", create=True)
    study = searched(study_of(kind, seed, trials), folder, database)
    found = refit_leaders(study, folder, RefitOptions(folder / f"{kind}{seed}.keras"), InProcess)
    database.close()
    return found


def main() -> None:
    """Print the table and the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["digits", "noise"])
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="seed of the first study")
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(given.first, given.first + given.studies):
            one = trained(given.kind, seed, given.trials, Path(name))
            found.append(one)
            print(row(seed, one), flush=True)
    print(rates(found))


def row(seed: int, one: RefitResult) -> str:
    """One study."""
    chosen, test = one.winner.candidate, one.test
    text = (
        f"{seed:3d} search {chosen.leader.value:.4f} validation {chosen.mean:.4f} p {one.baseline.p:.2g} {one.verdict}"
    )
    if test is None or test.mean is None or one.expected is None or test.value is None:
        return text
    inside = one.expected.low <= test.mean <= one.expected.high
    saved = one.expected.low <= test.value <= one.expected.high
    text += f" expected {one.expected.low:.4f} … {one.expected.high:.4f} test {test.mean:.4f} saved {test.value:.4f}"
    return f"{text} {'inside' if inside else 'OUTSIDE'} {'inside' if saved else 'OUTSIDE'}"


def rates(found: list[RefitResult]) -> str:
    """What happened in how many of them."""
    winners = [one for one in found if one.test is not None and one.test.mean is not None and one.expected is not None]
    lines = [f"{len(winners)} of {len(found)} have a winner"]
    if winners:
        inside = sum(one.expected.low <= one.test.mean <= one.expected.high for one in winners)
        saved = sum(one.expected.low <= one.test.value <= one.expected.high for one in winners)
        search = np.array([one.winner.candidate.leader.value for one in winners])
        mean = np.array([one.winner.candidate.mean for one in winners])
        test = np.array([one.test.mean for one in winners])
        lines += [
            f"test score in the expected interval: {inside} of {len(winners)}; that of the saved model: {saved}",
            f"search less validation: {np.mean(search - mean):+.4f}; validation less test: {np.mean(mean - test):+.4f} "
            f"(standard error {np.std(mean - test, ddof=1) / len(winners) ** 0.5:.4f})",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
