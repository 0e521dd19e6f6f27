"""Refine digits: how much smaller the space becomes, and what the refined study finds.

    python benchmarks/refined_search.py SEEDS [TRIALS [FOLDER]]

Runs `studies/digits.toml` with each seed from 0, refines it, and runs the refined study with as many trials.  One
worker trains: with several, the order in which trials end would be another each time.  In FOLDER the databases are
kept, and another call goes on with them.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from pathlib import Path

import tuner
from tuner.analysis import refine
from tuner.search import find_best, searched_params

PROJECT = Path(__file__).parents[1]


def compare(seed: int, trials: int, folder: Path) -> str:
    """Return a row of the table."""
    storage = f"sqlite:///{folder}/{seed}.db"
    coarse = tuner.run(
        "studies/digits.toml", storage=storage, seed=seed, trials=trials, workers=1, name=f"digits_{seed}"
    )
    before = coarse.results()
    refined = refine(before, PROJECT / "studies" / "digits_fine.toml", PROJECT)
    after = tuner.run(tomllib.loads(refined.text), storage=storage, trials=trials, workers=1).results()
    old, new = (find_best(study.record.trials, study.objective) for study in (before, after))
    assert old is not None
    assert new is not None
    best, fine = float(old.value or 0.0), float(new.value or 0.0)
    first = after.record.trials[0]
    kept = list(searched_params(first).values()) == list(searched_params(old).values())
    return (
        f"| {seed} | {refined.complete} | {refined.volume:.1%} | {'yes' if kept else 'no'} | {best:.4f} | "
        f"{first.value or float('nan'):.4f} | {fine:.4f} | {fine - best:+.4f} |"
    )


def main() -> None:
    seeds, trials = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60
    print("| seed | complete | volume left | first trial is the best | best | it again | best refined | difference |")
    print("|---:|---:|---:|---|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            print(compare(seed, trials, Path(sys.argv[3] if len(sys.argv) > 3 else folder)), flush=True)


if __name__ == "__main__":
    main()
