"""The answers of a model as columns of a table, named by what they mean.

- One class a row: `prediction`, the class, and `probability_CLASS` for each class.
- Labels: `prediction_LABEL`, 0 or 1, and `probability_LABEL` for each label.
- Values: `prediction`, or `prediction_TARGET` for each of several targets, in the unit of the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tuner.catalog import Task
from tuner.errors import DataError
from tuner.serving.model_metadata import ModelMetadata

PREDICTION = "prediction"
PROBABILITY = "probability"


def prediction_columns(scores: np.ndarray, about: ModelMetadata) -> dict[str, np.ndarray]:
    """Name the answers to some rows.

    Args:
        scores: In [0, 1], one per class or label, or values; shape `(n, k)`.
        about: The model.

    Returns:
        Column → values, shape `(n,)`.
    """
    answers, classes = decide(scores, about), about.classes
    match about.recipe.task:
        case Task.REGRESSION if answers.ndim == 1:
            return {PREDICTION: answers}
        case Task.REGRESSION:
            names = target_names(about.recipe.data, answers.shape[1])
            return {f"{PREDICTION}_{name}": answers[:, place] for place, name in enumerate(names)}
        case Task.MULTILABEL:
            given = {f"{PREDICTION}_{name}": answers[:, place] for place, name in enumerate(classes)}
        case Task.BINARY:
            given, scores = {PREDICTION: answers}, np.column_stack([1 - scores[:, 0], scores[:, 0]])
        case _:
            given = {PREDICTION: answers}
    return given | {f"{PROBABILITY}_{name}": scores[:, place] for place, name in enumerate(classes)}


def decide(scores: np.ndarray, about: ModelMetadata) -> np.ndarray:
    """Answer rows by their scores: a class `(n,)`, 0 or 1 for each label `(n, labels)`, or values."""
    classes = np.array(about.classes, dtype=object)
    match about.recipe.task:
        case Task.MULTICLASS:
            return np.asarray(classes[scores.argmax(axis=1)])
        case Task.BINARY:
            return np.asarray(classes[(scores[:, 0] > 0.5).astype(int)])
        case Task.MULTILABEL:
            return (scores > 0.5).astype(int)
    return scores[:, 0] if scores.shape[1] == 1 else scores


def check_finite(scores: np.ndarray, before: int = 0) -> None:
    """Refuse scores that are no answer.

    Args:
        scores: Shape `(n, k)`.
        before: Number of rows before the first of them, for the message.

    Raises:
        DataError: The scores of a row are not finite.
    """
    lost = ~np.isfinite(scores).all(axis=1)
    if lost.any():
        row = int(lost.argmax())
        raise DataError(
            f"A prediction needs finite scores, but the model gives {scores[row].tolist()} for row {before + row + 1}. "
            "Look at this row: it may be far from those of the study."
        )


def target_names(data: dict[str, Any], count: int) -> list[str]:
    """Return the names of the targets, or their numbers if the study has none for them."""
    named = data.get("target")
    named = [named] if isinstance(named, str) else named
    if isinstance(named, list | tuple) and len(named) == count:
        return [str(name) for name in named]
    return [str(number) for number in range(count)]
