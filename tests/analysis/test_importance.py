"""Importances: Optuna's own number, with what is known of its certainty."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from mock_results import mock_results

from tuner.analysis import importance
from tuner.analysis.dimension_importance import LEAST, _measure, _top_share
from tuner.analysis.ranking import LEAST_TOP, top_trials
from tuner.catalog import Objective


def complete(study):
    return [trial for trial in study.record.trials if study.trial_state(trial)[0] == "complete"]


def test_what_is_measured_is_optunas_ped_anova(study):
    trials = complete(study)
    real = optuna.create_study(direction="maximize")
    real.add_trials(trials)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_top_share(len(trials)))
    expected = evaluator.evaluate(real)
    found = _measure(trials, np.array([trial.value for trial in trials]), "maximize", list(expected))
    assert dict(zip(expected, found, strict=True)) == pytest.approx(expected)


def test_what_matters_comes_first_and_is_above_chance(study):
    content = importance(study)
    first = content["dimensions"][0]
    assert first["name"] == "learning_rate"
    assert first["share"] > first["chance"]
    assert content["meaning"].startswith("Clearly more than chance: learning_rate")
    assert sum(row["share"] for row in content["dimensions"]) == pytest.approx(1.0)
    for row in content["dimensions"]:
        assert 0 <= row["low"] <= row["high"] <= 1


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
    study = mock_results(tmp_path, budget={"trials": LEAST - 1, "epochs": 2})
    content = importance(study)
    assert {row["share"] for row in content["dimensions"]} == {None}
    assert "too few complete trials" in content["meaning"]


def test_the_top_trials_are_ranked_by_the_direction(study):
    trials = complete(study)
    values = [trial.value for trial in top_trials(trials, Objective("accuracy", "maximize"), 0.2)]
    assert values == sorted((trial.value for trial in trials), reverse=True)[: int(np.ceil(0.2 * len(trials)))]
    assert len(top_trials(trials, Objective("accuracy", "maximize"), 0.01)) == LEAST_TOP
    assert top_trials(trials, Objective("accuracy", "minimize"), 0.1)[0].value == min(trial.value for trial in trials)
