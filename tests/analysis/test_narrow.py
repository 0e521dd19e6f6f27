"""A parameter around what the best trials have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.analysis.refinement.narrowed_parameter import Attempt, absent_by_chance, narrow, narrow_range, shrink
from tuner.analysis.refinement.narrowed_section import _place as place_in
from tuner.space import Categorical, Float, Int


def test_a_range_shrinks_to_the_best_with_a_margin_on_its_scale():
    found = narrow(Float(1e-5, 1.0, log=True), [1e-3, 2e-3, 3e-3, 5e-3, 1e-2], []).parameter
    assert isinstance(found, Float)
    # A span of one decade among five values: the margin is a quarter of a decade at each side, rounded outwards.
    assert found.low == pytest.approx(1e-3 * 10**-0.25, rel=0.05)
    assert found.high == pytest.approx(1e-2 * 10**0.25, rel=0.05)
    assert found.low <= 1e-3 * 10**-0.25
    assert found.high >= 1e-2 * 10**0.25
    assert found.log


def test_values_drawn_from_everywhere_keep_the_range():
    random = np.random.default_rng(0)
    kept = 0
    for _ in range(200):
        values = random.uniform(0.0, 1.0, 10).tolist()
        kept += narrow(Float(0.0, 1.0), values, []).parameter == Float(0.0, 1.0)
    assert kept > 120


def test_equal_values_leave_a_tenth_of_the_range():
    found = narrow(Float(0.0, 1.0), [0.5] * 5, []).parameter
    assert found == Float(0.45, 0.55)


def test_few_values_that_are_close_leave_a_third_of_the_range():
    found = narrow_range(Float(0.0, 3.0), [1.5, 1.5, 1.5]).parameter
    assert found == Float(1.0, 2.0)


def test_the_new_range_stays_in_the_old_one_and_the_edge_is_told():
    found = narrow(Float(1e-4, 1e-1, log=True), [0.1, 0.09, 0.08, 0.07, 0.06], [])
    assert isinstance(found.parameter, Float)
    assert found.parameter.high == 0.1
    assert "edge 0.1: a wider range may hold better ones" in found.why


def test_whole_numbers_and_steps_stay_what_they_are():
    assert narrow(Int(1, 100), [10, 11, 12, 13, 14], []).parameter == Int(5, 19)
    assert narrow(Int(16, 256, step=16), [32, 32, 48, 48, 64], []).parameter == Int(16, 80, step=16)
    found = narrow(Float(0.0, 0.9, step=0.1), [0.3, 0.3, 0.4, 0.4, 0.4], []).parameter
    assert isinstance(found, Float)
    assert (found.low, found.high) == pytest.approx((0.2, 0.5))
    assert found.step == 0.1


def test_too_few_of_the_best_say_nothing():
    found = narrow(Float(0.0, 1.0), [0.5] * 4, [])
    assert found.parameter == Float(0.0, 1.0)
    assert "only 4 of the best trials" in found.why


def test_a_choice_that_was_tried_often_and_is_never_among_the_best_is_left_out():
    parameter = Categorical(("a", "b", "c"))
    tried = [Attempt(value, index) for index, value in enumerate(["a"] * 20 + ["b"] * 18 + ["c"] * 2)]
    tried[-1] = Attempt("c", 10)
    found = narrow(parameter, ["a"] * 8, tried)
    assert found.parameter == Categorical(("a", "c"))
    assert "left out, tried but not among the best: b (18, its best after 21 others)" in found.why
    assert "kept, tried too rarely to judge: c (2)" in found.why


def test_choices_that_python_takes_for_equal_are_apart():
    parameter = Categorical((True, "True", (1, 2)))
    found = narrow(
        parameter,
        [(1, 2)] * 8,
        [Attempt(value, rank) for rank, value in enumerate([(1, 2)] * 20 + [True] * 20 + ["True"] * 20)],
    )
    assert found.parameter == Categorical(((1, 2),))


def test_absent_by_chance_is_the_hypergeometric_probability():
    assert absent_by_chance(10, 5, 2) == pytest.approx(5 / 10 * 4 / 9)
    assert absent_by_chance(10, 0, 3) == 1.0
    assert absent_by_chance(10, 9, 3) == 0.0
    assert math.isclose(absent_by_chance(60, 16, 12), math.comb(44, 12) / math.comb(60, 12))


def test_a_choice_whose_best_is_far_behind_is_left_out_though_it_was_tried_seldom():
    parameter = Categorical(("a", "b", "c"))
    ranks = {"b": (40, 45, 50, 55), "c": (12, 33, 34, 35)}
    values = {rank: value for value, those in ranks.items() for rank in those}
    tried = [Attempt(values.get(rank, "a"), rank) for rank in range(60)]
    found = narrow(parameter, ["a"] * 12, tried)
    assert found.parameter == Categorical(("a", "c"))
    assert found.doubts == {"c": pytest.approx(math.comb(48, 4) / math.comb(60, 4))}


def test_a_range_shrinks_around_a_value_and_stays_in_its_bounds():
    assert shrink(Float(0.0, 1.0), 0.5, 0.9) == Float(0.5, 1.0)
    found = shrink(Float(1e-4, 1.0, log=True), 0.5, 1e-2)
    assert (found.low, found.high) == (pytest.approx(1e-3, rel=0.1), pytest.approx(0.1, rel=0.1))
    assert shrink(Int(0, 100), 0.9, 50) == Int(5, 95)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("l2", ["l2"]),
        ("model.units", ["model", "units"]),
        ("optimizer.sgd.nesterov", ["optimizer_options", "sgd", "nesterov"]),
        ("loss.losses.py:tversky.alpha", ["loss_options", "losses.py:tversky", "alpha"]),
        ("loss.own/losses.py:tversky.alpha", ["loss_options", "own/losses.py:tversky", "alpha"]),
    ],
)
def test_the_place_of_a_dimension_is_found_whatever_dots_its_name_has(name, place):
    search: dict[str, object] = {}
    table, key = place_in(search, name)
    table[key] = 1
    for part in place:
        search = search[part]
    assert search == 1
