"""Trials by the value of a dimension."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial

from tuner.analysis.grouping import find_dimension, group_trials
from tuner.errors import UnknownNameError, UsageError


def trials(name, kind, values):
    return [create_trial(value=0.0, params={name: v}, distributions={name: kind}) for v in values]


def test_a_choice_gives_its_values_in_their_order_and_trials_without_it_come_last():
    some = trials("a", CategoricalDistribution(["x", "y", "z"]), ["z", "x", "z"])
    other = trials("b", CategoricalDistribution([1, 2]), [1])
    groups = group_trials([*some, *other], "a", 4)
    assert [(group.value, len(group.trials)) for group in groups] == [("x", 1), ("z", 2), (None, 1)]


def test_a_range_is_cut_into_bins_of_equally_many_trials():
    values = [10.0**-k for k in range(16)]
    groups = group_trials(trials("a", FloatDistribution(1e-15, 1.0, log=True), values), "a", 4)
    assert [len(group.trials) for group in groups] == [3, 4, 4, 5]
    for group, after in zip(groups, groups[1:], strict=False):
        assert group.high == after.low
    assert (groups[0].low, groups[-1].high) == (1e-15, 1.0)


def test_every_trial_is_in_one_bin_also_with_many_equal_values():
    values = [1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8]
    groups = group_trials(trials("a", IntDistribution(1, 9), values), "a", 4)
    numbers = [trial.params["a"] for group in groups for trial in group.trials]
    assert sorted(numbers) == values


def test_few_different_numbers_are_values():
    groups = group_trials(trials("a", IntDistribution(1, 9), [3, 1, 3]), "a", 2)
    assert [(group.value, group.low) for group in groups] == [(1, None), (3, None)]


def test_a_dimension_is_found_by_the_end_of_its_name(study):
    assert find_dimension(study, "learning_rate") == "learning_rate"


def test_what_is_fixed_or_unknown_cannot_be_compared(study):
    with pytest.raises(UsageError, match="batch_size is 32 in every trial"):
        find_dimension(study, "batch_size")
    with pytest.raises(UnknownNameError, match="Did you mean 'optimizer'"):
        find_dimension(study, "optimiser")
