"""Settings that a study file wants tried first."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.errors import StudyFileError
from tuner.study import StudySpec, fingerprint, read_study_dict

SEARCH = {
    "optimizer": ["sgd", "adam", "adagrad"],
    "learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
    "momentum": {"low": 0.0, "high": 0.9, "step": 0.3},
    "batch_size": [16, 32],
    "class_weight": ["none", "balanced"],
    "activation": "tanh",
    "optimizer_options": {"sgd": {"nesterov": [True, False], "learning_rate": {"low": 0.01, "high": 1.0, "log": True}}},
    "model": {"units": [8, [8, 4]]},
}


def study(points: Any, **sections: Any) -> StudySpec:
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "search": SEARCH}
    return read_study_dict({**content, "sampler": {"initial_points": points}, **sections}, ".")


@pytest.mark.parametrize(
    ("point", "values"),
    [
        ({"optimizer": "adam", "learning_rate": 3e-4}, {"optimizer": "adam", "learning_rate": 3e-4}),
        ({"batch_size": 16.0, "momentum": 0.6}, {"batch_size": 16, "momentum": pytest.approx(0.6)}),
        ({"optimizer": "sgd", "learning_rate": 1}, {"optimizer": "sgd", "optimizer.sgd.learning_rate": 1.0}),
        ({"optimizer_options": {"sgd": {"nesterov": True}}}, {"optimizer.sgd.nesterov": True}),
        ({"optimizer.sgd.nesterov": True, "optimizer": "sgd"}, {"optimizer.sgd.nesterov": True, "optimizer": "sgd"}),
        ({"model": {"units": [8, 4]}}, {"model.units": (8, 4)}),
        ({"model.units": 8, "activation": "tanh"}, {"model.units": 8}),
        ({"class_weight": "balanced"}, {"class_weight": 1.0}),
    ],
)
def test_a_setting_has_the_keys_of_search(point: dict[str, Any], values: dict[str, Any]) -> None:
    spec = study([point])
    assert spec.own_points == (values,)
    assert not spec.initial_points, "the user's own come in place of the known ones"


@pytest.mark.parametrize(
    ("point", "key", "text"),
    [
        ({"optimiser": "adam"}, "optimiser", "nearest: optimizer"),
        ({"l2": 0.1}, "l2", r"only one value of this dimension[\s\S]*Search l2 in \[search\]"),
        ({"model.layers": 2}, "model.layers", "no dimension of this study has this name"),
        ({"optimizer": "adm"}, "optimizer", "there is no optimizer with this name[\\s\\S]*nearest: adam"),
        ({"learning_rate": 0.5, "optimizer": "adam"}, "learning_rate", "a number from 0.0001 to 0.1"),
        ({"learning_rate": "high"}, "learning_rate", "must be a number"),
        ({"momentum": 0.5}, "momentum", "between two steps"),
        (
            {"optimizer": "adagrad", "momentum": 0.3},
            "momentum",
            "no effect: momentum is active only if optimizer is one of",
        ),
        (
            {"optimizer": "adam", "optimizer_options": {"sgd": {"nesterov": True}}},
            "optimizer.sgd.nesterov",
            "choose another optimizer",
        ),
        ({"activation": "relu"}, "activation", "allowed: tanh"),
        ({"model.units": 8, "model": {"units": 8}}, "model.units", "given twice"),
        ({"model": {"units": [8, 5]}}, "model.units", "must be one of the allowed values"),
    ],
)
def test_what_the_space_does_not_allow_is_refused(point: dict[str, Any], key: str, text: str) -> None:
    with pytest.raises(StudyFileError, match=text) as caught:
        study([{"batch_size": 32}, point])
    assert [problem.key for problem in caught.value.problems] == [f"sampler.initial_points[1].{key}"]


@pytest.mark.parametrize("points", [[], "adam", {"optimizer": "adam"}, [{}], ["adam"], [{"batch_size": 16}] * 1001])
def test_other_forms_are_refused(points: Any) -> None:
    with pytest.raises(StudyFileError, match="true, false or a list of at most 1,000 settings"):
        study(points)


def test_more_settings_than_trials_get_advice() -> None:
    points = [{"batch_size": 16}, {"batch_size": 32}]
    said = [" ".join(study(points, budget={"trials": trials}).advice) for trials in (2, 1)]
    assert ["2 settings, but [budget] trials = 1" in text for text in said] == [False, True]


def test_they_may_change_when_a_study_resumes() -> None:
    assert fingerprint(study([{"batch_size": 16}])) == fingerprint(study(True))
