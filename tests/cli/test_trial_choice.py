"""Choosing one trial: what `--trial` shows and refuses, and the numbers that Python takes."""

from __future__ import annotations

import re
from dataclasses import replace

import mock_study
import numpy as np
import optuna
import pandas as pd
import pytest

import tuner
import tuner.api
from tuner.cli.console import console
from tuner.cli.render_trial import render_trial
from tuner.errors import NoBestTrialError, UsageError
from tuner.refit.finalists import leaders
from tuner.results import read_study_results, read_trial, trial_numbers
from tuner.search import StoredState
from tuner.storage import open_database


@pytest.fixture
def plain(project) -> str:
    """A study of plain Optuna: trial 2 is the best, and trial 3 is waiting."""
    url = f"sqlite:///{project}/plain.db"
    study = optuna.create_study(study_name="plain", storage=url, direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * 0 + trial.number, n_trials=3)
    study.enqueue_trial({"x": 0.5})
    return url


def test_a_trial_without_a_recipe_suggests_no_export(call, plain):
    said = call("show", "plain", "--trial", "0", "--storage", plain)
    assert said.code == 0
    assert "tuner export" not in said.out
    assert "tuner train" not in said.out


def test_a_waiting_trial_has_no_recipe_yet(plain):
    with pytest.raises(NoBestTrialError, match="Trial 3 of 'plain' has no recipe: it has not begun yet"):
        _ = tuner.open(plain, "plain").trial(3).recipe


def test_the_trial_that_is_asked_for_is_the_one_that_has_no_recipe(call, plain):
    said = call("train", "plain", "--trial", "0", "--storage", plain)
    assert said.code == 2
    assert "Trial 0 of 'plain' has no recipe" in said.err


@pytest.mark.parametrize("command", ["show", "export"])
def test_one_trial_is_given_once(call, study_url, command):
    said = call(command, "mock", "--trial", "1", "--trial", "2", "--storage", study_url)
    assert (said.code, said.out) == (2, "")
    assert "--trial can be given once, but got 1 and 2." in said.err


@pytest.mark.parametrize("number", [6, 6.0, np.int64(6), np.uint8(6), np.float64(6), np.float32(6)])
def test_whole_numbers_of_any_type(study, number):
    found = read_trial(study, number)
    assert found.number == 6
    assert type(found.to_json()["trial"]["number"]) is int


@pytest.mark.parametrize("number", ["6", b"6", None, True, np.True_, 1.5, float("nan"), float("inf"), [6], 6j])
def test_what_is_no_whole_number(study, number):
    for function in (study.trial, study.complete_trial, lambda wrong: read_trial(study, wrong)):
        with pytest.raises(UsageError, match="A trial number must be a whole number, but got .*`tuner show STUDY`"):
            function(number)


def test_several_numbers():
    index = pd.DataFrame({"value": [1, 2]}, index=[3, 7]).index
    for given, expected in [
        (1, (1,)),
        (np.int64(1), (1,)),
        ([1.0, 2], (1, 2)),
        (index, (3, 7)),
        ((), ()),
        (None, None),
    ]:
        assert trial_numbers(given) == expected


@pytest.mark.parametrize("trials", [["1"], "1", "12", "", [None], [True], [[1]], np.array("1"), 1.5])
def test_train_names_a_wrong_number(project, study_url, trials):
    with pytest.raises(UsageError, match="A trial number must be a whole number, but got "):
        tuner.train("mock", "best.keras", trials=trials, storage=study_url)


def test_train_refuses_no_trials(project, study_url):
    with pytest.raises(UsageError, match="`trials` must name a trial, but it is empty. Leave it out for the leading"):
        tuner.train("mock", "best.keras", trials=pd.Index([]), storage=study_url)


def test_train_takes_a_single_trial(project, study_url):
    with pytest.raises(UsageError, match="has the trials 0 to 19, but got 99"):
        tuner.train("mock", "best.keras", trials=99, storage=study_url)


@pytest.mark.parametrize(
    ("state", "alive", "text"),
    [
        (StoredState.FAIL, True, "has failed"),
        (StoredState.PRUNED, True, "was pruned"),
        (StoredState.RUNNING, True, "is running"),
        (StoredState.WAITING, True, "is waiting"),
        (StoredState.RUNNING, False, "is waiting"),
    ],
)
def test_a_trial_that_is_not_complete_is_named_by_how_it_is(study, state, alive, text):
    number = next(one.number for one in study.record.trials if study.trial_state(one)[0] == "complete")
    trials = [replace(one, state=state) if one.number == number else one for one in study.record.trials]
    changed = replace(study, record=replace(study.record, trials=trials, alive=alive))
    with pytest.raises(NoBestTrialError, match=rf"but trial {number} of '\w+' {text}\. "):
        leaders(changed, 3, (number,))


def test_why_a_trial_diverged_is_said_once(study, capsys):
    number = next(one.number for one in study.record.trials if study.trial_state(one)[0] == "diverged")
    trial, text = read_trial(study, number), "the loss is not finite in epoch 1."
    health = [{"verdict": "diverged", "text": text}]
    for reason, times in [(f"diverged: {text}", 0), (text, 0), ("the process was killed", 1), (None, 0)]:
        render_trial(console(), replace(trial, row={**trial.row, "reason": reason, "health": health}))
        out = capsys.readouterr().out
        assert out.count("Reason: ") == times
        assert out.count("the loss is not finite") == 1


def test_class_weights_are_shown_as_the_study_file_writes_them(call, project):
    url = f"sqlite:///{project}/t.db"
    database = open_database(url, create=True)
    search = {"class_weight": ["none", "balanced"], "activation": ["relu"]}
    mock_study.run(mock_study.spec_of(project, search=search, budget={"trials": 2, "epochs": 1}), database)
    study = read_study_results(database, "mock")
    numbers = {one.params["class_weight"]: one.number for one in study.record.trials}
    trial = read_trial(study, numbers[0.0])
    assert "class_weight=none" in repr(trial)
    assert ">none</td>" in trial._repr_html_()
    assert trial.params["class_weight"] == 0.0
    best = tuner.open(url, "mock").best()
    assert f"class_weight={'balanced' if best.params['class_weight'] else 'none'}" in repr(best)
    none = replace(best, params={"class_weight": 0.0})
    assert "class_weight=none" in repr(none)
    assert ">none</td>" in none._repr_html_()
    database.close()
    front = call("best", "mock", "--front", "weights", "--storage", url).out
    assert re.search(r"\b(none|balanced)\b", front)
