"""How long the trainings of a study are, if the study file leaves it open.

The numbers were chosen by `benchmarks/best_epoch.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import median_low
from typing import Any

from tuner.catalog import DIMENSIONS, NumberDimension, TrainingLength
from tuner.space import Fixed, Int, Space
from tuner.study.search.search_context import parameter_values
from tuner.study.study_file_sections import Budget, EarlyStoppingSection
from tuner.study.study_fingerprint import LATER_KEYS
from tuner.study.study_spec import StudySpec

STEPS = 2_400
"""Optimizer steps that "auto" gives a training: small sets are trained to the end with them."""
LEAST_EPOCHS, MOST_EPOCHS = 20, 300
"""Bounds of "auto": a set of a million rows is seen at least so often."""
PATIENCE_SHARE, LEAST_PATIENCE = 0.08, 10
"""Default patience: a share of the epochs, but at least this many."""
_KEYS = {"epochs": ("epochs", "epochs"), "keep": ("keep", "keep"), "patience": ("stop", "stop.patience")}
"""Field of `TrainingLength` → its key in `[budget]`, and in the fingerprint."""


def auto_epochs(rows: int, batch_size: int) -> int:
    """Return the epochs of "auto".

    Args:
        rows: Rows of the training part.
        batch_size: The middle one of those that a trial may have.
    """
    steps = math.ceil(rows / batch_size)
    return min(max(math.ceil(STEPS / steps), LEAST_EPOCHS), MOST_EPOCHS)


def auto_patience(epochs: int) -> int:
    """Return the default patience."""
    return max(LEAST_PATIENCE, math.ceil(PATIENCE_SHARE * epochs))


def resolve_length(budget: Budget, rows: int, space: Space) -> TrainingLength:
    """Return the length of a training, with what the study file leaves open filled in.

    Args:
        budget: The `[budget]` section.
        rows: Rows of the training part.
        space: The dimensions; the batch size may be one.
    """
    epochs = budget.epochs or auto_epochs(rows, _middle_batch(space))
    stop = budget.stop
    patience = None
    if isinstance(stop, EarlyStoppingSection):
        patience = stop.patience or auto_patience(epochs)
    elif stop is None and budget.epochs is None:
        patience = auto_patience(epochs)
    return TrainingLength(epochs, budget.keep, patience)


def _middle_batch(space: Space) -> int:
    """Return the middle one of the batch sizes: the lower median of several, the geometric mean of a range."""
    dimension = next(one for one in DIMENSIONS.values() if isinstance(one, NumberDimension) and one.counts_rows)
    parameter = space[dimension.name].parameter if dimension.name in space else Fixed(dimension.default)
    sizes = [size for size in parameter_values(parameter) if isinstance(size, int)]
    return round(math.sqrt(math.prod(sizes))) if isinstance(parameter, Int) else median_low(sizes)


def resume_study(spec: StudySpec, before: Mapping[str, Any]) -> StudySpec:
    """Return the study to resume: a length of trainings that its file leaves open stays as it was.

    Args:
        spec: The study as its file is read now.
        before: The fingerprint with which it began.
    """
    said, known = spec.source.get("budget", {}), {**LATER_KEYS, **before}
    kept = {
        field: known[stored]
        for field, (key, stored) in _KEYS.items()
        if key not in said and stored in known and isinstance(known[stored], int | str | None)
    }
    return replace(spec, length=replace(spec.length, **kept))
