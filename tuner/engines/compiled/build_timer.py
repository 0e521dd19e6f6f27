"""Count programs, and measure the time of building them."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


class BuildTimer:
    """Counts programs and the seconds spent on building them.

    Attributes:
        traced: Programs that were called for the first time, in which TensorFlow prepares them.
        seconds: Wall time of building them and what they share, without that of running them.
    """

    def __init__(self) -> None:
        self.traced, self.seconds = 0, 0.0
        self._running = False

    def timed(self, build: Callable[[], T]) -> T:
        """Call `build` and add its time; nested calls are counted once."""
        if self._running:
            return build()
        self._running, began = True, time.monotonic()
        try:
            return build()
        finally:
            self._running = False
            self.seconds += time.monotonic() - began

    def subtract(self, seconds: float) -> None:
        """Subtract time that was counted, but did not build anything."""
        self.seconds -= seconds

    def get_or_build(self, cache: MutableMapping[K, T], key: K, build: Callable[[], T]) -> T:
        """Return the entry of a cache, built and timed if it is missing."""
        if key not in cache:
            cache[key] = self.timed(build)
        return cache[key]
