"""The seconds of building programs that a worker reports."""

from __future__ import annotations

import queue

import pytest

from tuner.worker.loop import Worker


def test_what_was_counted_too_much_is_subtracted_from_later_trials() -> None:
    worker = Worker(queue.SimpleQueue(), lambda message: None)
    reported = [worker._building_s(seconds) for seconds in (1.5, -0.4, 0.3, 0.2)]
    assert reported == pytest.approx([1.5, 0.0, 0.0, 0.1])
