"""What a trial may use of this machine: time, and memory of its worker process."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

MEMORY_POLL_S = 0.5
"""How often memory is measured: the cap can be passed by what a trial takes in that time."""
RECYCLE_AT_CAP_SHARE = 0.8
"""A worker that holds this share of its cap between two trials is replaced before the next one."""
RECYCLE_GROWTH_BYTES = 2**30
"""Without a cap, a worker that holds so much more than after its first trial is replaced before the next one."""
MIN_TRIALS_BEFORE_RECYCLE = 20
"""After so many trials at the soonest: large trials may hold more than the first one did."""
LOW_MEMORY_SHARE = 0.05
"""Without a cap, trials are ended for want of memory where less than this share of the machine's is left."""
HEADROOM_POLL_S = 0.1
"""How often that is looked at: a process may take 0.2 GB in that time."""


def proportional_memory(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold; pages that they share count once.

    The proportional set size is exact but costs a walk over all pages, so the caller asks seldom.
    """
    return sum(_proportional(process) for process in [pid, *_descendants(pid)])


def resident_memory(pid: int) -> int:
    """As `memory_of`, at most too high, and at next to no cost."""
    return sum(_resident(process) for process in [pid, *_descendants(pid)])


def memory_above(pid: int, cap: float) -> int | None:
    """The memory of a process where it is above the cap; None where it is not."""
    if resident_memory(pid) <= cap:
        return None
    found = proportional_memory(pid)
    return found if found > cap else None


class OomRetryPolicy:
    """Trials that may not be guilty of the memory they were ended for: their worker had trained others before."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def should_fail(self, number: int, trials_before: int) -> bool:
        """Whether a trial is guilty; otherwise it is to run once more, in a new worker, and is then.

        Args:
            number: Of the trial.
            trials_before: How many its worker has trained before.
        """
        if trials_before == 0 or number in self._numbers:
            self._numbers.discard(number)
            return True
        self._numbers.add(number)
        return False


def deadline_passed(began: float | None, limit_s: float | None, spent_s: float = 0.0) -> bool:
    """Whether a trial that began then, by the monotonic clock, and had spent so much before, has used up its time."""
    return began is not None and limit_s is not None and spent_s + time.monotonic() - began > limit_s


def format_bytes(count: float) -> str:
    """A number of bytes in words."""
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
