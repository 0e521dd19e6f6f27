"""Ranges, choices and fixed values."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tuner.space import Categorical, Fixed, Float, Int, value_from_json, value_to_json


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Float(1.0, 0.5), "`low <= high` must hold, but got low=1.0, high=0.5"),
        (lambda: Float(0.0, 1.0, log=True), "`low > 0` must hold on a logarithmic scale, but got low=0.0"),
        (lambda: Float(0.1, 1.0, log=True, step=0.1), "`log` and `step` exclude each other"),
        (lambda: Float(0.0, 1.0, step=0.0), "`step > 0` must hold, but got step=0.0"),
        (lambda: Float(0.0, 1.0, step=math.nan), "`step > 0` must hold, but got step=nan"),
        (lambda: Float(math.nan, 1.0), "`low` and `high` must be finite numbers, but got low=nan"),
        (lambda: Float(0.0, math.inf), "`low` and `high` must be finite numbers"),
        (lambda: Int(3, 2), "`low <= high` must hold, but got low=3, high=2"),
        (lambda: Int(0, 2, log=True), "`low > 0` must hold on a logarithmic scale"),
        (lambda: Int(1, 8, log=True, step=2), "`log` and `step` exclude each other"),
        (lambda: Int(1, 8, step=0), "`step > 0` must hold, but got step=0"),
        (lambda: Categorical(()), "a choice needs at least one value"),
        (lambda: Categorical((1, 2, 1)), "the values of a choice must differ, but got 1 twice"),
    ],
)
def test_a_broken_rule_is_said_with_its_values(make: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        make()


@pytest.mark.parametrize(
    ("parameter", "inside", "outside"),
    [
        (Float(0.1, 1.0), [0.1, 0.5, 1.0, 1], [0.0999, 1.0001, 10**400, math.nan, math.inf, True, "0.5", None]),
        (Int(1, 8), [1, 8, 3.0], [0, 9, 10**400, 2.5, True, math.nan, math.inf, "3"]),
        (Categorical((1, "a", None, (2, 3))), [1, "a", None, (2, 3)], [True, 1.0, "b", [2, 3], 0]),
        (Categorical((True, False)), [True, False], [1, 0]),
        (Fixed(0.5), [0.5], [0.6, None]),
    ],
)
def test_what_a_parameter_can_be(parameter: Any, inside: list[Any], outside: list[Any]) -> None:
    assert [value for value in inside if value not in parameter] == []
    assert [value for value in outside if value in parameter] == []


@pytest.mark.parametrize(
    ("parameter", "size"),
    [
        (Float(0.0, 1.0), math.inf),
        (Float(0.0, 1.0, step=0.1), 11),
        (Float(0.1, 0.7, step=0.2), 4),  # 0.6 / 0.2 is 2.9999999999999996
        (Float(0.0, 1.0, step=0.3), 4),
        (Float(0.5, 0.5), 1),
        (Int(1, 8), 8),
        (Int(1, 8, step=3), 3),
        (Int(4, 4), 1),
        (Categorical(("a", "b")), 2),
        (Fixed(None), 1),
    ],
)
def test_how_many_values_there_are(parameter: Any, size: float) -> None:
    assert parameter.size == size


def test_true_and_one_are_different_choices() -> None:
    assert Categorical((1, True)).size == 2


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Float(1e-4, 0.1, log=True), "0.0001 … 0.1 (log)"),
        (Float(0.0, 1.0, step=0.25), "0 … 1 (step 0.25)"),
        (Int(1, 8), "1 … 8"),
        (Int(2, 8, step=2), "2 … 8 (step 2)"),
        (Categorical(("sgd", None, 3)), "sgd | None | 3"),
        (Fixed("adam"), "adam"),
    ],
)
def test_as_people_read_it(parameter: Any, text: str) -> None:
    assert str(parameter) == text


def test_values_are_the_same_after_json() -> None:
    for value in (64, "adam", None, (64, 32), ((64, 32), (16,))):
        assert value_from_json(value_to_json(value)) == value
    assert value_from_json((64, [32, 16])) == (64, (32, 16))  # as a study in Python may write it
