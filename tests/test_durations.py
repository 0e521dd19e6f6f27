"""What takes long is marked slow, by the durations that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import durations
import pytest

pytest_plugins = "pytester"

TESTS_ROOT = Path(__file__).parent


def test_what_took_long_is_marked(pytester: pytest.Pytester):
    pytester.makeini("[pytest]\nmarkers = slow")
    items = pytester.getitems("def test_long(): ...\ndef test_quick(): ...\ndef test_new(): ...")
    kept = {items[0].nodeid: 0.4, items[1].nodeid: 0.3}
    durations.mark_slow(items, kept)
    assert [item.name for item in items if item.get_closest_marker("slow")] == ["test_long"]


def test_files_that_take_long_come_first(pytester: pytest.Pytester):
    pytester.makeini("[pytest]")
    sources = {
        "test_a": "def test_1(): ...\ndef test_2(): ...",
        "test_b": "def test_3(): ...",
        "test_c": "def test_4(): ...",
    }
    pytester.makepyfile(**sources)
    items, _ = pytester.inline_genitems()
    kept = {"test_a.py::test_1": 1.0, "test_a.py::test_2": 1.5, "test_c.py::test_4": 2.0}
    durations.order_files(items, kept)
    assert [item.name for item in items] == ["test_1", "test_2", "test_4", "test_3"]
    durations.order_files(items, kept | {"test_b.py": 2.2})  # quick tests, together
    assert [item.name for item in items] == ["test_1", "test_2", "test_3", "test_4"]


def test_each_kept_test_exists():
    gone = []
    for name in durations.load():
        path, _, function = name.partition("[")[0].partition("::")
        file = TESTS_ROOT.parent / path
        defined = f"def {function.rpartition('::')[2]}(" if function else ""  # the quick tests of a file have no name
        if not file.exists() or defined not in file.read_text(encoding="utf-8"):
            gone.append(name)
    assert not gone, "renamed or deleted: correct tests/durations.json, or measure again with --keep-durations"


def test_phases_are_added_and_short_tests_by_file(tmp_path, monkeypatch):
    monkeypatch.setattr(durations, "KEPT", tmp_path / "durations.json")
    keeper = durations.DurationKeeper()
    for name, seconds in [("a::long", 0.7), ("a::long", 0.6), ("a::short", 0.3), ("a::quick", 0.2), ("b::short", 0.3)]:
        report = pytest.TestReport(name, ("a", 1, name), {}, "passed", None, "call", duration=seconds)
        keeper.pytest_runtest_logreport(report)
    keeper.pytest_sessionfinish()
    assert json.loads((tmp_path / "durations.json").read_text(encoding="utf-8")) == {"a": 0.5, "a::long": 1.3}
    assert durations.load() == {"a": 0.5, "a::long": 1.3}
