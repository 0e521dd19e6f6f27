"""Suggest, read back, enqueue."""

from __future__ import annotations

import optuna
import pytest

from tuner.search import params_from_trial, searched_params, suggest, to_optuna_params
from tuner.search.distributions import distribution
from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Space


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Float(0.1, 10.0, log=True), optuna.distributions.FloatDistribution(0.1, 10.0, log=True)),
        (Float(0.0, 1.0, step=0.25), optuna.distributions.FloatDistribution(0.0, 1.0, step=0.25)),
        (Int(1, 64, log=True), optuna.distributions.IntDistribution(1, 64, log=True)),
        (Float(0.1, 0.27, step=0.05), optuna.distributions.FloatDistribution(0.1, 0.25, step=0.05)),
        (Int(8, 30, step=8), optuna.distributions.IntDistribution(8, 24, step=8)),
        (Int(16, 128, step=16), optuna.distributions.IntDistribution(16, 128, step=16)),
        (Categorical((None, "a", 2, 0.5)), optuna.distributions.CategoricalDistribution((None, "a", 2, 0.5))),
        (Categorical(((32,), (64, 32))), optuna.distributions.CategoricalDistribution(("[32]", "[64, 32]"))),
        (Categorical((True, 1)), optuna.distributions.CategoricalDistribution(("true", "1"))),
        (Categorical(("[8]", "8")), optuna.distributions.CategoricalDistribution(('"[8]"', '"8"'))),
        (Fixed("x"), optuna.distributions.CategoricalDistribution(("x",))),
    ],
)
def test_each_parameter_has_its_distribution(parameter, expected):
    assert distribution(parameter) == expected


def test_what_is_suggested_can_be_read_back_and_only_active_parameters_are_stored(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    branches = set()
    for _ in range(40):
        values = suggest(study.ask(), space)
        stored = study.get_trials()[-1]
        assert params_from_trial(stored, space) == values
        assert set(stored.params) == {d.name for d in space.searched if d.name in values}
        assert all(d.is_active(values) == (d.name in values) for d in space)
        assert all(values[d.name] in d.parameter for d in space if d.name in values)
        branches.add(values["optimizer"])
    assert len(branches) == 5


def test_an_enqueued_setting_comes_back_as_it_was(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    wanted = suggest(study.ask(), space)
    study.enqueue_trial(to_optuna_params(wanted, space))
    assert suggest(study.ask(), space) == wanted


def test_part_of_a_setting_can_be_enqueued(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(to_optuna_params({"optimizer": "adam", "model.units": (64, 32), "model.norm": True}, space))
    values = suggest(study.ask(), space)
    assert (values["optimizer"], values["model.units"]) == ("adam", (64, 32))
    assert 1e-4 <= values["learning_rate"] <= 0.1


def test_values_that_python_calls_equal_are_kept_apart():
    space = Space([Dimension("flag", Categorical((1, True, 1.0)))])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = {type(suggest(study.ask(), space)["flag"]) for _ in range(30)}
    assert seen == {int, bool, float}
    study.enqueue_trial(to_optuna_params({"flag": True}, space))
    assert suggest(study.ask(), space)["flag"] is True


@pytest.mark.parametrize(
    "choices",
    [((32,), (64, 32)), (1, True), ((1, "a"), None), ("[8]", "[8, 8]"), ("1", "true"), ("relu", "tanh"), (1, 2, 0.5)],
)
def test_params_are_the_values_that_were_listed(choices):
    space = Space([Dimension("rate", Float(0.0, 1.0)), Dimension("choice", Categorical(choices))])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for choice in choices:
        study.enqueue_trial(to_optuna_params({"choice": choice, "rate": 0.5}, space))
        assert suggest(study.ask(), space)["choice"] == choice
        found = searched_params(study.trials[-1])
        expected = list(choice) if isinstance(choice, tuple) else choice
        assert (found["choice"], type(found["choice"])) == (expected, type(expected))
        assert found["rate"] == 0.5


def test_a_trial_that_was_interrupted_while_asked_gives_what_it_has(space):
    study = optuna.create_study()
    study.ask().suggest_categorical("loss", ["categorical_crossentropy", "mean_squared_error"])
    values = params_from_trial(study.trials[0], space)
    assert set(values) == {"loss", "model.norm"}


def test_a_condition_on_a_tuple_holds():
    space = Space(
        [
            Dimension("units", Categorical(((8,), (8, 8)))),
            Dimension("dropout", Float(0.0, 0.5), (Condition("units", ((8, 8),)),)),
        ]
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(10):
        values = suggest(study.ask(), space)
        assert ("dropout" in values) == (values["units"] == (8, 8))
