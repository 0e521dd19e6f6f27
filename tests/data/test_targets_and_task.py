"""The task that targets ask for, and their canonical form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.data.raw_data import from_arrays
from tuner.data.targets_and_task import Targets, encode_targets
from tuner.errors import DataError


def of(y: Any, task: str | None = None, **names: Any) -> Targets:
    return encode_targets(
        from_arrays("here", np.zeros((len(y), 1)), np.asarray(y), **names), Task(task) if task else None
    )


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"] * 5, Task.BINARY),
        (["a", "b", "c"] * 5, Task.MULTICLASS),
        ([True, False] * 5, Task.BINARY),
        ([0, 1] * 5, Task.BINARY),
        ([3, 7, 9] * 5, Task.MULTICLASS),
        ([1.0, 2.0, 3.0] * 5, Task.MULTICLASS),
        (list(range(20)) * 2, Task.MULTICLASS),
        (list(range(21)) * 4, Task.REGRESSION),
        (list(range(9)), Task.REGRESSION),  # as many values as rows
        ([0.5, 1.0] * 5, Task.REGRESSION),
        ([[0, 1], [1, 1], [0, 0]] * 5, Task.MULTILABEL),
        ([[0, 0], [1, 1]] * 5, Task.MULTILABEL),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1]] * 5, Task.MULTICLASS),
        ([[0, 1], [1, 0]] * 5, Task.BINARY),
        ([[1, 2], [3, 5]] * 5, Task.REGRESSION),
        ([[0.5, 2], [3, 5]] * 5, Task.REGRESSION),
    ],
)
def test_the_task_is_found(y: Any, task: Task) -> None:
    found = of(y)
    assert found.task is task
    assert found.y.shape[0] == len(y)
    assert "inferred from the targets" in found.note


def test_classes_are_one_hot_in_the_order_of_their_names() -> None:
    found = of(["dog", "ant", "cat", "ant"])
    assert found.classes == ("ant", "cat", "dog")
    assert found.y.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert found.class_index is not None
    assert found.class_index.tolist() == [2, 0, 1, 0]


def test_numbers_are_ordered_as_numbers() -> None:
    assert of([10, 9, 100] * 2).classes == ("9", "10", "100")


def test_binary_is_one_column_and_the_second_class_is_positive() -> None:
    found = of(["no", "yes", "no", "yes"])
    assert found.classes == ("no", "yes")
    assert found.y.tolist() == [[0], [1], [0], [1]]


def test_one_hot_columns_are_the_classes_they_are_named_for() -> None:
    found = of([[0, 1, 0], [1, 0, 0], [0, 0, 1]], labels=("red", "green", "blue"))
    assert found.classes == ("red", "green", "blue")
    assert found.y.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_labels_keep_their_columns() -> None:
    found = of([[0, 1], [1, 1], [1, 0]], labels=("wet", "cold"))
    assert (found.task, found.classes, found.class_index) == (Task.MULTILABEL, ("wet", "cold"), None)
    assert found.y.tolist() == [[0, 1], [1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("y", "task"),
    [
        ([1, 2, 3] * 4, "regression"),
        (list(range(50)) * 2, "multiclass"),
        ([[0, 1], [1, 0]] * 3, "multilabel"),
        ([0, 1] * 3, "multiclass"),
    ],
)
def test_the_stated_task_wins(y: Any, task: str) -> None:
    found = of(y, task)
    assert found.task == task
    assert "stated" in found.note


@pytest.mark.parametrize(
    ("y", "task", "words"),
    [
        (["a", "b"], "regression", "must be numbers, but is text such as 'a'"),
        ([0, 1, 2], "binary", "two classes, but got 3: 0, 1, 2"),
        ([0.5, 1.0], "multiclass", r"whole numbers, but .* holds 0.5 .*task = 'regression'"),
        ([0, 1, 1], "multilabel", "several target columns of 0 and 1, but got one column"),
        ([[0, 1], [1, 2]], "multilabel", "but got 2 columns with values such as 2"),
        ([[0, 1], [1, 1]], "multiclass", "one class per row"),
        (["a", "a"], None, "constant: a in all 2 rows"),
        ([7, 7, 7, 7], None, "constant: 7 in all 4 rows"),
        ([0.5, 0.5], None, "must vary, but '0' is 0.5 in all 2 rows"),
        ([[0, 1], [1, 1], [0, 1], [0, 1]], "multilabel", "'1' is 1 in all 4 rows"),
        ([["a", "b"], ["c", "d"]], None, "those of here are texts"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y: Any, task: str | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        of(y, task)
