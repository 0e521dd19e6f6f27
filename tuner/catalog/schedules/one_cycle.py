"""One rise and one fall of the rate."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.catalog.schedules._options import end_ratio as _end_ratio
from tuner.space import Float


def one_cycle(
    steps: np.ndarray,
    total_steps: int,
    base: float,
    warmup: float = 0.3,
    start_ratio: float = 0.04,
    end_ratio: float = 4e-6,
) -> np.ndarray:
    """Rise from `base * start_ratio` to `base`, then fall to `base * end_ratio`, both along half a cosine wave.

    The peak is at step `w = round(warmup * (total_steps - 1))`, the end at step `total_steps - 1`:

        rate = base * between(start_ratio, 1, step / w)                               for step < w
        rate = base * between(1, end_ratio, (step - w) / (total_steps - 1 - w))       else
        between(a, b, part) = b + (a - b) * (1 + cos(pi * part)) / 2

    The defaults are those of PyTorch's `OneCycleLR` (1/25 at the start, 1/10,000 of that at the end).  The momentum is
    not cycled: it is a dimension of its own.  Keras has no class for this.

    Args:
        steps: Integers, shape `(k,)`, counted from 0; steps beyond the end keep its rate.
        total_steps: Steps of the whole training, at least 1; a training of one step gets `base`.
        base: Highest rate.
        warmup: Share of the training over which the rate rises.
        start_ratio, end_ratio: First and last rate, as shares of `base`.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    last = total_steps - 1
    at = np.minimum(np.asarray(steps, dtype=np.float64), last)
    peak = round(warmup * last)
    rise = _between(start_ratio, 1.0, at / max(peak, 1))
    fall = _between(1.0, end_ratio, (at - peak) / max(last - peak, 1))
    return base * np.where(at < peak, rise, fall)


def _between(start: float, end: float, part: np.ndarray) -> np.ndarray:
    """From `start` (part 0) to `end` (part 1) along half a cosine wave."""
    return end + (start - end) * 0.5 * (1.0 + np.cos(np.pi * part))


ONE_CYCLE = ScheduleEntry(
    "one_cycle",
    "rises to the base rate, then falls to almost zero",
    "Smith and Topin 2017, Super-Convergence, https://arxiv.org/abs/1708.07120",
    one_cycle,
    (
        Option("warmup", 0.3, Float(0.1, 0.5), Float(0.0, 1.0), "share of the training over which the rate rises"),
        Option(
            "start_ratio",
            0.04,
            Float(0.01, 0.5, log=True),
            Float(0.0, 1.0),
            "initial rate, as a share of the base rate",
        ),
        _end_ratio(4e-6, Float(1e-6, 1e-2, log=True)),
    ),
    default=True,
)
