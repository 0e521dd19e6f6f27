"""The plateau state machine, transition by transition.  No Keras here."""

from __future__ import annotations

import math

from tuner.catalog import ReduceOnPlateau


def seen(machine: ReduceOnPlateau, values: list[float]) -> list[float]:
    return [machine.observe(value) for value in values]


def test_it_waits_for_patience_and_starts_again() -> None:
    machine = ReduceOnPlateau(1.0, maximize=True, factor=0.5, patience=2)
    assert seen(machine, [0.5, 0.6, 0.6, 0.6, 0.6, 0.6]) == [1, 1, 1, 0.5, 0.5, 0.25]
    assert machine.best == 0.6


def test_an_improvement_resets_the_wait() -> None:
    machine = ReduceOnPlateau(1.0, maximize=False, factor=0.5, patience=2)
    assert seen(machine, [3, 3, 2, 2, 1, 1, 1]) == [1, 1, 1, 1, 1, 1, 0.5]


def test_a_change_within_min_delta_is_no_improvement() -> None:
    machine = ReduceOnPlateau(1.0, maximize=True, factor=0.5, patience=1, min_delta=0.1)
    assert seen(machine, [0.5, 0.55, 0.7]) == [1, 0.5, 0.5]
    assert machine.best == 0.7


def test_nothing_is_counted_during_the_cooldown() -> None:
    machine = ReduceOnPlateau(1.0, maximize=True, factor=0.5, patience=1, cooldown=2)
    assert seen(machine, [0.5, 0.5, 0.5, 0.5, 0.5]) == [1, 0.5, 0.5, 0.25, 0.25]


def test_the_rate_stops_at_its_lowest() -> None:
    machine = ReduceOnPlateau(2.0, maximize=True, factor=0.1, patience=1, min_ratio=0.05)
    assert seen(machine, [1, 1, 1, 1]) == [2, 0.2, 0.1, 0.1]


def test_nan_is_no_improvement_and_never_the_best() -> None:
    machine = ReduceOnPlateau(1.0, maximize=False, factor=0.5, patience=1)
    assert seen(machine, [math.nan, 3.0, math.nan, 2.0]) == [0.5, 0.5, 0.25, 0.25]
    assert machine.best == 2.0
