"""Mark tests slow, and order the files, by measured durations.

`python -m pytest --keep-durations` writes `tests/durations.json`: seconds of each test that took `KEEP_ABOVE_S` or
longer, set-up included, and under the name of a file those of its other tests together.  It is run on an idle machine;
no test is timed at other runs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

KEPT = Path(__file__).parent / "durations.json"
KEEP_ABOVE_S = SLOW_FROM_S = 0.4


def load() -> dict[str, float]:
    """Read the kept durations: id of a test, or path of a file for its quick tests → seconds."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def mark_slow(items: Iterable[pytest.Item], durations: dict[str, float]) -> None:
    """Mark the tests that took `SLOW_FROM_S` or longer as slow."""
    for item in items:
        if durations.get(item.nodeid, 0.0) >= SLOW_FROM_S:
            item.add_marker(pytest.mark.slow)


def order_files(items: list[pytest.Item], durations: dict[str, float]) -> None:
    """Sort the files by their kept seconds, longest first, so that no process is left with a long file at the end.

    It is the longest-processing-time rule (Graham 1969).  The tests of a file stay in order.
    """
    files = {_file(item.nodeid) for item in items}
    seconds = {file: durations.get(file, 0.0) for file in files}
    for item in items:
        seconds[_file(item.nodeid)] += durations.get(item.nodeid, 0.0)
    items.sort(key=lambda item: -seconds[_file(item.nodeid)])


def _file(test: str) -> str:
    return test.partition("::")[0]


class DurationKeeper:
    """Add up the phases of each test, and write what took long when the session ends."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a phase of a test: set-up, call or teardown."""
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        kept: dict[str, float] = defaultdict(float)
        for test, seconds in self._seconds.items():
            kept[test if seconds >= KEEP_ABOVE_S else _file(test)] += seconds
        rounded = {name: round(seconds, 1) for name, seconds in sorted(kept.items()) if seconds >= KEEP_ABOVE_S}
        KEPT.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
