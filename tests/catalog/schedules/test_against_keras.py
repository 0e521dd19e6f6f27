"""Where Keras has the same schedule, ours gives the same rates (Keras computes in float32)."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras.optimizers import schedules as of_keras

from tuner.catalog import SCHEDULES, ReduceOnPlateau

TOTAL, BASE = 60, 0.3

PAIRS = [
    ("constant", {}, of_keras.PiecewiseConstantDecay([TOTAL], [BASE, BASE])),
    ("step", {"drops": 2, "factor": 0.2}, of_keras.ExponentialDecay(BASE, TOTAL // 3, 0.2, staircase=True)),
    ("exponential", {"end_ratio": 0.05}, of_keras.ExponentialDecay(BASE, TOTAL, 0.05)),
    (
        "piecewise",
        {"first": 0.5, "second": 0.75, "middle_ratio": 0.2, "last_ratio": 0.1},
        of_keras.PiecewiseConstantDecay([29, 44], [BASE, 0.2 * BASE, 0.1 * BASE]),
    ),
    (
        "polynomial",
        {"power": 1.5, "end_ratio": 0.1},
        of_keras.PolynomialDecay(BASE, TOTAL, end_learning_rate=0.1 * BASE, power=1.5),
    ),
    ("cosine", {"end_ratio": 0.1}, of_keras.CosineDecay(BASE, TOTAL, alpha=0.1)),
    (
        "cosine",
        {"warmup": 0.1, "end_ratio": 0.1},
        of_keras.CosineDecay(BASE / 7, TOTAL - 6, alpha=0.1, warmup_target=BASE, warmup_steps=6),
    ),
    ("cosine", {"cycles": 4}, of_keras.CosineDecayRestarts(BASE, TOTAL // 4, t_mul=1.0)),
]


@pytest.mark.parametrize(("name", "options", "theirs"), PAIRS, ids=[f"{p[0]}-{p[1]}" for p in PAIRS])
def test_rates_are_those_of_keras(name: str, options: dict, theirs: of_keras.LearningRateSchedule) -> None:
    ours = SCHEDULES[name].build(np.arange(TOTAL), TOTAL, BASE, **options)
    expected = [float(theirs(step)) for step in range(TOTAL)]
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("settings", [(0.1, 3, 0), (0.5, 1, 2), (0.5, 2, 1)])
def test_the_plateau_schedule_is_that_of_keras(maximize: bool, settings: tuple[float, int, int]) -> None:
    factor, patience, cooldown = settings
    values = np.random.default_rng(2).uniform(0, 1, 60)
    theirs = keras.callbacks.ReduceLROnPlateau(
        "value", factor, patience, mode="max" if maximize else "min", min_delta=0.02, cooldown=cooldown, min_lr=0.01
    )
    optimizer = SimpleNamespace(learning_rate=1.0)
    theirs.set_model(SimpleNamespace(optimizer=optimizer))
    theirs.on_train_begin()
    ours = ReduceOnPlateau(1.0, maximize, factor, patience, min_ratio=0.01, min_delta=0.02, cooldown=cooldown)
    for epoch, value in enumerate(values):
        theirs.on_epoch_end(epoch, {"value": value})
        assert ours.observe(value) == pytest.approx(optimizer.learning_rate)
    assert ours.rate < 1.0
