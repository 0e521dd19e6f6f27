"""Capacity and head of a Ray cluster."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.errors import WorkerError
from tuner.text import count

CAPACITY_POLL_S = 2.0
"""Interval at which the nodes of the cluster are counted."""
AUTOSCALER_TIMEOUT_S = 300.0
"""Timeout of the autoscaler for a node that a worker fits on; a local Ray never starts any."""
HEAD_TIMEOUT_S = 15.0
"""Timeout of an unreachable head; after 60 s Ray would end this process, without a useful message."""


class Cluster:
    """The nodes of a cluster.

    Args:
        ray: The module, connected.
        workers: How many workers there should be; None for as many as fit, also when nodes join.
        cpus: CPUs of one worker; a fraction means that workers share one.
        gpus: GPUs of one worker.
        own: True if Ray runs for this run alone: no node joins, and the head ends with this process.
    """

    def __init__(self, ray: Any, workers: int | None, cpus: float, gpus: float, *, own: bool) -> None:
        self._ray, self._workers, self._cpus, self._gpus, self._own = ray, workers, cpus, gpus, own
        self._capacity = 0
        self._counted_at = -math.inf
        self._full_since: float | None = None
        self._head: tuple[str, int] | None = None
        self.head_lost = False
        if not own:
            host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
            self._head = host.strip("[]"), int(port)

    def capacity(self) -> int:
        """Return how many workers there should be; the nodes are counted every `CAPACITY_POLL_S`.

        Raises:
            WorkerError: No node has room for a worker, and none has joined in time; or the head is lost.
        """
        now = time.monotonic()
        if now - self._counted_at > CAPACITY_POLL_S:
            self.check_head()
            self._counted_at = now
            room = self._room()
            self._check_room(room, now)
            self._capacity = self._workers or max(1, room)
        return self._capacity

    def check_head(self) -> None:
        """Wait until the head can be reached; the nodes are counted again, as one may have left.

        Raises:
            WorkerError: It has been unreachable for too long.
        """
        self._counted_at = -math.inf
        deadline = time.monotonic() + HEAD_TIMEOUT_S
        while self._head is not None:
            try:
                socket.create_connection(self._head, timeout=1.0).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    self.head_lost = True
                    raise WorkerError(
                        f"The head node of the Ray cluster must stay reachable, but {self._head[0]}:{self._head[1]} "
                        f"has not answered for {HEAD_TIMEOUT_S:g} s ({error}). Start the cluster again and run the "
                        "same command: finished trials are kept, and interrupted trials run again."
                    ) from error
            time.sleep(1.0)

    def _room(self) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(workers_per_node(resources, self._cpus, self._gpus) for resources in nodes)

    def _check_room(self, room: int, now: float) -> None:
        if room:
            self._full_since = None
            return
        self._full_since = self._full_since or now
        if now - self._full_since >= (0.0 if self._own else AUTOSCALER_TIMEOUT_S):
            raise WorkerError(
                f"A node must have what one worker needs ({self._cpus:g} CPUs, {self._gpus:g} GPUs), but the "
                f"cluster has {_describe_nodes(self._ray.nodes())}. Ask for less in [resources] of the study "
                "file, or add a larger node."
            )


def workers_per_node(resources: Mapping[str, float], cpus: float, gpus: float) -> int:
    """Return how many workers a node has room for."""
    needs = {"CPU": cpus, "GPU": gpus}
    # A third is 0.333 in a study file: three such workers fit, and so must 0.1 ten times.
    return min(math.floor(resources.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need)


def _describe_nodes(nodes: Sequence[Mapping[str, Any]]) -> str:
    alive: list[Mapping[str, float]] = [node["Resources"] for node in nodes if node["Alive"]]
    largest = max(alive, key=lambda one: (one.get("GPU", 0.0), one.get("CPU", 0.0)), default={})
    size = f"{largest.get('CPU', 0.0):g} CPUs and {largest.get('GPU', 0.0):g} GPUs"
    return f"{count(len(alive), 'node')}, the largest with {size}"
