"""What was made before, by key; what was used longest ago is dropped."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class BuildTimer:
    """Counts programs and the seconds spent on making them.

    Attributes:
        traced: Programs that were called for the first time, in which TensorFlow prepares them.
        seconds: Wall time of making them, and what they share.
    """

    def __init__(self) -> None:
        self.traced, self.seconds = 0, 0.0
        self._inside = False

    def timed(self, make: Callable[[], T]) -> T:
        """Call `make`; the time of what is made inside of something else is counted once."""
        if self._inside:
            return make()
        self._inside, began = True, time.monotonic()
        try:
            return make()
        finally:
            self._inside = False
            self.seconds += time.monotonic() - began


class LruCache(Generic[T]):
    """Things by key, at most `limit` of them.

    Args:
        limit: How many are kept.
        clock: Counts the time of making them.
    """

    def __init__(self, limit: int, clock: BuildTimer) -> None:
        self._limit, self._clock = limit, clock
        self._things: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of this key, made where it is not there."""
        if key not in self._things:
            self._things[key] = self._clock.timed(make)
            while len(self._things) > self._limit:
                self._things.popitem(last=False)
        self._things.move_to_end(key)
        return self._things[key]

    @property
    def left(self) -> int:
        """How many more fit before one is dropped."""
        return self._limit - len(self._things)

    def __len__(self) -> int:
        return len(self._things)
