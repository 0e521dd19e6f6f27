"""Strata: kinds of rows, of each of which every part of a split gets its share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.catalog import Task
from tuner.data.dataset import Array
from tuner.data.targets_and_task import Targets

_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Strata:
    """Kinds of rows.

    Attributes:
        table: Whether a row is of a stratum, 0 or 1, shape `(n, strata)`; a row may be of several.
        class_index: Class of each row, shape `(n,)`, or None if a row has not one class.
        classes: Names of the classes; none without `class_index`.
    """

    table: Array
    class_index: Array | None = None
    classes: tuple[str, ...] = ()

    @property
    def kinds(self) -> Array:
        """The class of each row, or 0 for all."""
        return np.zeros(len(self.table), np.intp) if self.class_index is None else self.class_index


def target_strata(targets: Targets) -> Strata:
    """Return the strata of targets: classes, labels, or quarters of the values."""
    if targets.class_index is not None:
        table = (targets.class_index[:, None] == np.arange(len(targets.classes))).astype(np.float64)
        return Strata(table, targets.class_index, targets.classes)
    if targets.task is Task.MULTILABEL:
        return Strata(targets.y)
    cuts = np.quantile(targets.y, _QUARTILES, axis=0)
    quarters = (targets.y[:, None, :] > cuts[None]).sum(axis=1)
    return Strata((quarters[:, :, None] == np.arange(len(_QUARTILES) + 1)).reshape(len(targets.y), -1).astype(float))
