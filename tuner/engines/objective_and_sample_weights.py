"""The objective and the sample weights, the same for every engine.

Shapes: n rows; y `(n, outputs)`, weight `(n,)`.
"""

from __future__ import annotations

import numpy as np

from tuner.catalog import METRICS, Recipe, Task
from tuner.data import Split, Subset

PREDICT_ROWS = 4096
"""Rows evaluated at once: bounds memory, and is one call for most validation parts."""


def compute_objective(recipe: Recipe, split: Split, outputs: np.ndarray) -> float:
    """Return the objective of model outputs on the whole validation part, in the unit of the target."""
    scores = recipe.scores(outputs)
    if recipe.task is Task.REGRESSION:
        scores = split.unscale(scores)
    return METRICS[recipe.metric].compute(split.truth, scores, split.validation.weight, recipe.task)


def compute_sample_weight(part: Subset, recipe: Recipe) -> np.ndarray | None:
    """Return the sample weights of the data times the class weights, or None if there are neither.

    Returns:
        float32 of shape `(n,)`.
    """
    weight = part.weight
    if recipe.class_weight:
        labels = part.y.argmax(axis=1) if part.y.shape[1] > 1 else part.y[:, 0].astype(int)
        by_class = np.array([recipe.class_weight.get(k, 1.0) for k in range(int(labels.max()) + 1)], np.float32)
        weight = by_class[labels] if weight is None else weight * by_class[labels]
    return weight
