"""The task of a model: classification or regression."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """The task found in the data, or stated in the study file.

    Shapes of the targets, always float32, n rows:

    - `MULTICLASS`: `(n, classes)`, one-hot;
    - `BINARY`: `(n, 1)`, 0 or 1;
    - `MULTILABEL`: `(n, labels)`, each 0 or 1;
    - `REGRESSION`: `(n, targets)`.
    """

    MULTICLASS = "multiclass"
    BINARY = "binary"
    MULTILABEL = "multilabel"
    REGRESSION = "regression"

    @property
    def classifies(self) -> bool:
        """True for classes and labels."""
        return self is not Task.REGRESSION


CLASSIFICATION = frozenset({Task.MULTICLASS, Task.BINARY, Task.MULTILABEL})
EVERY_TASK = frozenset(Task)
