"""Conditions, order, drawing, counting and listing of settings."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Parameter, Space, Value


def space(*dimensions: Dimension) -> Space:
    return Space(dimensions)


OPTIMIZER = Dimension("optimizer", Categorical(("sgd", "adam", "adagrad")))
NESTEROV = Dimension("optimizer.sgd.nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),))
MOMENTUM = Dimension("momentum", Categorical((0.0, 0.9)), (Condition("optimizer", ("sgd", "adam")),))
CHAINED = Dimension("warm", Categorical((1, 2)), (Condition("optimizer.sgd.nesterov", (True,)),))
BATCH = Dimension("batch_size", Fixed(32))
CONDITIONAL = space(OPTIMIZER, NESTEROV, MOMENTUM, CHAINED, BATCH)


def chosen(**values: Value) -> Callable[[Dimension], Value]:
    return lambda dimension: values[dimension.name.rpartition(".")[2]]


def test_only_what_is_active_is_asked_for_and_given() -> None:
    asked: list[str] = []

    def choose(dimension: Dimension) -> Value:
        asked.append(dimension.name)
        given: dict[str, Value] = {"optimizer": "adam", "momentum": 0.9}
        return given[dimension.name]

    assert CONDITIONAL.resolve(choose) == {"optimizer": "adam", "momentum": 0.9, "batch_size": 32}
    assert asked == ["optimizer", "momentum"]


def test_what_depends_on_an_inactive_dimension_is_inactive() -> None:
    drawn = CONDITIONAL.resolve(chosen(optimizer="sgd", nesterov=True, momentum=0.0, warm=2))
    assert drawn == {
        "optimizer": "sgd", "optimizer.sgd.nesterov": True, "momentum": 0.0, "warm": 2, "batch_size": 32,
    }  # fmt: skip
    assert "warm" not in CONDITIONAL.resolve(chosen(optimizer="sgd", nesterov=False, momentum=0.0))
    assert "warm" not in CONDITIONAL.resolve(chosen(optimizer="adagrad"))


def test_all_conditions_must_hold() -> None:
    both = Dimension("both", Categorical((1, 2)), (Condition("a", (1,)), Condition("b", (1,))))
    found = space(Dimension("a", Int(0, 1)), Dimension("b", Int(0, 1)), both)
    active = {(s["a"], s["b"]) for s in found.enumerate_grid() if "both" in s}
    assert active == {(1, 1)}


def test_settings_of_a_finite_space() -> None:
    settings = list(CONDITIONAL.enumerate_grid())
    assert len(settings) == CONDITIONAL.size == 9  # sgd: 2 × (2 with nesterov, 1 without), adam: 2, adagrad: 1
    assert len({json.dumps(setting, sort_keys=True) for setting in settings}) == 9
    assert {"optimizer": "adagrad", "batch_size": 32} in settings


def test_settings_of_ranges() -> None:
    found = space(Dimension("a", Int(2, 8, step=3)), Dimension("b", Float(0.1, 0.7, step=0.2)))
    values = list(found.enumerate_grid())
    assert [s["a"] for s in values[::4]] == [2, 5, 8]
    assert [s["b"] for s in values[:4]] == pytest.approx([0.1, 0.3, 0.5, 0.7])


def test_a_continuous_space_has_no_end() -> None:
    found = space(OPTIMIZER, Dimension("rate", Float(0.1, 1.0)))
    assert found.size == math.inf
    with pytest.raises(ValueError, match="'rate' is continuous"):
        list(found.enumerate_grid())
    assert space(Dimension("rate", Float(0.1, 0.1))).size == 1


def test_a_large_space_is_counted_at_once() -> None:
    tens = [Dimension(f"d{n}", Int(0, 9)) for n in range(1000)]
    assert space(*tens).size == 10**1000
    gates = [Dimension(f"g{n}", Int(0, 1)) for n in range(30)]
    every = Dimension("every", Int(0, 1), tuple(Condition(gate.name, (1,)) for gate in gates))
    assert space(*gates, every).size == math.inf, "beyond MAX_STATES it is not counted"
    assert space(*gates[:10], dataclasses.replace(every, conditions=every.conditions[:10])).size == 2**10 + 1
    named = Dimension("named", Int(1, 10**9))
    assert space(named, Dimension("more", Int(0, 1), (Condition("named", (7,)),))).size == 10**9 + 1


def test_a_continuous_dimension_that_is_never_active_does_not_make_a_space_endless() -> None:
    rate = Dimension("rate", Float(0.1, 1.0), (Condition("optimizer", ("lion",)),))
    assert space(OPTIMIZER, rate).size == 3
    assert [space(OPTIMIZER, rate).enumeration.number({"optimizer": name}) for name in ("adagrad", "lion")] == [2, None]


def test_one_value_is_not_searched() -> None:
    found = space(Dimension("a", Int(3, 3)), Dimension("b", Categorical(("x",))), Dimension("c", Float(0.5, 0.5)))
    assert found.searched == ()
    assert found.resolve(chosen()) == {"a": 3, "b": "x", "c": 0.5}


def test_order_and_names_are_checked() -> None:
    with pytest.raises(ValueError, match="'optimizer' occurs in the space twice"):
        space(OPTIMIZER, OPTIMIZER)
    with pytest.raises(ValueError, match=r"'momentum' depends on 'optimizer', which does not come before it"):
        space(MOMENTUM, OPTIMIZER)


def test_lookup_and_equality() -> None:
    assert "momentum" in CONDITIONAL
    assert "rate" not in CONDITIONAL
    assert CONDITIONAL["momentum"] is MOMENTUM
    assert len(CONDITIONAL) == 5
    again = space(OPTIMIZER, NESTEROV, MOMENTUM, CHAINED, BATCH)
    assert again == CONDITIONAL
    assert hash(again) == hash(CONDITIONAL)
    assert space(OPTIMIZER, BATCH) != space(BATCH, OPTIMIZER)


def test_json() -> None:
    found = space(
        OPTIMIZER, MOMENTUM, BATCH, Dimension("rate", Float(1e-3, 1.0, log=True)),
        Dimension("units", Int(16, 64, step=16)), Dimension("layers", Int(1, 3)),
    )  # fmt: skip
    assert json.loads(json.dumps(found.to_json())) == [
        {"name": "optimizer", "choices": ["sgd", "adam", "adagrad"]},
        {"name": "momentum", "choices": [0.0, 0.9], "when": {"optimizer": ["sgd", "adam"]}},
        {"name": "batch_size", "fixed": 32},
        {"name": "rate", "float": [0.001, 1.0], "log": True},
        {"name": "units", "int": [16, 64], "step": 16},
        {"name": "layers", "int": [1, 3]},
    ]


PARAMETERS: st.SearchStrategy[Parameter] = st.one_of(
    st.builds(lambda low, more: Int(low, low + more), st.integers(-3, 3), st.integers(0, 3)),
    st.builds(lambda count: Categorical(tuple("abcd"[:count])), st.integers(1, 4)),
    st.just(Fixed("x")),
)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Spaces of up to five dimensions, each with up to two conditions on those before it."""
    dimensions: list[Dimension] = []
    for number in range(draw(st.integers(1, 5))):
        conditions = []
        for other in draw(st.lists(st.sampled_from(dimensions), max_size=2)) if dimensions else ():
            values = list(space(Dimension(other.name, other.parameter)).enumerate_grid())
            conditions.append(Condition(other.name, (draw(st.sampled_from(values))[other.name],)))
        dimensions.append(Dimension(f"d{number}", draw(PARAMETERS), tuple(conditions)))
    return Space(dimensions)


@given(spaces(), st.integers(0, 1000))
def test_what_is_drawn_is_one_of_the_settings(found: Space, seed: int) -> None:
    draw = random.Random(seed)

    def choose(dimension: Dimension) -> Value:
        values = list(space(Dimension(dimension.name, dimension.parameter)).enumerate_grid())
        return draw.choice(values)[dimension.name]

    drawn, settings = found.resolve(choose), list(found.enumerate_grid())
    assert drawn in settings
    assert len(settings) == found.size
    assert all(first != second for first, second in itertools.combinations(settings, 2))
    for setting in settings:
        assert set(setting) == {d.name for d in found if d.is_active(setting)}
        assert all(setting[d.name] in d.parameter for d in found if d.name in setting)


@given(spaces())
def test_each_setting_has_its_number(found: Space) -> None:
    numbers = found.enumeration
    settings = [numbers.setting(number) for number in range(int(found.size))]
    assert [numbers.number(setting) for setting in settings] == list(range(len(settings)))
    assert sorted(map(repr, map(sorted, map(dict.items, settings)))) == sorted(
        repr(sorted(setting.items())) for setting in found.enumerate_grid()
    )


def test_values_off_the_steps_have_no_number() -> None:
    found = space(Dimension("rate", Float(0.1, 0.7, step=0.2)), Dimension("units", Int(16, 64, step=16)))
    numbers = found.enumeration
    assert (
        numbers.number({"rate": 0.1 + 2 * 0.2, "units": 32}) == numbers.number({"rate": 0.5, "units": 32}) is not None
    )
    for odd in ({"rate": 0.2, "units": 16}, {"rate": 0.1, "units": 17}, {"rate": 0.9, "units": 16}, {"rate": 0.1}):
        assert numbers.number(odd) is None
