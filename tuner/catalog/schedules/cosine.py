"""Half a cosine wave, with warm-up and restarts."""

from __future__ import annotations

import numpy as np

from tuner.catalog.entries import Option, ScheduleEntry
from tuner.catalog.schedules._options import end_ratio as _end_ratio
from tuner.space import Float, Int


def cosine(
    steps: np.ndarray, total_steps: int, base: float, warmup: float = 0.0, cycles: int = 1, end_ratio: float = 0.0
) -> np.ndarray:
    """Rise to `base` over the warm-up, then fall along half a cosine wave, `cycles` times.

    With `w = round(warmup * total_steps)` steps of warm-up, at most all but one, and `n = total_steps - w`:

        rate = base * (step + 1) / (w + 1)                                            for step < w
        rate = base * (end_ratio + (1 - end_ratio) * (1 + cos(pi * part)) / 2)        else
        part = the fractional part of (step - w) * cycles / n

    One cycle is Keras's `CosineDecay` with `initial_learning_rate = base / (w + 1)`, `warmup_target = base`,
    `warmup_steps = w`, `decay_steps = n`; several without warm-up are `CosineDecayRestarts` with `t_mul = m_mul = 1`.

    Args:
        steps: Integers, shape `(k,)`, counted from 0; steps beyond the end keep the lowest rate.
        total_steps: Steps of the whole training, at least 1.
        base: Highest rate.
        warmup: Share of the training over which the rate rises.
        cycles: How often it falls; each but the last is followed by a restart at `base`.
        end_ratio: Lowest rate, as a share of `base`.

    Returns:
        Rates, float64, shape `(k,)`.
    """
    at = np.asarray(steps, dtype=np.int64)
    rising = min(round(warmup * total_steps), total_steps - 1)
    falling = total_steps - rising
    part = np.where(at >= total_steps, 1.0, (at - rising) * cycles % falling / falling)
    wave = end_ratio + (1.0 - end_ratio) * 0.5 * (1.0 + np.cos(np.pi * part))
    return base * np.where(at < rising, (at + 1.0) / (rising + 1.0), wave)


COSINE = ScheduleEntry(
    "cosine",
    "half a cosine wave down, with optional warm-up and restarts",
    "Loshchilov and Hutter 2016, SGDR, https://arxiv.org/abs/1608.03983; warm-up: Goyal et al. 2017, "
    "https://arxiv.org/abs/1706.02677",
    cosine,
    (
        Option("warmup", 0.0, Float(0.0, 0.2), Float(0.0, 1.0), "share of the training over which the rate rises"),
        Option("cycles", 1, Int(1, 4), Int(1, 1000), "how often it falls; one more than the restarts"),
        _end_ratio(0.0, Float(0.0, 0.1)),
    ),
    default=True,
)
