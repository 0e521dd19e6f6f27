"""The executor of a Ray cluster."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.executors.pool import WorkerPool
from tuner.executors.ray.actor import Work, work
from tuner.executors.ray.actor_workers import RayActor, RayTransport
from tuner.protocol import WorkerConfig


class RayExecutor(WorkerPool[RayActor]):
    """Actors on a Ray cluster.

    Args:
        config: What every trial shares; its project folder is sent to the nodes.  Its memory limit is not enforced.
        workers: Number of actors; None for as many as the cluster has room for, also when nodes join.
        address: Of the cluster; None for RAY_ADDRESS or, if that is not set, a Ray of this run alone.
        cpus: CPUs of one worker; a fraction means that workers share one.
        gpus: GPUs of one worker.
        named: Files and folders that the study names, relative to the project: they are always sent.
        loop: What an actor runs.
    """

    def __init__(
        self,
        config: WorkerConfig,
        workers: int | None = None,
        *,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        named: Sequence[str] = (),
        loop: Work = work,
    ) -> None:
        transport = RayTransport(config, workers, address=address, cpus=cpus, gpus=gpus, named=named, loop=loop)
        super().__init__(transport, config.limits)
