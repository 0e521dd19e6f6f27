"""Time that a model takes to answer rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

ROWS_TIMED = 256
"""Rows of the larger call that is timed."""
_TIMED_S = 0.05
_CALLS = (3, 30)
_ROUNDS, _ROUND_S = 3, 0.02
"""What else runs on the machine slows some of the rounds: the least median counts."""


@dataclass(frozen=True)
class PredictTimes:
    """Median times to answer, from arrays to arrays: the least of three medians, as others train meanwhile.

    Attributes:
        one_row_ms: One row, in milliseconds.
        batch_ms: `ROWS_TIMED` rows in one call, in milliseconds.
    """

    one_row_ms: float
    batch_ms: float

    @classmethod
    def of(cls, model: keras.Model, rows: np.ndarray) -> PredictTimes:
        """Measure `predict_on_batch` of a built model, whose state stays as it is."""
        from tuner.engines.variable_io import preserved

        with preserved(model.non_trainable_variables):  # a layer may draw or count in inference too
            rounds = [median_times_ms(model.predict_on_batch, rows, _ROUND_S) for _ in range(_ROUNDS)]
        return cls(*map(min, zip(*rounds, strict=True)))


def median_times_ms(predict: Callable[[Any], Any], rows: np.ndarray, timed_s: float = _TIMED_S) -> tuple[float, float]:
    """Return the median time to answer 1 row, and `ROWS_TIMED` rows, in milliseconds, from about `timed_s` of calls."""
    many = rows[np.arange(ROWS_TIMED) % len(rows)]
    one, batch = (_median_ms(predict, some, timed_s) for some in (many[:1], many))
    return one, batch


def _median_ms(predict: Callable[[Any], Any], rows: np.ndarray, timed_s: float) -> float:
    predict(rows)  # Keras traces the first call
    times: list[float] = []
    while len(times) < _CALLS[0] or (len(times) < _CALLS[1] and sum(times) < timed_s):
        began = time.perf_counter()
        predict(rows)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3
