"""How many trials a second the coordinator alone can do: ask, store, report, prune, tell; its engine costs nothing.

    python benchmarks/coordinator.py [--trials 500] [--epochs 20] [--sampler tpe] [--repeat 3]

Prints one row for each hundred trials and sampler: trials a second, and milliseconds a trial.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database
from tuner.study import read_study_dict

CONTENT: dict[str, Any] = {
    "name": "coordinator",
    "model": "models/mlp.py",
    "data": {"source": "digits"},
    "search": {
        "loss": ["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"],
        "optimizer": ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam"],
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "momentum": {"low": 0.0, "high": 0.99},
        "schedule": ["constant", "step", "exponential", "cosine", "one_cycle"],
        "initializer": ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"],
        "activation": ["relu", "elu", "swish", "tanh"],
        "model": {"units": [32, 64, 128]},
        "optimizer_options": {"sgd": {"nesterov": [True, False]}},
    },
    "pruner": {"name": "hyperband"},
}


def trainer(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    """A curve that rises to what the learning rate allows; costs nothing."""
    reach, value = 1.0 / (1.0 + abs(math.log10(recipe["learning_rate"] / 3e-3))), 0.0
    for epoch in range(1, recipe["epochs"] + 1):
        value = reach * (1 - math.exp(-epoch / 3))
        yield EpochRecord(0, epoch, 1 - value, 1 - value, value, recipe["learning_rate"], 0.0)
    return TrainingResult("complete", value)


def measure(trials: int, epochs: int, sampler: str, pruner: str) -> list[tuple[int, float]]:
    """Seconds from the start at which each hundredth trial was finished."""
    marks: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        content = CONTENT | {
            "budget": {"trials": trials, "epochs": epochs},
            "sampler": {"name": sampler},
            "pruner": {"name": pruner},
        }
        spec = read_study_dict(content, Path.cwd())
        database = open_database(f"sqlite:///{folder}/t.db", create=True)
        began = time.perf_counter()

        def show(standing: Any) -> None:
            if standing.finished % 100 == 0 and (not marks or marks[-1][0] != standing.finished) and standing.finished:
                marks.append((standing.finished, time.perf_counter() - began))

        StudyRunner(spec, database, InlineExecutor(trainer, slots=2), show).run()
    return marks


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    runs = [measure(options.trials, options.epochs, options.sampler, options.pruner) for _ in range(options.repeat)]
    print(
        f"sampler {options.sampler}, pruner {options.pruner}, {options.epochs} epochs, median of {options.repeat} runs"
    )
    print("| trials | trials/s so far | trials/s of the last hundred |")
    print("|---|---|---|")
    for index, (count, _) in enumerate(runs[0]):
        total = statistics.median(run[index][1] for run in runs)
        last = statistics.median(run[index][1] - (run[index - 1][1] if index else 0.0) for run in runs)
        print(f"| {count} | {count / total:.1f} | {100 / last:.1f} |")


if __name__ == "__main__":
    main()
