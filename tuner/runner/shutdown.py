"""Count Ctrl-C, SIGTERM and SIGHUP instead of raising, so that a write to the database is never cut in two."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class ShutdownSignal:
    """While active, SIGINT adds one, SIGTERM and SIGHUP two to the level; a third Ctrl-C raises `KeyboardInterrupt`.

    Signals reach the main thread only; in another thread nothing is changed and the level stays 0.  If the handler
    before it has an attribute `interrupted` that is true, Ctrl-C was pressed and lost: then it is raised at once.

    SIGHUP, which a terminal sends when it is closed, is left alone where it would not end the process, as under nohup.
    After the first one it is ignored for good: the shell and the kernel repeat it while all is stored.

    Attributes:
        level: 0 run on, 1 finish the running trials, 2 or more stop at once.
    """

    def __init__(self) -> None:
        self.level = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number != signal.SIGHUP or signal.getsignal(number) is signal.SIG_DFL:
                    self._before[number] = signal.signal(number, self._handle)
        if getattr(self._before.get(signal.SIGINT), "interrupted", False):
            self.__exit__(None, None, None)
            raise KeyboardInterrupt
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.level += 1 if number == signal.SIGINT else 2
        if number == signal.SIGHUP:
            self._before[number] = signal.SIG_IGN
            signal.signal(number, signal.SIG_IGN)
        if number == signal.SIGINT and self.level > 2:
            raise KeyboardInterrupt
