"""What a Ray actor runs: the worker of `worker.py` in a thread, with queues in place of pipes.

One thread of the actor hands in messages and another waits for what the worker says, so neither waits for a training.
It imports neither Ray nor, by itself, TensorFlow.
"""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tuner.executors.base import one_line

Message: TypeAlias = dict[str, Any]
Work: TypeAlias = Callable[["queue.SimpleQueue[Message]", Callable[[Message], None]], None]
"""The loop of a worker: takes messages from a queue, and sends others (see `messages`)."""

CALLS = 2
"""Methods that an actor runs at once: one `take` that waits, and a `put`."""


def work(inbox: queue.SimpleQueue[Message], send: Callable[[Message], None]) -> None:
    """Train what comes, with TensorFlow."""
    from tuner.executors.worker import Worker

    Worker(inbox, send).run()


class RayWorker:
    """One worker of a cluster; its working folder is the copy of the project that Ray has unpacked there.

    Args:
        workplace: What all trials share, as JSON; its project is a folder of the coordinator.
        loop: What stands for `work`.
    """

    def __init__(self, workplace: Mapping[str, Any], loop: Work = work) -> None:
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._loop = loop
        self.put({"do": "prepare", "workplace": {**workplace, "project": os.getcwd()}})
        threading.Thread(target=self._run, daemon=True).start()

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

    def _run(self) -> None:
        try:
            self._loop(self._inbox, self._outbox.put)
        except BaseException as error:  # a thread that ends in silence would leave the coordinator waiting
            self._outbox.put({"is": "broken", "error": one_line(error), "traceback": traceback.format_exc()})
