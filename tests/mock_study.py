"""A study without TensorFlow: a real study file over iris, and the trainer of `mock_trainer`.

Run as a program it is a coordinator of its own: `python tests/mock_study.py URL TRIALS EPOCH_SECONDS [WORKERS]`; with
workers these are processes (`mock_worker`), else it trains itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mock_trainer import network_size, trainer

from tuner.executors import InlineExecutor, LocalExecutor
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
