"""Workers as Ray actors: long-lived, so that each imports TensorFlow and reads the data once.

An actor that cannot be scheduled yet is pending and takes no job; a node that joins runs it.  Each actor has one call
of `take` in flight, which returns messages; an actor whose call fails is lost.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.executors.pool import PoolWorker, Received, WorkerExit
from tuner.executors.ray.actor import CALLS, RayWorker, Work
from tuner.executors.ray.cluster import Cluster
from tuner.executors.ray.cluster_connection import LOCAL, connect, import_ray, worker_variables
from tuner.executors.ray.project_archive import digest, pack
from tuner.executors.ray.ray_credentials import RaySession
from tuner.protocol import WorkerConfig, out_of_memory
from tuner.text import format_error

_LEAVE_TIMEOUT_S = 2.0


@dataclass(eq=False, kw_only=True)
class RayActor(PoolWorker):
    """An actor and its handle."""

    handle: Any


class RayTransport:
    """Starts Ray actors (a `Transport`); arguments as of `RayExecutor`."""

    queues_jobs = False

    def __init__(
        self,
        config: WorkerConfig,
        workers: int | None,
        *,
        address: str | None,
        cpus: float,
        gpus: float,
        named: Sequence[str],
        loop: Work,
    ) -> None:
        self._config, self._workers, self._named, self._loop = config, workers, named, loop
        self._address = address or os.environ.get("RAY_ADDRESS") or LOCAL
        self._cpus, self._gpus = cpus, gpus
        self._calls: dict[Any, tuple[RayActor, bool]] = {}  # in flight → its actor, and True if it is a `take`
        self._ray: Any = None
        self._session: RaySession | None = None
        self._cluster: Cluster | None = None
        self._project: tuple[Any, str] | None = None  # the archive as an object of Ray, and its hash

    def start(self) -> None:
        """See `Transport`.

        Raises:
            WorkerError: Ray is missing or cannot be reached, or the project is too large.
        """
        if self._ray is not None:
            return
        ray = import_ray()
        archive = pack(self._config.project, self._named)
        variables = worker_variables(self._config, self._cpus, self._gpus)
        self._session, self._ray = connect(ray, self._address, variables), ray
        self._project = ray.put(archive), digest(archive)
        self._cluster = Cluster(ray, self._workers, self._cpus, self._gpus, own=self._address == LOCAL)

    def capacity(self) -> int:
        """See `Transport`."""
        assert self._cluster is not None
        return self._cluster.capacity()

    def spawn(self, attempt: int) -> RayActor:
        """See `Transport`."""
        remote = self._ray.remote(RayWorker).options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_concurrency=CALLS,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        assert self._project is not None
        handle = remote.remote(self._config.to_json(), *self._project, self._loop)
        actor = RayActor(handle=handle, attempt=attempt)
        self._take(actor)
        return actor

    def send(self, worker: RayActor, message: dict[str, Any]) -> None:
        """See `Transport`."""
        self._calls[worker.handle.put.remote(message)] = worker, False

    def receive(self, timeout_s: float) -> Iterator[tuple[RayActor, Received]]:
        """See `Transport`."""
        for call in self._finished_calls(timeout_s):
            actor, is_take = self._calls.pop(call, (None, False))
            if actor is None:  # stopped meanwhile
                continue
            try:
                messages = self._ray.get(call)
            except self._ray.exceptions.RayError as error:  # it died or is out of reach: it counts no more
                yield actor, self._on_actor_failure(actor, error)
                continue
            if is_take:
                self._take(actor)
            for message in messages:
                yield actor, message

    def log(self, worker: RayActor) -> str:
        """See `Transport`: output of actors stays on their nodes."""
        return ""

    def over_memory(self, workers: Sequence[RayActor]) -> list[tuple[RayActor, str]]:
        """See `Transport`: Ray watches the memory of its nodes itself."""
        return []

    def should_recycle(self, worker: RayActor) -> bool:
        """See `Transport`."""
        return False

    def stop(self, worker: RayActor) -> None:
        """See `Transport`."""
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):  # it is dead already
            self._ray.kill(worker.handle, no_restart=True)
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not worker}

    def close(self, workers: Sequence[RayActor], *, at_once: bool) -> None:
        """See `Transport`.  Ends our actors and leaves the cluster to others."""
        if self._ray is not None and self._ray.is_initialized():
            if self._cluster is None or not self._cluster.head_lost:  # without a head Ray would wait for it
                self._remove_copies(workers)
                for worker in workers:
                    self.stop(worker)
            self._calls.clear()
            self._project = None
            self._ray.shutdown()
        if self._session is not None:
            self._session.close()

    def _take(self, actor: RayActor) -> None:
        self._calls[actor.handle.take.remote()] = actor, True

    def _finished_calls(self, timeout_s: float) -> list[Any]:
        if not self._calls:
            time.sleep(timeout_s)
            return []
        calls = list(self._calls)
        finished, _ = self._ray.wait(calls, num_returns=1, timeout=timeout_s)
        if len(finished) == 1 < len(calls):
            finished, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        return list(finished)

    def _on_actor_failure(self, actor: RayActor, error: Exception) -> WorkerExit:
        """Describe the end of an actor.

        Raises:
            WorkerError: The head of the cluster is lost.
        """
        assert self._cluster is not None
        self._cluster.check_head()
        if out_of_memory(error):  # Ray has killed it, as its node had none left
            reason = f"out of memory: {format_error(error)}"
            return WorkerExit(reason, str(error), oom=reason, shared_memory=True)
        hint = "" if actor.ready else "\nEvery node needs this package, in the version that the coordinator has."
        return WorkerExit(f"its worker was lost ({type(error).__name__})", f"{error}{hint}")

    def _remove_copies(self, workers: Sequence[RayActor]) -> None:
        """Let the workers remove their copies of the project; one that cannot leaves it to the next on its node."""
        calls = [worker.handle.leave.remote() for worker in workers if worker.ready]
        if calls:
            self._ray.wait(calls, num_returns=len(calls), timeout=_LEAVE_TIMEOUT_S)
