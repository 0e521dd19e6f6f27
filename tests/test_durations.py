"""What takes long is marked slow, by the durations that are kept."""

from __future__ import annotations

import json
from typing import Any

import durations
import pytest

pytest_plugins = "pytester"

SLOW_AND_QUICK = """
import time
import pytest

@pytest.mark.slow
def test_marked(): ...

def test_unmarked(): ...

def test_quick(): ...
"""


@pytest.fixture
def items(pytester: pytest.Pytester) -> list[Any]:
    pytester.makeini("[pytest]\nmarkers = slow")
    return pytester.getitems(SLOW_AND_QUICK)


def test_a_long_test_without_the_mark_is_named(items):
    kept = {item.nodeid: 3.0 for item in items if item.name != "test_quick"}
    assert [name.rpartition("::")[2] for name in durations.unmarked(items, kept)] == ["test_unmarked"]


def test_a_test_that_was_not_measured_is_not_named(items):
    assert durations.unmarked(items, {}) == []


def test_phases_are_added_and_short_ones_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(durations, "KEPT", tmp_path / "durations.json")
    keeper = durations.DurationKeeper()
    for name, seconds in [("a::long", 0.7), ("a::long", 0.6), ("a::short", 0.2)]:
        report = pytest.TestReport(name, ("a", 1, name), {}, "passed", None, "call", duration=seconds)
        keeper.pytest_runtest_logreport(report)
    keeper.pytest_sessionfinish()
    assert json.loads((tmp_path / "durations.json").read_text(encoding="utf-8")) == {"a::long": 1.3}
    assert durations.load() == {"a::long": 1.3}
