"""Independent rows, assigned to parts at random: each part has its share of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.data.cells import MISSING_WORDS, is_number
from tuner.data.data_config import DataOptions, Folds
from tuner.data.dataset import Array
from tuner.data.strata import Strata
from tuner.errors import DataError
from tuner.text import count


@dataclass(frozen=True)
class RowSplitter:
    """Assigns rows; see `Splitter`.

    Attributes:
        strata: Their classes.
        options: For messages.
    """

    strata: Strata
    options: DataOptions

    def check(self, rows: Array, needed: int, tested: bool) -> None:
        """Each part must be able to have a row (of each class); the test part may lack classes, but not be empty."""
        classes = self.strata.classes
        counts = np.bincount(self.strata.kinds[rows], minlength=max(1, len(classes)))
        if classes and counts.min() < needed:
            rare = int(counts.argmin())
            raise DataError(
                f"Each class of the target must have at least {count(needed, 'row')} for training and validation, but "
                f"class {classes[rare]!r} has {counts[rare]} ({self.options.source}). {self._next_step(rare)}",
                key="target",
            )
        total = max(needed, len(classes) * needed, 2) + tested
        if len(rows) < total:
            raise DataError(
                f"The parts need at least {total} rows in all, but {self.options.source} has {len(rows)}. "
                "Add rows, or set `test = 0`."
            )

    def _next_step(self, rare: int) -> str:
        """Return the next step for a class of too few rows."""
        classes, options = self.strata.classes, self.options
        if classes[rare].lower() in MISSING_WORDS:
            return (
                f'If it means a missing cell, add missing_values = ["{classes[rare]}"] to [data]; else add rows of it.'
            )
        fewer = ", or use fewer folds" if isinstance(options.validation, Folds) else ""
        next_step = f"Add rows of it{fewer or ', or leave it out'}."
        if options.task is None and all(is_number(name) for name in classes):
            next_step += ' If the numbers are counts or amounts and no classes, set task = "regression".'
        return next_step

    def draw(self, rows: Array, wanted: float, leave: int, each: bool, random: np.random.Generator) -> Array:
        """Draw about `wanted` of the rows, stratified by class.

        The share of each class is rounded down, and the rows that are then lacking come from the classes with the
        largest remainder (Hamilton's method).
        """
        kinds = self.strata.kinds[rows]
        present, counts = np.unique(kinds, return_counts=True)
        most = np.maximum(counts - leave, 0)
        share = counts * (wanted / len(rows))
        take = np.clip(np.floor(share).astype(int), 1 if each else 0, most)
        total = max(1, round(wanted))
        for kind in np.argsort(-(share - np.floor(share)), kind="stable"):
            if take.sum() < total and take[kind] < most[kind] and take[kind] <= share[kind]:
                take[kind] += 1
        if not take.any():  # a single row is wanted, and rounding gave it to a class that has none to spare
            take[int(most.argmax())] = 1
        chosen = [random.permutation(rows[kinds == kind])[:count] for kind, count in zip(present, take, strict=True)]
        return np.sort(np.concatenate(chosen))

    def fold(self, rows: Array, folds: int, random: np.random.Generator) -> list[tuple[Array, Array]]:
        """Deal the rows like cards, class after class: folds differ by one row at most, in all and in each class."""
        kinds = self.strata.kinds[rows]
        order = np.concatenate([random.permutation(rows[kinds == kind]) for kind in np.unique(kinds)])
        parts = [np.sort(order[fold::folds]) for fold in range(folds)]
        return [(np.setdiff1d(rows, part), part) for part in parts]
