"""Ctrl-C that is not lost while a command starts."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import NoReturn


class RememberedInterrupt:
    """A handler of SIGINT that raises `KeyboardInterrupt`, as Python's own, and remembers that it did.

    Libraries may catch the exception, as in a callback while they are imported: one in twenty runs continued after a
    Ctrl-C in its first seconds.  `ShutdownSignal` looks at `interrupted` when it takes over.

    Attributes:
        interrupted: Whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.interrupted = False

    def __call__(self, number: int, frame: FrameType | None) -> NoReturn:
        """Handle the signal."""
        self.interrupted = True
        raise KeyboardInterrupt


def remember_interrupts() -> None:
    """Install the handler for the rest of the process, where Python's own is active."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, RememberedInterrupt())
