"""What is fitted on validation rows is scored on others of them: each row is answered by what was fitted without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from tuner.refit.score_uncertainty import Answers, Measure

FOLDS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class CrossFit(Generic[T]):
    """What was fitted without the rows of each fold.

    Attributes:
        folds: Rows of each fold in each part.
        fitted: What was fitted on all other rows, one a fold.
    """

    folds: tuple[list[np.ndarray], ...]
    fitted: tuple[T, ...]

    def answers(self, given: Answers, apply: Callable[[Answers, T], Answers]) -> list[np.ndarray]:
        """Apply what was fitted to the rows of its fold; the answer to each row, `(n, k)` a part."""
        pieces = [
            apply([part[some] for part, some in zip(given, rows, strict=True)], fitted)
            for rows, fitted in zip(self.folds, self.fitted, strict=True)
        ]
        order = [np.argsort(np.concatenate(part)) for part in zip(*self.folds, strict=True)]
        return [np.concatenate(part)[back] for part, back in zip(zip(*pieces, strict=True), order, strict=True)]


def cross_fit(measure: Measure, fit: Callable[[Measure, list[np.ndarray]], T]) -> CrossFit[T]:
    """Fit without each of `FOLDS` folds of the rows.

    Args:
        measure: The rows.
        fit: Given the objective on some rows, and which rows these are in each part.
    """
    folds = measure.row_folds(FOLDS)
    fitted = []
    for fold in folds:
        others = [np.setdiff1d(np.arange(len(t)), rows) for t, rows in zip(measure.truths, fold, strict=True)]
        fitted.append(fit(measure.subset(others), others))
    return CrossFit(tuple(folds), tuple(fitted))
