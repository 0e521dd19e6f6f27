"""Classes that a straight line tells apart, in validation parts of any size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.data import Split, Subset
from tuner.data.linear_separability import is_linearly_separable

ROWS = 40_000


def split(task: Task = Task.BINARY, distance: float = 40.0) -> Split:
    """Two clouds of rows, far apart."""
    random = np.random.default_rng(0)
    parts = []
    for rows in (200, ROWS):
        classes = np.arange(rows) % 2
        x = random.normal(size=(rows, 20)).astype(np.float32)
        x[:, 0] += distance * classes
        y = np.eye(2, dtype=np.float32)[classes] if task is Task.MULTICLASS else classes[:, None].astype(np.float32)
        parts.append(Subset(x, y))
    outputs = parts[0].y.shape[1]
    return Split(parts[0], parts[1], np.zeros(outputs), np.ones(outputs))


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_one_wrong_row_anywhere_is_enough(task: Task) -> None:
    far = split(task)
    assert is_linearly_separable([far], task)
    for wrong in (0, 5_000, ROWS - 1):
        with_error = split(task)
        with_error.validation.y[wrong] = 1.0 - with_error.validation.y[wrong]
        assert is_linearly_separable([with_error], task) is False
        assert is_linearly_separable([far, with_error], task) is False
    assert is_linearly_separable([far], Task.REGRESSION) is None


@pytest.mark.parametrize("distance", [0.0, 40.0])
def test_the_validation_part_is_never_copied_as_a_whole(distance: float) -> None:
    given = split(distance=distance)
    tracemalloc.start()
    is_linearly_separable([given], Task.BINARY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < given.validation.x.nbytes
