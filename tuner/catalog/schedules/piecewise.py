"""Three pieces of constant rate."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.space import Float


def piecewise(
    steps: np.ndarray,
    total_steps: int,
    base: float,
    first: float = 0.5,
    second: float = 0.75,
    middle_ratio: float = 0.1,
    last_ratio: float = 0.01,
) -> np.ndarray:
    """Keep `base` up to the share `first`, then `base * middle_ratio` up to `second`, then `base * last_ratio`.

    A step belongs to the first piece where `step / total_steps < first`.  A `second` below `first` leaves the middle
    piece out.  Where the boundaries fall on whole steps `b`, this is Keras's `PiecewiseConstantDecay` with
    the boundaries `b - 1` (Keras counts a boundary to the piece before it).

    Args:
        steps: Integers, shape `(k,)`, counted from 0.
        total_steps: Steps of the whole training, at least 1.
        base: Rate of the first piece.
        first, second: Ends of the first and second piece, as shares of the training.
        middle_ratio, last_ratio: Rates of the second and third piece, as shares of `base`.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    done = np.asarray(steps, dtype=np.float64) / total_steps
    ratios = np.where(done < first, 1.0, np.where(done < second, middle_ratio, last_ratio))
    return base * ratios


PIECEWISE = ScheduleEntry(
    "piecewise",
    "three pieces of constant rate",
    "https://keras.io/api/optimizers/learning_rate_schedules/piecewise_constant_decay/",
    piecewise,
    (
        Option("first", 0.5, Float(0.2, 0.6), Float(0.0, 1.0), "end of the first piece, as a share of the training"),
        Option("second", 0.75, Float(0.6, 0.9), Float(0.0, 1.0), "end of the second piece, as a share of the training"),
        Option(
            "middle_ratio",
            0.1,
            Float(0.05, 0.5, log=True),
            Float(0.0, 10.0),
            "rate of the second piece, as a multiple of the base rate",
        ),
        Option(
            "last_ratio",
            0.01,
            Float(1e-3, 0.05, log=True),
            Float(0.0, 10.0),
            "rate of the last piece, as a multiple of the base rate",
        ),
    ),
)
