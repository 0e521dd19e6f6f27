"""What each value of a dimension gave, checked against the trials themselves."""

from __future__ import annotations

import mock_study
import numpy as np
import pytest
from mock_results import mock_results

from tuner.analysis import compare
from tuner.analysis.epochs_to_target import default_target
from tuner.analysis.value_comparison import _commonest
from tuner.errors import NoBestTrialError
from tuner.results import read_study_results
from tuner.storage import StudySession, open_database


def by_value(content, index=0):
    return {row["value"]: row for row in content["comparisons"][index]["groups"]}


def test_the_numbers_are_those_of_the_trials(study):
    content = compare(study, ["optimizer"])
    assert content["trials"] == 60
    for name, row in by_value(content).items():
        trials = [trial for trial in study.record.trials if trial.params["optimizer"] == name]
        complete = [trial.value for trial in trials if study.trial_state(trial)[0] == "complete"]
        diverged = [trial for trial in trials if study.trial_state(trial)[0] == "diverged"]
        assert (row["trials"], row["complete"], row["diverged"]) == (len(trials), len(complete), len(diverged))
        assert row["best"] == max(complete)
        assert row["median"] == pytest.approx(np.median(complete))
        assert row["spread"] == pytest.approx(np.subtract(*np.percentile(complete, [75, 25])))
        assert row["share_diverged"] == len(diverged) / len(trials)
        assert row["share_pruned"] == 0
    assert {"sgd", "adam", "adagrad"} == set(by_value(content))


def test_diverged_trials_are_counted_and_their_reason_is_said(study):
    rows = compare(study, ["learning_rate"])["comparisons"][0]["groups"]
    assert [row["share_diverged"] > 0 for row in (rows[0], rows[-1])] == [False, True]
    assert rows[-1]["failure"]["reason"] == "the training loss became nan in epoch 1"
    assert rows[-1]["failure"]["count"] == rows[-1]["diverged"]
    assert rows[0]["failure"] is None


def test_reasons_are_one_where_only_numbers_differ():
    reasons = ["nan in epoch 3 at rate 0.5", "no memory", "nan in epoch 12 at rate 1e-05"]
    assert _commonest(reasons) == {"reason": "nan in epoch 3 at rate 0.5", "count": 2}
    assert _commonest([]) is None


def test_trials_in_which_the_dimension_does_not_count_are_a_group(study):
    rows = compare(study, ["momentum"])["comparisons"][0]["groups"]
    adagrad = sum(trial.params["optimizer"] == "adagrad" for trial in study.record.trials)
    assert rows[-1]["value"] is None
    assert rows[-1]["trials"] == adagrad


def test_epochs_to_the_goal(study):
    content = compare(study, ["learning_rate"])
    best = max(trial.value for trial in study.record.trials if trial.value is not None)
    assert content["goal"]["value"] == pytest.approx(0.95 * best)
    rows = content["comparisons"][0]["groups"]
    # The mock curve is quality * (1 - exp(-epoch)): the best trial has 95 % of its last value after epoch 3, the median
    # one of its group perhaps an epoch later.
    assert 3 <= min(row["epochs_to_goal"] for row in rows if row["epochs_to_goal"]) <= 4
    assert sum(row["reached"] for row in rows) >= 1
    assert rows[0]["epochs_to_goal"] is None


def test_the_goal_of_a_minimised_objective_lies_near_the_best(tmp_path):
    study = mock_results(tmp_path, objective={"metric": "log_loss"}, budget={"trials": 10, "epochs": 2})
    values = sorted(trial.value for trial in study.record.trials if study.trial_state(trial)[0] == "complete")
    goal = default_target(study)
    assert goal is not None
    assert goal.value == pytest.approx(values[0] + 0.05 * (np.median(values) - values[0]))
    assert goal.reached(values[0])
    assert not goal.reached(float(np.median(values)))


def test_what_differs_is_said_to_differ_and_the_rest_is_not(study):
    content = compare(study, ["learning_rate", "schedule", "learning_rate"])
    rate, schedule = content["comparisons"]
    assert rate["test"]["p"] < 0.01
    assert rate["test"]["leader"] in {row["value"] for row in rate["groups"]}
    assert "learning_rate mattered" in rate["test"]["meaning"]
    assert schedule["test"]["p"] > 0.05  # the mock trainer does not look at the schedule
    assert "did not matter more than chance" in schedule["test"]["meaning"]
    for comparison in content["comparisons"]:
        leaders = [row["value"] for row in comparison["groups"] if row["p_against_leader"] is None]
        assert comparison["test"]["leader"] in leaders


def test_an_adaptive_sampler_is_warned_of(study, tmp_path):
    fair = compare(study, ["optimizer"])["comparisons"][0]["test"]["limits"]
    assert not any("The sampler" in sentence for sentence in fair)
    adaptive = mock_results(tmp_path, sampler={"name": "tpe"}, budget={"trials": 12, "epochs": 2})
    limits = compare(adaptive, ["activation"])["comparisons"][0]["test"]["limits"]
    assert any("The sampler tpe soon leaves values" in sentence for sentence in limits)


def test_too_few_trials_are_not_tested(tmp_path):
    study = mock_results(tmp_path, budget={"trials": 4, "epochs": 2})
    test = compare(study, ["optimizer"])["comparisons"][0]["test"]
    assert (test["p"], test["leader"]) == (None, None)
    assert "too few" in test["meaning"]


def test_a_study_without_trials_cannot_be_compared(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/tuner.db", create=True)
    StudySession(database, mock_study.CONTENT["name"], "maximize").close()
    with pytest.raises(NoBestTrialError, match="has none. `tuner run FILE` resumes it"):
        compare(read_study_results(database, "mock"), ["optimizer"])
