"""The Ray actor: a worker in a thread, with queues instead of pipes.

One thread of the actor delivers messages and another waits for events, so neither waits for a training.
It imports neither Ray nor, by itself, TensorFlow.
"""

from __future__ import annotations

import importlib
import os
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tuner.executors.private_folder import PrivateFolder
from tuner.executors.ray.project_archive import unpack
from tuner.text import format_error

Message: TypeAlias = dict[str, Any]
Work: TypeAlias = Callable[["queue.SimpleQueue[Message]", Callable[[Message], None]], None]
"""The loop of a worker: takes messages from a queue and sends others (see `messages`)."""

CALLS = 2
"""Methods that an actor runs concurrently: a blocking `take`, and a `put`."""


def work(inbox: queue.SimpleQueue[Message], send: Callable[[Message], None]) -> None:
    """Run the worker loop with TensorFlow."""
    worker = importlib.import_module("tuner.worker")  # by name: the worker is a layer above the executors
    worker.Worker(inbox, send).run()


class RayWorker:
    """One worker of a cluster, in a private folder with a copy of the project.

    The copy is an object of Ray, its hash an argument of the call: others cannot change it on disk, and nothing of it
    runs before its hash is verified.

    Args:
        config: A `WorkerConfig` as JSON; its project is a folder of the coordinator.
        project: Archive of that folder.
        sha256: Hash of the archive.
        loop: The worker loop.
    """

    def __init__(self, config: Mapping[str, Any], project: bytes, sha256: str, loop: Work = work) -> None:
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._loop = loop
        self._folder: PrivateFolder | None = None
        threading.Thread(target=self._run, args=(config, project, sha256), daemon=True).start()

    def put(self, message: Message) -> list[Message]:
        """Deliver a message to the worker; returns no messages."""
        self._inbox.put(message)
        return []

    def take(self) -> list[Message]:
        """Return the messages of the worker; waits for the first."""
        found = [self._outbox.get()]
        while not self._outbox.empty():
            found.append(self._outbox.get())
        return found

    def leave(self) -> None:
        """Remove the copy of the project before the worker is killed."""
        if self._folder is not None:
            self._folder.remove()

    def _run(self, config: Mapping[str, Any], project: bytes, sha256: str) -> None:
        try:
            self._folder = PrivateFolder()
            copy = self._folder.path / "project"
            copy.mkdir()
            unpack(project, sha256, copy)
            del project
            os.chdir(copy)
            self.put({"do": "prepare", "config": {**config, "project": str(copy)}})
            self._loop(self._inbox, self._outbox.put)
        except BaseException as error:  # a thread that ends in silence would leave the coordinator waiting
            self._outbox.put({"is": "broken", "error": format_error(error), "traceback": traceback.format_exc()})
