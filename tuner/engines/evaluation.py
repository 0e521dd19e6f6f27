"""What every engine measures with: the objective, and the weights of the rows.

Shapes: n rows; y `(n, outputs)`, weight `(n,)`.
"""

from __future__ import annotations

import numpy as np

from tuner.catalog import METRICS, Recipe, Task
from tuner.data import Split, Subset

PREDICT_ROWS = 4096
"""Rows evaluated at once: bounds memory, and is one call for most validation parts."""


def objective(recipe: Recipe, split: Split, outputs: np.ndarray) -> float:
    """The objective of model outputs on the whole validation part, in the unit of the target."""
    found = recipe.scores(outputs)
    if recipe.task is Task.REGRESSION:
        found = split.unscale(found)
    return METRICS[recipe.metric].compute(split.truth, found, split.validation.weight, recipe.task)


def sample_weight(part: Subset, recipe: Recipe) -> np.ndarray | None:
    """Weights of the rows: those of the data times those of the classes; None where there are neither.

    Returns:
        float32 of shape `(n,)`.
    """
    weight = part.weight
    if recipe.class_weight:
        labels = part.y.argmax(axis=1) if part.y.shape[1] > 1 else part.y[:, 0].astype(int)
        by_class = np.array([recipe.class_weight.get(k, 1.0) for k in range(int(labels.max()) + 1)], np.float32)
        weight = by_class[labels] if weight is None else weight * by_class[labels]
    return weight
