"""What a trial may use of a machine: time, and memory of its worker process."""

from __future__ import annotations

from dataclasses import dataclass

_WITHOUT_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
"""Names of such exceptions: of Python and NumPy, of TensorFlow, of Ray."""


@dataclass(frozen=True)
class Limits:
    """Limits of one worker process with all that it has started; None for none.

    Attributes:
        trial_time_s: Wall time of one trial.
        memory_bytes: Memory.
    """

    trial_time_s: float | None = None
    memory_bytes: int | None = None


NO_LIMITS = Limits()


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory could not be had; `_WITHOUT_MEMORY` are not imported for that."""
    return any(kind.__name__ in _WITHOUT_MEMORY for kind in type(error).__mro__)
