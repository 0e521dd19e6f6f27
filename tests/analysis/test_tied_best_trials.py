"""Settings that reached the same best value are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mock_results import mock_results

from tuner.analysis import importance, ties_text


@pytest.fixture
def small(tmp_path):
    return mock_results(tmp_path, budget={"trials": 12, "epochs": 2})


def complete(study):
    return [trial for trial in study.record.trials if study.trial_state(trial)[0] == "complete"]


def changed(study, numbers, **fields):
    """The study, with fields of some trials replaced."""
    trials = [replace(one, **fields) if one.number in numbers else one for one in study.record.trials]
    return replace(study, record=replace(study.record, trials=tuple(trials)))


def test_other_settings_with_the_best_value_are_counted(small):
    assert ties_text(small) is None
    numbers = [trial.number for trial in complete(small)[2:5]]
    text = ties_text(changed(small, numbers, value=1.0))
    assert text is not None
    assert text.startswith(f"2 other settings reached the same value; trial {numbers[0]} was the first")
    assert "log_loss" in text


def test_the_smallest_network_of_equals_is_named(small):
    numbers = [trial.number for trial in complete(small)[2:5]]
    equal = changed(small, numbers, value=1.0)
    for number, weights in zip(numbers, (2_000, 1_000, 1_000), strict=True):
        attributes = next(one for one in equal.record.trials if one.number == number).user_attrs
        size = {**attributes["network_size"], "weights": weights}
        equal = changed(equal, [number], user_attrs={**attributes, "network_size": size})
    assert f"first, trial {numbers[1]} has the fewest weights (1,000, not 2,000). More" in str(ties_text(equal))
    first = next(one for one in equal.record.trials if one.number == numbers[0])
    without = {key: value for key, value in first.user_attrs.items() if key != "network_size"}
    unknown = ties_text(changed(equal, [numbers[0]], user_attrs=without))
    assert f"trial {numbers[0]} was the first. More" in str(unknown)


def test_a_setting_that_was_tried_again_is_no_other_one(small):
    some = complete(small)[2:5]
    assert ties_text(changed(small, [one.number for one in some], value=1.0, params=some[0].params)) is None


def test_choices_of_plain_optuna_may_be_lists(small):
    some = complete(small)[2:5]
    equal = changed(small, [one.number for one in some], value=1.0)
    for number, choice in ((some[0].number, [8, 8]), (some[1].number, [8, 8]), (some[2].number, [16])):
        equal = changed(equal, [number], params={"sizes": choice})
    text = ties_text(equal)
    assert text is not None
    assert text.startswith("1 other setting reached")


def test_a_study_without_a_complete_trial_has_no_ties(tmp_path):
    diverged = mock_results(tmp_path, diverges_above=0.0, budget={"trials": 3, "epochs": 2})
    assert not complete(diverged)
    assert ties_text(diverged) is None


def test_the_best_ones_hold_all_that_equal_the_last_of_them(small):
    some = complete(small)
    equal = changed(small, [trial.number for trial in some[1:]], value=0.0)
    assert importance(equal)["top"] == len(some)
