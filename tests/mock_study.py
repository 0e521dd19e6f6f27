"""A study without TensorFlow: a real study file over iris, and a trainer that computes its curve from the recipe.

Run as a program it is a coordinator of its own: `python tests/mock_study.py URL TRIALS EPOCH_SECONDS [WORKERS]`; with
workers these are processes (`mock_worker`), else it trains itself.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tuner.engines import EpochRecord, NetworkSize, TrainingResult
from tuner.executors import InlineExecutor, LocalExecutor
from tuner.health import Finding, Fold, LayerHealth, Probe, assess
from tuner.protocol import Limits, WorkerConfig
from tuner.runner.progress import Progress
from tuner.runner.study_runner import StudyRunner
from tuner.storage import Database, open_database
from tuner.study import StudySpec, read_study_dict

CONTENT: dict[str, Any] = {
    "name": "mock",
    "model": "models/mlp.py",
    "data": {"source": "iris"},
    "search": {
        "optimizer": ["sgd", "adam", "adagrad"],
        "learning_rate": {"low": 1e-4, "high": 10.0, "log": True},
        "momentum": {"low": 0.0, "high": 0.99},
        "schedule": ["constant", "cosine"],
        "activation": ["relu", "tanh"],
    },
    "budget": {"trials": 30, "epochs": 5},
    "pruner": {"name": "none"},
}


def spec_of(project: Path, **sections: Any) -> StudySpec:
    """The mock study, with some of its keys replaced."""
    return read_study_dict({**CONTENT, **sections}, project)


def quality(recipe: Mapping[str, Any]) -> float:
    """What a recipe can reach: best at a learning rate of 0.03 with Adam and tanh, in (0, 1)."""
    distance = abs(math.log10(recipe["learning_rate"] / 0.03))
    bonus = 0.05 * (recipe["optimizer"]["name"] == "adam") + 0.02 * (recipe["activation"] == "tanh")
    return 0.9 / (1.0 + distance) + bonus


def trainer(
    recipe: Mapping[str, Any], epoch_s: float = 0.0, diverges_above: float = math.inf, after: int = 0
) -> Generator[EpochRecord, None, TrainingResult]:
    """A curve that rises towards `quality`, and a look at its health after each epoch; deterministic.

    The epochs up to `after` were trained before.
    """
    value, probes = 0.0, [Probe(0, 1.0, (LayerHealth("hidden_1", 1.0, dead_share=0.0),), constant_loss=1.0)]
    for epoch in range(1, recipe["epochs"] + 1):
        if recipe["learning_rate"] > diverges_above:
            text = f"the training loss became nan in epoch {epoch}"
            return TrainingResult("diverged", None, text, (Finding("diverged", text, None, epoch, math.nan, None),))
        if epoch_s and epoch > after:
            time.sleep(epoch_s)
        value = quality(recipe) * (1 - math.exp(-epoch))
        probes.append(Probe(epoch, 1 - value, (LayerHealth("hidden_1", 0.5, 1e-3, dead_share=0.0),)))
        new = tuple(probes if epoch == 1 else probes[-1:])
        if epoch > after:
            yield EpochRecord(0, epoch, 1 - value, 1 - value, value, recipe["learning_rate"], epoch_s, new)
    return TrainingResult("complete", value, findings=assess([Fold(0, recipe["epochs"], probes, {})]))


def network_size(recipe: Mapping[str, Any]) -> NetworkSize:
    """A size for each recipe, whatever its model is; those of better ones are larger."""
    weights = 1_000 + round(10_000 * quality(recipe)) + recipe["seed"] % 3_000
    return NetworkSize(weights, weights, 10 * weights)


def run(spec: StudySpec, database: Database, **options: Any) -> tuple[str, list[Progress]]:
    """Run the study in this process; why it ended, and what was shown."""
    shown: list[Progress] = []
    slots = options.pop("slots", 1)
    executor = InlineExecutor(lambda recipe: trainer(recipe, **options), slots, network_size=network_size)
    return StudyRunner(spec, database, executor, shown.append).run(), shown


def with_workers(
    spec: StudySpec, workers: int, *arguments: float, kind: type[LocalExecutor] = LocalExecutor, **options: Any
) -> LocalExecutor:
    """An executor of `mock_worker` processes."""
    every_s = 0.0 if spec.budget.checkpoint else None
    limits = options.pop("limits", Limits())
    place = WorkerConfig(spec.project, "fit", {}, "", spec.facts.input_shape, 0, checkpoint_s=every_s, limits=limits)
    command = [sys.executable, str(Path(__file__).with_name("mock_worker.py")), *map(str, arguments)]
    return kind(place, workers, command, **options)


if __name__ == "__main__":
    url, trials, epoch_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    study = spec_of(Path.cwd(), budget={"trials": trials, "epochs": 5})
    where = open_database(url, create=True)
    if len(sys.argv) > 4:
        StudyRunner(study, where, with_workers(study, int(sys.argv[4]), epoch_s)).run()
    else:
        run(study, where, epoch_s=epoch_s, slots=2)
    where.close()
