"""Ray in a network of its own, which nothing outside reaches: Ray listens on all addresses.

Run as a program inside it, `python tests/mock_ray.py TRIALS EPOCH_SECONDS FOLDER` runs a mock study on a cluster of two
nodes.  In the middle one node is killed, and another one joins.  It prints as JSON how that went.  Nodes and actors are
real; what the actors run is the trainer of `mock_study`.
"""

from __future__ import annotations

import concurrent.futures
import functools
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import mock_study
from mock_worker import MockWorker

from tuner.executors import RayExecutor
from tuner.executors.ray.actor import RayWorker
from tuner.protocol import Event, WorkerConfig, WorkerDied
from tuner.results import read_study_results, summary
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database

WITHOUT_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def missing() -> str | None:
    """Why Ray cannot run here; None where it can."""
    if importlib.util.find_spec("ray") is None:
        return "Ray is not installed (pip install '.[ray]')"
    done = subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True, text=True, check=False)
    return f"a network of its own cannot be made ({done.stderr.strip()})" if done.returncode else None


def end_process() -> NoReturn:
    """Die as an actor does whose node is gone."""
    os._exit(1)


def end_thread() -> NoReturn:
    """End the loop of an actor that lives on."""
    raise SystemExit(3)


def loop(
    inbox: queue.SimpleQueue[dict[str, Any]],
    send: Callable[[dict[str, Any]], None],
    epoch_s: float = 0.0,
    die: Callable[[], NoReturn] = end_process,
) -> None:
    """Speaks as a worker does."""
    MockWorker(inbox.get, send, die).run(epoch_s)


class ThreadRay:
    """As much of Ray as an executor needs, with real actors in threads of this process: one node with one CPU."""

    exceptions = SimpleNamespace(RayError=ConnectionError)
    job_config = SimpleNamespace(JobConfig=SimpleNamespace)

    def __init__(self) -> None:
        self._connected = False

    def init(self, **options: Any) -> None:
        self._connected = True

    def is_initialized(self) -> bool:
        return self._connected

    def shutdown(self) -> None:
        self._connected = False

    def put(self, content: bytes) -> bytes:
        return content

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0}}]

    def remote(self, kind: type[RayWorker]) -> SimpleNamespace:
        def start(*arguments: Any) -> SimpleNamespace:
            worker = kind(*arguments)
            calls = {name: SimpleNamespace(remote=functools.partial(call, getattr(worker, name))) for name in METHODS}
            return SimpleNamespace(worker=worker, **calls)

        def call(method: Callable[..., Any], *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            threading.Thread(target=lambda: future.set_result(method(*arguments)), daemon=True).start()
            return future

        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=start))

    def kill(self, handle: SimpleNamespace, *, no_restart: bool) -> None:
        handle.leave.remote()
        for _ in range(2):  # what waits for a message in one of its threads ends
            handle.put.remote({})
        handle.worker._outbox.put({})

    def wait(
        self, calls: list[Future[Any]], *, num_returns: int, timeout: float
    ) -> tuple[list[Future[Any]], list[Any]]:
        ended = concurrent.futures.wait(calls, timeout, return_when="FIRST_COMPLETED").done
        return [call for call in calls if call in ended][:num_returns], []

    def get(self, call: Future[Any]) -> Any:
        return call.result()


METHODS = ("take", "put", "leave")
"""Of an actor."""


class Disturbed(RayExecutor):
    """Kills a node when all workers are busy, and adds another one when trials were lost by that.

    Attributes:
        lost: Numbers of the trials that were lost.
        busy: How many workers were busy at once, before and after the new node came.
    """

    def __init__(self, cluster: Any, config: WorkerConfig, **options: Any) -> None:
        super().__init__(config, address=cluster.address, **options)
        self._cluster, self._victim = cluster, cluster.add_node(num_cpus=2)
        self.lost: list[int] = []
        self.busy = [0, 0]
        self._stage = 0

    def free_slots(self) -> int:
        """New trials wait for the new node: on a busy machine all could be over before it works."""
        waits = self._stage == 2 and sum(worker.ready for worker in self._workers) < 3
        return 0 if waits else super().free_slots()

    def poll(self, timeout_s: float) -> list[Event]:
        found = super().poll(timeout_s)
        self.lost += [event.number for event in found if isinstance(event, WorkerDied)]
        busy = sum(worker.job is not None for worker in self._workers)
        after = int(self._stage == 2)
        self.busy[after] = max(self.busy[after], busy)
        if self._stage == 0 and busy == 3:
            self._stage = 1
            self._cluster.remove_node(self._victim, allow_graceful=False)
        elif self._stage == 1 and self.lost:
            self._stage = 2
            self._cluster.add_node(num_cpus=2)
        return found


def main(trials: int, epoch_s: float, folder: Path) -> None:
    """Entry of this program."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="only-for-tests-" + "x" * 32)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        spec = mock_study.spec_of(
            folder, budget={"trials": trials, "epochs": 5}, pruner={"name": "median", "n_startup_trials": 4}
        )
        place = WorkerConfig(folder, "auto", {}, "", spec.facts.input_shape, 0)
        executor = Disturbed(cluster, place, loop=functools.partial(loop, epoch_s=epoch_s))
        database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
        ended = StudyRunner(spec, database, executor).run()
        content = summary(read_study_results(database, spec.name))
    finally:
        cluster.shutdown()
    print(json.dumps({"ended": ended, "lost": executor.lost, "busy": executor.busy, **content}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
