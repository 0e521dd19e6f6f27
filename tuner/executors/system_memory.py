"""Memory of this machine, or of the container that this process is in: what is left, and whom the system has killed.

Linux says so in files.  A control group (of a container, of a batch system) may have less than the machine, and so may
each group around it: what counts is the one with the least left.  Elsewhere nothing is known, and nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
FILE_PAGES = ("active_file", "inactive_file")
"""Memory that a group holds of files: the system takes it back where it is wanted."""
_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
"""What a group may hold and what it holds, by the version of its files."""


@dataclass(frozen=True)
class MemoryInfo:
    """Memory in bytes.

    Attributes:
        total: All that there may be.
        left: What nobody holds; swap space counts.
    """

    total: int
    left: int


def available_memory(root: Path = ROOT) -> MemoryInfo | None:
    """Memory for this process and its children; None where the system does not tell.

    Args:
        root: Where `proc` and `sys` are.
    """
    machine = _pairs(root / "proc/meminfo", 1024)
    if not {"MemTotal", "MemAvailable"} <= machine.keys():
        return None
    swap = machine.get("SwapFree", 0)
    found = [MemoryInfo(machine["MemTotal"], machine["MemAvailable"] + swap)]
    for version, group in _groups(root):
        limit, used = (_number(group / name) for name in _FILES[version])
        if limit is None or used is None or limit > machine["MemTotal"]:  # "no limit" is a very large one
            continue
        held = _pairs(group / "memory.stat")
        files = sum(held.get(name if version == 2 else f"total_{name}", 0) for name in FILE_PAGES)
        found.append(MemoryInfo(limit, limit - used + files + swap))
    return min(found, key=lambda one: one.left)


def oom_kills(root: Path = ROOT) -> int | None:
    """How many processes of this group, else of this machine, the system has killed so far for want of memory."""
    for version, group in _groups(root):
        killed = _pairs(group / ("memory.events" if version == 2 else "memory.oom_control")).get("oom_kill")
        if killed is not None:
            return killed
    return _pairs(root / "proc/vmstat").get("oom_kill")


def _groups(root: Path) -> Iterator[tuple[int, Path]]:
    """Control groups of memory that this process is in, from its own outwards, with the version of their files."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        version, mount = (1, "sys/fs/cgroup/memory") if kinds else (2, "sys/fs/cgroup")
        own = root / mount / path.strip("/")
        for folder in [own, *own.parents]:
            if folder == root / "sys/fs" or folder == root / "sys/fs/cgroup" and version == 1:
                break
            if folder.is_dir():  # a container may see its own group only, as the topmost one
                yield version, folder


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # "max"
        return None


def _pairs(file: Path, unit: int = 1) -> dict[str, int]:
    """The lines `name number` of a file; nothing where it is not there."""
    try:
        rows = [line.replace(":", " ").split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) * unit for row in rows if len(row) >= 2 and row[1].isdecimal()}
