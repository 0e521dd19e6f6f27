"""Available memory and OOM-kill counts of the host or cgroup.

Linux only; elsewhere both are None.  A cgroup (of a container, of a batch system) may have less than the host, and so
may each of its ancestors: the one with the least memory left counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
FILE_PAGES = ("active_file", "inactive_file")
"""Page cache in a cgroup's usage, which the kernel reclaims on demand."""
_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}
"""Limit and usage of a cgroup, by cgroup version."""


@dataclass(frozen=True)
class MemoryInfo:
    """Memory in bytes.

    Attributes:
        total: Limit of the cgroup, or RAM of the host.
        left: Available memory, including swap.
    """

    total: int
    left: int


def available_memory(root: Path = ROOT) -> MemoryInfo | None:
    """Return the memory available to this process and its children; None if it is unknown.

    Args:
        root: Folder of `proc` and `sys`.
    """
    machine = _pairs(root / "proc/meminfo", 1024)
    if not {"MemTotal", "MemAvailable"} <= machine.keys():
        return None
    swap = machine.get("SwapFree", 0)
    found = [MemoryInfo(machine["MemTotal"], machine["MemAvailable"] + swap)]
    for version, group in _groups(root):
        limit_file, usage_file = _FILES[version]
        limit = _number(group / limit_file)
        if limit is None or limit > machine["MemTotal"]:  # "no limit" is a very large one
            continue
        used = _number(group / usage_file)
        if used is None:
            continue
        held = _pairs(group / "memory.stat")
        files = sum(held.get(name if version == 2 else f"total_{name}", 0) for name in FILE_PAGES)
        found.append(MemoryInfo(limit, limit - used + files + swap))
    return min(found, key=lambda one: one.left)


def oom_kills(root: Path = ROOT) -> int | None:
    """Return the number of OOM kills in this cgroup, else on this host; None if it is unknown."""
    for version, group in _groups(root):
        killed = _pairs(group / ("memory.events" if version == 2 else "memory.oom_control")).get("oom_kill")
        if killed is not None:
            return killed
    return _pairs(root / "proc/vmstat").get("oom_kill")


def _groups(root: Path) -> Iterator[tuple[int, Path]]:
    """Yield the memory cgroups of this process, innermost first, each after its version."""
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
    """Return the `name number` lines of a file; empty if it cannot be read."""
    try:
        rows = [line.replace(":", " ").split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) * unit for row in rows if len(row) >= 2 and row[1].isdecimal()}
