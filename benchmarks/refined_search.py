"""Refine a study: how much smaller its space becomes, and what the refined study finds.

    python benchmarks/refined_search.py SEEDS [--first 0] [--trials 60] [--folder FOLDER] [--mock] [--control]

Runs `studies/digits.toml` with each seed from FIRST, refines it, and runs the refined study with as many trials.  One
worker trains: with several, the order in which trials end would be another each time.  In FOLDER the databases are
kept, and another call continues with them.  With `--mock` it is the mock study of the tests, whose value is a function
of the recipe and of noise that belongs to the seed of the training, with a standard deviation of 0.005.
With `--control` the last column is the best of the study that continues to twice the trials instead.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tuner
from tuner.analysis import refine
from tuner.executors import InlineExecutor
from tuner.results import StoredStudy, read_study_results, trial_recipe
from tuner.runner.study_runner import StudyRunner
from tuner.search import find_best
from tuner.storage import open_database
from tuner.study import read_study_dict

PROJECT = Path(__file__).parents[1]
NOISE = 0.005
sys.path.insert(0, str(PROJECT / "tests"))

import mock_study  # noqa: E402
import mock_trainer  # noqa: E402

QUALITY = mock_trainer.quality


def noisy(recipe: Mapping[str, Any]) -> float:
    """Return what a recipe reaches with its seed."""
    return QUALITY(recipe) + random.Random(recipe["seed"]).gauss(0.0, NOISE)


def run_mock(content: Mapping[str, Any], url: str, trials: int) -> StoredStudy:
    """Run a study with the trainer of the tests."""
    spec = read_study_dict(content, PROJECT, overrides={"trials": trials})
    mock_trainer.quality = noisy
    StudyRunner(spec, open_database(url, create=True), InlineExecutor(mock_trainer.trainer, 1)).run()
    return read_study_results(open_database(url, create=False), spec.name)


def run_digits(content: Mapping[str, Any], url: str, trials: int) -> StoredStudy:
    """Run a study in one worker."""
    return tuner.run(content, storage=url, trials=trials, workers=1).results()


def compare(seed: int, trials: int, folder: Path, mock: bool, control: bool) -> str:
    """Return a row of the table."""
    url = f"sqlite:///{folder}/{'mock' if mock else 'digits'}_{seed}.db"
    run = run_mock if mock else run_digits
    digits = tomllib.loads((PROJECT / "studies" / "digits.toml").read_text(encoding="utf-8"))
    coarse = {**mock_study.CONTENT, "pruner": {"name": "median"}} if mock else digits
    content = {**coarse, "name": f"coarse_{seed}", "seed": seed}
    before = run(content, url, trials)
    refined = refine(before, PROJECT / "studies" / "fine.toml", PROJECT)
    after = run(tomllib.loads(refined.text), url, trials)
    old, new = (find_best(study.record.trials, study.objective) for study in (before, after))
    assert old is not None
    assert new is not None
    best, fine = float(old.value or 0.0), float(new.value or 0.0)
    first = after.record.trials[0]
    recipes = [trial_recipe(*one).model_dump(exclude={"seed"}) for one in ((before, old), (after, first))]
    again = "pruned" if first.value is None else f"{first.value:.4f}"
    more = find_best(run(content, url, 2 * trials).record.trials, before.objective) if control else None
    return (
        f"| {seed} | {refined.complete} | {refined.volume:.1%} | {'yes' if recipes[0] == recipes[1] else 'no'} "
        f"| {best:.4f} | {again} | {fine:.4f} | {fine - best:+.4f} |" + (f" {more.value:.4f} |" if more else "")
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--mock", action="store_true")
    parser.add_argument("--control", action="store_true")
    given = parser.parse_args()
    print("| seed | complete | volume left | first trial is the best | best | it again | best refined | difference |")
    print("|---:|---:|---:|---|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.first, given.first + given.seeds):
            print(compare(seed, given.trials, given.folder or Path(folder), given.mock, given.control), flush=True)


if __name__ == "__main__":
    main()
