"""What a Ray actor runs: the worker of `worker.py` in a thread, with queues in place of pipes.

One thread of the actor hands in messages and another waits for what the worker says, so neither waits for a training.
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
"""The loop of a worker: takes messages from a queue, and sends others (see `messages`)."""

CALLS = 2
"""Methods that an actor runs at once: one `take` that waits, and a `put`."""


def work(inbox: queue.SimpleQueue[Message], send: Callable[[Message], None]) -> None:
    """Train what comes, with TensorFlow."""
    worker = importlib.import_module("tuner.worker")  # by name: a worker stands above the executors
    worker.Worker(inbox, send).run()


class RayWorker:
    """One worker of a cluster, in a private folder with a copy of the project.

    The copy comes as an object of Ray and its hash with the call: nothing of it lies where others could change it, and
    nothing of it is run before the hash is known to be right.

    Args:
        workplace: What all trials share, as JSON; its project is a folder of the coordinator.
        project: The archive of it.
        sha256: Its hash.
        loop: What stands for `work`.
    """

    def __init__(self, workplace: Mapping[str, Any], project: bytes, sha256: str, loop: Work = work) -> None:
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._loop = loop
        self._folder: PrivateFolder | None = None
        threading.Thread(target=self._run, args=(workplace, project, sha256), daemon=True).start()

    def put(self, message: Message) -> list[Message]:
        """Hand a message to the worker; nothing is said in answer."""
        self._inbox.put(message)
        return []

    def take(self) -> list[Message]:
        """What the worker has said; waits for the first of it."""
        found = [self._outbox.get()]
        while not self._outbox.empty():
            found.append(self._outbox.get())
        return found

    def leave(self) -> None:
        """Remove the copy of the project: the worker is about to be ended."""
        if self._folder is not None:
            self._folder.remove()

    def _run(self, workplace: Mapping[str, Any], project: bytes, sha256: str) -> None:
        try:
            self._folder = PrivateFolder()
            copy = self._folder.path / "project"
            copy.mkdir()
            unpack(project, sha256, copy)
            del project
            os.chdir(copy)
            self.put({"do": "prepare", "workplace": {**workplace, "project": str(copy)}})
            self._loop(self._inbox, self._outbox.put)
        except BaseException as error:  # a thread that ends in silence would leave the coordinator waiting
            self._outbox.put({"is": "broken", "error": format_error(error), "traceback": traceback.format_exc()})
