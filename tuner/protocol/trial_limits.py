"""Time and memory that a trial may use."""

from __future__ import annotations

from dataclasses import dataclass

_MEMORY_ERRORS = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
"""Names of such exceptions: of Python and NumPy, of TensorFlow, of Ray."""


@dataclass(frozen=True)
class Limits:
    """Limits of one trial; None for no limit.

    Attributes:
        trial_time_s: Wall time of one trial.
        memory_bytes: Memory of its worker process with its descendants.
    """

    trial_time_s: float | None = None
    memory_bytes: int | None = None


def out_of_memory(error: BaseException) -> bool:
    """Return True if an exception reports a lack of memory; `_MEMORY_ERRORS` need not be imported."""
    return any(kind.__name__ in _MEMORY_ERRORS for kind in type(error).__mro__)
