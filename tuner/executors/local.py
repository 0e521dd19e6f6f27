"""The executor of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tuner.data import PreparedData, save_prepared
from tuner.executors.pool import WorkerPool
from tuner.executors.private_folder import PrivateFolder
from tuner.executors.worker_env import cores, threads_per_worker
from tuner.executors.worker_processes import PipeTransport, WorkerProcess
from tuner.protocol import WorkerConfig


class LocalExecutor(WorkerPool[WorkerProcess]):
    """Worker processes on this machine.

    Two processes of one thread each beat one process of two threads on small models; so each worker gets its
    share of the cores and no more.

    Args:
        config: What every trial shares.
        workers: Number of processes; None for one per core.
        command: What starts a worker; None for our own.
        threads: Threads of each worker; None for its share of the cores.
        prepared: The rows, which all workers then share; None if each reads them.
    """

    def __init__(
        self,
        config: WorkerConfig,
        workers: int | None = None,
        command: Sequence[str] | None = None,
        threads: int | None = None,
        prepared: PreparedData | None = None,
    ) -> None:
        self.count = workers or cores()
        self._folder: PrivateFolder | None = None
        self.config = config if prepared is None else self._share(config, prepared)
        transport = PipeTransport(self.config, self.count, threads or threads_per_worker(self.count), command)
        super().__init__(transport, config.limits)

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""
        super().close(at_once=at_once)
        if self._folder is not None:
            self._folder.remove()

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def _share(self, config: WorkerConfig, prepared: PreparedData) -> WorkerConfig:
        """Return the configuration with a file of the rows; without one if there is no room for it."""
        try:
            self._folder = PrivateFolder()
            return replace(config, prepared=save_prepared(prepared, self._folder.path))
        except OSError:
            return config
