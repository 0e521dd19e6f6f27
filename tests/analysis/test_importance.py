"""What mattered in a study, with what is known of its certainty."""

from __future__ import annotations

import numpy as np
from mock_results import mock_results

from tuner.analysis import compare, importance
from tuner.analysis.study_effects import MIN_TRIALS
from tuner.analysis.top_trials import LEAST_TOP, top_trials
from tuner.catalog import Objective


def complete(study):
    return [trial for trial in study.record.trials if study.trial_state(trial)[0] == "complete"]


def test_what_mattered_comes_first_and_is_named(study):
    content = importance(study)
    first = content["dimensions"][0]
    assert first["name"] == "learning_rate"
    assert (first["mattered"], first["p"] < 0.05) == (True, True)
    assert content["meaning"].startswith("What mattered: learning_rate (")
    for row in content["dimensions"]:
        assert 0 <= row["low"] <= row["share"] <= row["high"] <= 1


def test_the_tables_agree_with_the_sentence(study):
    rows = importance(study)["dimensions"]
    comparisons = compare(study, [row["name"] for row in rows])["comparisons"]
    for row, comparison in zip(rows, comparisons, strict=True):
        assert comparison["test"]["p"] == row["p"]
        assert ("did not matter" in comparison["test"]["meaning"]) != row["mattered"]
        values = [group["p_against_leader"] for group in comparison["groups"]]
        assert all(p is None or p >= row["p"] for p in values)


def test_every_dimension_is_there_those_under_a_condition_too(study):
    names = {row["name"] for row in importance(study)["dimensions"]}
    assert names == {"optimizer", "learning_rate", "momentum", "schedule", "activation"}


def test_the_same_study_gives_the_same_numbers(study):
    assert importance(study) == importance(study)


def test_best_values_are_those_of_the_best_trials(study):
    content = importance(study)
    best = max(complete(study), key=lambda trial: trial.value)
    rows = {row["name"]: row for row in content["dimensions"]}
    assert {name: row["best"] for name, row in rows.items() if row["best"] is not None} == best.params
    assert rows["optimizer"]["top"].endswith(f"of {content['top']})")
    low, high = rows["learning_rate"]["top"].split(" … ")
    assert float(low) <= best.params["learning_rate"] * 1.01
    assert float(high) >= best.params["learning_rate"] * 0.99


def test_few_trials_say_nothing(tmp_path):
    study = mock_results(tmp_path, budget={"trials": MIN_TRIALS - 1, "epochs": 2})
    content = importance(study)
    assert {row["share"] for row in content["dimensions"]} == {None}
    assert content["meaning"].startswith(
        "It is too early to say what mattered: that takes 20 trials with a result, and 19 have one."
    )


def test_the_top_trials_are_ranked_by_the_direction(study):
    trials = complete(study)
    values = [trial.value for trial in top_trials(trials, Objective("accuracy", "maximize"), 0.2)]
    assert values == sorted((trial.value for trial in trials), reverse=True)[: int(np.ceil(0.2 * len(trials)))]
    assert len(top_trials(trials, Objective("accuracy", "maximize"), 0.01)) == LEAST_TOP
    assert top_trials(trials, Objective("accuracy", "minimize"), 0.1)[0].value == min(trial.value for trial in trials)
