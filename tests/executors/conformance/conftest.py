"""The executors that must behave alike, each with a worker that trains nothing."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mock_ray
import mock_study
import pytest
from mock_worker import Fault, faulty

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import InlineExecutor, RayExecutor
from tuner.protocol import Executor, Limits, WorkerConfig

LIMITS = Limits(trial_time_s=1000.0)
REAL_RAY = "TUNER_TEST_REAL_RAY"
"""Set in a network of its own: the suite runs on a real cluster of Ray."""


def trainer(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    """The trainer of `mock_study`; of the faults an exception is the only one that it can have."""

    def commit(fault: Fault) -> None:
        assert fault == "raise"
        raise ValueError("no such layer")

    return faulty(recipe, mock_study.trainer(recipe), commit)


@pytest.fixture(scope="module")
def inline() -> InlineExecutor:
    """Trials in this process."""
    return InlineExecutor(trainer)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Executor:
    """One worker process."""
    spec = mock_study.spec_of(tmp_path_factory.mktemp("local"), budget={"epochs": 3, "checkpoint": True})
    return mock_study.with_workers(spec, 1, 0.0, limits=LIMITS)


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    """One actor: in threads of this process, or of a real Ray."""
    project = tmp_path_factory.mktemp("ray")
    config = WorkerConfig(project, "fit", {}, "", (4,), 0, checkpoint_s=0.0, limits=LIMITS)
    if os.environ.get(REAL_RAY):
        yield RayExecutor(config, 1, loop=functools.partial(mock_ray.loop, die=mock_ray.end_process))
        return
    transport, connection = map(
        importlib.import_module, ("tuner.executors.ray.actor_workers", "tuner.executors.ray.cluster_connection")
    )
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(transport, "import_ray", mock_ray.ThreadRay)
        patch.setattr(connection, "RaySession", lambda ray: SimpleNamespace(temp_dir="", close=lambda: None))
        try:
            yield RayExecutor(config, 1, loop=functools.partial(mock_ray.loop, die=mock_ray.end_thread))
        finally:
            os.chdir(here)  # an actor goes to its copy of the project


@pytest.fixture(scope="module", params=["inline", "local", "ray"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Each executor with one slot; a test leaves it free."""
    executor: Executor = request.getfixturevalue(request.param)
    executor.start()
    try:
        yield executor
    finally:
        executor.close(at_once=True)
