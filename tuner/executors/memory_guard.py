"""Memory of worker processes on this machine: caps, headroom, recycling.

Reads /proc itself: psutil looks for descendants among all processes of the machine, which takes 6 ms instead of 1.5 ms
for one worker on a machine with 143 processes, and grows with them; this happens at the end of every trial.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tuner.executors.system_memory import available_memory

MEMORY_POLL_S = 0.5
"""Interval of the checks against a cap, which a trial can exceed by what it takes in that time."""
RECYCLE_AT_CAP_SHARE = 0.8
"""An idle worker that holds this share of its cap is replaced."""
RECYCLE_GROWTH_BYTES = 2**30
"""Without a cap, an idle worker that holds this much more than after its first trial is replaced."""
MIN_TRIALS_BEFORE_RECYCLE = 20
"""Trials before growth counts: large trials may hold more than the first one did."""
LOW_MEMORY_SHARE = 0.05
"""Without a cap, a trial is ended if less than this share of the machine's memory is left."""
HEADROOM_POLL_S = 0.1
"""Interval of the checks of what is left; a process may take 0.2 GB in that time."""


class MemoryGuard:
    """Finds worker processes that hold too much memory.

    Args:
        cap: Bytes that a worker may hold with its descendants; None for no cap.
        workers: Number of workers that share the machine.
    """

    def __init__(self, cap: int | None, workers: int) -> None:
        self._cap, self._workers = cap, workers
        self._checked_at = 0.0
        self._first_resident: dict[int, int] = {}

    def over_limit(self, pids: Sequence[int]) -> dict[int, str]:
        """Return the processes that must end, each with the reason; checks at intervals only.

        Args:
            pids: Workers that train.
        """
        now = time.monotonic()
        if now - self._checked_at < (HEADROOM_POLL_S if self._cap is None else MEMORY_POLL_S):
            return {}
        self._checked_at = now
        if self._cap is None:
            return self._without_headroom(pids)
        cap, above = format_bytes(self._cap), {pid: memory_above(pid, self._cap) for pid in pids}
        return {
            pid: f"out of memory: its worker used {format_bytes(held)}, more than the {cap} allowed"
            for pid, held in above.items()
            if held is not None
        }

    def should_recycle(self, pid: int, trials: int) -> bool:
        """Return True if an idle worker is near its cap or, without one, has grown since its first trial."""
        if self._cap is not None:
            return memory_above(pid, RECYCLE_AT_CAP_SHARE * self._cap) is not None
        resident = resident_memory(pid)
        first = self._first_resident.setdefault(pid, resident)
        return trials >= MIN_TRIALS_BEFORE_RECYCLE and resident > first + RECYCLE_GROWTH_BYTES

    def forget(self, pid: int) -> None:
        """Forget a process that has ended; its id may be used again."""
        self._first_resident.pop(pid, None)

    def _without_headroom(self, pids: Sequence[int]) -> dict[int, str]:
        """Return the largest worker if memory is nearly used up and it holds more than its share."""
        memory = available_memory()
        if memory is None or not pids or memory.left >= LOW_MEMORY_SHARE * memory.total:
            return {}
        held, pid = max((proportional_memory(pid), pid) for pid in pids)
        if held <= memory.total / self._workers:  # others have taken it
            return {}
        return {
            pid: f"out of memory: its worker used {format_bytes(held)} of {format_bytes(memory.total)}, "
            f"more than its share, and only {format_bytes(max(0, memory.left))} was left"
        }


def proportional_memory(pid: int) -> int:
    """Return the bytes that a process and its descendants hold; shared pages count once.

    The proportional set size is exact but costs a walk over all pages: call it rarely.
    """
    return sum(_proportional(process) for process in [pid, *_descendants(pid)])


def resident_memory(pid: int) -> int:
    """Return an upper bound of `proportional_memory`, at next to no cost."""
    return sum(_resident(process) for process in [pid, *_descendants(pid)])


def memory_above(pid: int, cap: float) -> int | None:
    """Return the memory of a process if it is above the cap, or None."""
    if resident_memory(pid) <= cap:
        return None
    held = proportional_memory(pid)
    return held if held > cap else None


def format_bytes(count: float) -> str:
    """Format a number of bytes in GB."""
    return f"{count / 1e9:.2f} GB"


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return _resident(pid)
    kilobytes = next((line.split()[1] for line in text.splitlines() if line.startswith("Pss:")), "0")
    return int(kilobytes) * 1024
