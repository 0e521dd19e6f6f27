"""Rows to try a model on when there are none: such as the preprocessing was fitted on."""

from __future__ import annotations

import numpy as np

from tuner.data import Preprocessing

_MISSING_SHARE = 0.05
_MOST_SPREADS = 3.0


def draw_rows(given: Preprocessing, shape: tuple[int, ...], count: int) -> np.ndarray:
    """Draw encoded rows.

    Scaled columns are drawn around their center, the others from [0, 1]; of a text column a row has one category, and
    some number cells are missing if the preprocessing fills them.

    Args:
        given: What was fitted.
        shape: Of one row, encoded.
        count: Number of rows.

    Returns:
        float64, shape `(count, *shape)`.
    """
    random = np.random.default_rng(0)
    scaled = (given.center != 0) | (given.scale != 1)
    spread = np.clip(random.normal(size=(count, *shape)), -_MOST_SPREADS, _MOST_SPREADS)
    x = np.where(scaled, given.center + given.scale * spread, random.uniform(size=(count, *shape)))
    if given.fill is not None:
        x[random.uniform(size=x.shape) < _MISSING_SHARE] = np.nan
    place = len(given.numbers)
    for name, encoder in given.encoders.items():
        width, drawn = len(encoder.names(name)), encoder.draw(random, count)
        if drawn is not None:
            x[:, place : place + width] = drawn
        place += width
    return x
