"""How long the trainings of a study are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.catalog import TrainingLength
from tuner.errors import StudyFileError
from tuner.study import explain, fingerprint, read_study_dict, resolve_recipe, resume_study
from tuner.study.training_length import LEAST_EPOCHS, MOST_EPOCHS, STEPS, auto_epochs, auto_patience

PROJECT = Path(__file__).parents[2]
SEARCH = {"optimizer": ["sgd", "adam"]}


def study(search=None, **budget):
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "search": search or SEARCH}
    return read_study_dict({**content, "budget": budget} if budget else content, PROJECT)


def refused(**budget):
    with pytest.raises(StudyFileError) as caught:
        study(**budget)
    (problem,) = caught.value.problems
    return problem


def test_auto_gives_small_sets_enough_steps_and_large_ones_few_epochs():
    assert auto_epochs(90, 128) == MOST_EPOCHS
    assert auto_epochs(1_078, 32) * 34 == pytest.approx(STEPS, rel=0.02)
    assert auto_epochs(1_000_000, 32) == LEAST_EPOCHS
    counted = [auto_epochs(rows, 32) for rows in range(10, 100_000, 500)]
    assert counted == sorted(counted, reverse=True)
    assert auto_patience(20) == auto_patience(100) == 10 < auto_patience(300)


def test_the_middle_batch_of_the_search_counts():
    def epochs(**search):
        return study({**SEARCH, **search}).length.epochs

    assert epochs() == auto_epochs(90, 32) > epochs(batch_size=[2, 4, 8, 16]) == auto_epochs(90, 4)
    assert epochs(batch_size={"low": 2, "high": 18}) == auto_epochs(90, 6)
    assert epochs(batch_size=1) == auto_epochs(90, 1)


def test_what_a_study_file_may_say():
    assert study(epochs=20).length == TrainingLength(20, "best", None)
    assert study(epochs="auto").length == study().length
    assert study(epochs=50, stop=True).length == TrainingLength(50, "best", 10)
    assert study(epochs=300, keep="last", stop={"patience": 12}).length == TrainingLength(300, "last", 12)
    assert study(stop=False).length.patience is None


def test_what_it_may_not_say():
    assert (refused(epochs="aut").nearest, refused(epochs=0).key) == ("auto", "budget.epochs")
    assert refused(epochs="many").allowed == 'a whole number from 1 to 100000, "auto"'
    assert refused(keep="first").key == "budget.keep"
    assert "patience" in refused(stop=10).next_step
    assert refused(stop={"patience": 0}).key == "budget.stop.patience"
    assert refused(stop={"epochs": 3}).key == "budget.stop.epochs"


def test_a_recipe_says_it():
    recipe = resolve_recipe(study(epochs=70, stop={"patience": 9}), {"optimizer": "sgd"}, 0)
    assert (recipe.epochs, recipe.keep, recipe.patience, recipe.last_epoch) == (70, "best", 9, None)


def test_check_says_it():
    content = explain(study(epochs=70, stop={"patience": 9}))
    assert content["training"] == {"epochs": 70, "keep": "best", "patience": 9, "auto": False, "repeats": 1}
    assert content["budget"] == {"trials": 100, "epochs": 70, "checkpoint": False}
    assert explain(study())["training"]["auto"]


def test_a_study_goes_on_with_what_its_file_leaves_open_as_it_began():
    began = fingerprint(study(epochs=20, keep="last"))
    older = {key: value for key, value in began.items() if key not in ("keep", "stop.patience")}
    for before in (began, older):
        assert resume_study(study(), before).length == TrainingLength(20, "last", None)
        assert resume_study(study(epochs=30), before).length == TrainingLength(30, "last", None)
        assert resume_study(study(epochs=20, keep="best", stop=True), before).length == TrainingLength(20, "best", 10)
    assert resume_study(study(), {"epochs": [], "keep": {}}).length.epochs == study().length.epochs


def test_a_schedule_that_early_stopping_cuts_is_named():
    def advice(search, **budget):
        return [line for line in study({**SEARCH, **search}, **budget).advice if line.startswith("budget.stop")]

    falling = {"schedule": ["constant", "cosine", "one_cycle"]}
    (line,) = advice(falling, epochs=300, stop={"patience": 10})
    assert "cosine, one_cycle lower the learning rate over all 300 epochs" in line
    assert "after 10 epochs without improvement" in line
    assert "a patience of 24 or more" in line
    assert not advice(falling, epochs=300, stop=True)
    assert not advice(falling, epochs=300)
    assert not advice({"schedule": "constant"}, epochs=300, stop={"patience": 10})
    assert not advice({"schedule": "reduce_on_plateau"}, epochs=100, stop={"patience": 4})
    (line,) = advice({"schedule": "reduce_on_plateau"}, epochs=100, stop={"patience": 3})
    assert "after up to 3 epochs" in line
    own = {"schedule": "reduce_on_plateau", "schedule_options": {"reduce_on_plateau": {"patience": [2, 12]}}}
    assert advice(own, epochs=100, stop={"patience": 12})
