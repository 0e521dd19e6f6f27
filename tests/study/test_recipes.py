"""Values of one trial → its recipe."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from tuner.catalog import HEADS, LOSSES, OPTIMIZERS, Recipe, Task
from tuner.errors import StudyFileError, UsageError
from tuner.space import Categorical, Int
from tuner.study import read_study_dict, resolve_recipe

PROJECT = Path(__file__).parents[2]


def study(search=None, source="iris", **sections):
    content = {"name": "small", "model": "models/mlp.py", "data": {"source": source}, **sections}
    return read_study_dict(content if search is None else {**content, "search": search}, PROJECT)


def drawn(space, source):
    def choose(dimension):
        match dimension.parameter:
            case Categorical(choices):
                return source.choice(choices)
            case Int(low, high, _, step):
                return source.randrange(low, high + 1, step)
        return source.uniform(dimension.parameter.low, dimension.parameter.high)

    return space.resolve(choose)


@pytest.mark.parametrize("source", ["iris", "breast_cancer", "diabetes", "linnerud"])
@pytest.mark.parametrize("everything", [False, True], ids=["default", "everything"])
def test_every_drawn_setting_gives_a_recipe_that_survives_json(source, everything):
    names = ["loss", "optimizer", "learning_rate", "momentum", "schedule", "initializer", "activation", "batch_size"]
    names += ["weight_decay", "l1", "l2", "dropout", "clipping"]
    names += ["label_smoothing", "class_weight"] if source in ("iris", "breast_cancer") else []
    spec = study(dict.fromkeys(names, "auto") if everything else None, source)
    if everything:
        rows_of_linnerud_are_one_batch = {"batch_size"} if source == "linnerud" else set()
        assert {d.name for d in spec.space.searched} == set(names) - rows_of_linnerud_are_one_batch
    chance = random.Random(1)
    for number in range(200):
        values = drawn(spec.space, chance)
        recipe = resolve_recipe(spec, values, number)
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
        assert recipe.head in HEADS
        assert spec.facts.task in LOSSES[recipe.loss.name].tasks
        assert recipe.loss.options.keys() == LOSSES[recipe.loss.name].defaults().keys()
        assert (recipe.momentum is None) == ("momentum" not in values)
        assert recipe.label_smoothing == values.get("label_smoothing", 0.0)
        assert recipe.batch_size == values["batch_size"]


def test_labels_have_no_class_weights(tmp_path):
    chance = np.random.default_rng(0)
    np.savez(tmp_path / "labels.npz", x=chance.normal(size=(80, 4)), y=chance.integers(0, 2, (80, 3)))
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "labels.npz"}}
    spec = read_study_dict(content, tmp_path)
    assert spec.facts.task is Task.MULTILABEL
    assert spec.metric == "f1"
    recipe = resolve_recipe(spec, drawn(spec.space, random.Random(0)), 0)
    assert (recipe.class_weight, recipe.head) == (None, "sigmoid")
    with pytest.raises(StudyFileError, match="class weights need one class per row"):
        read_study_dict({**content, "search": {"class_weight": "auto"}}, tmp_path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_unsearched_learning_rate_is_that_of_keras(name):
    recipe = resolve_recipe(study({"optimizer": name, "batch_size": [8, 16]}), {"batch_size": 8}, 0)
    assert recipe.learning_rate == OPTIMIZERS[name].learning_rate
    assert recipe.optimizer.options == OPTIMIZERS[name].defaults()
    assert recipe.momentum is None
    assert recipe.weight_decay is None


def test_values_of_one_optimizer_come_before_the_shared_ones():
    own = {"sgd": {"learning_rate": 0.5, "momentum": [0.0, 0.5], "weight_decay": 0.01, "nesterov": True}}
    search = {"optimizer": ["sgd", "adam"], "learning_rate": 0.001, "momentum": 0.8, "optimizer_options": own}
    spec = study(search)
    sgd = resolve_recipe(spec, {"optimizer": "sgd", "optimizer.sgd.momentum": 0.5}, 0)
    assert (sgd.learning_rate, sgd.momentum, sgd.weight_decay) == (0.5, 0.5, 0.01)
    assert sgd.optimizer.options == {"nesterov": True}
    adam = resolve_recipe(spec, {"optimizer": "adam"}, 0)
    assert (adam.learning_rate, adam.momentum, adam.weight_decay) == (0.001, 0.8, None)


def test_options_of_the_choice_come_with_their_defaults():
    options = {"categorical_focal_crossentropy": {"gamma": [1.0, 3.0]}}
    losses = ["categorical_crossentropy", "categorical_focal_crossentropy"]
    spec = study({"loss": losses, "loss_options": options, "clipping": "clipnorm", "schedule": "cosine"})
    recipe = resolve_recipe(spec, {"loss": losses[1], "loss.categorical_focal_crossentropy.gamma": 3.0}, 0)
    assert recipe.loss.options == {"gamma": 3.0}
    assert recipe.clipping.options == {"norm": 1.0}
    assert recipe.schedule.options == {"warmup": 0.0, "cycles": 1, "end_ratio": 0.0}
    assert resolve_recipe(spec, {"loss": losses[0]}, 0).loss.options == {}


def test_what_is_not_active_has_its_default():
    schedule = {"choices": ["cosine", "step"], "when": {"optimizer": ["sgd"]}}
    spec = study({"optimizer": ["sgd", "adam"], "schedule": schedule})
    assert resolve_recipe(spec, {"optimizer": "adam", "schedule": "step"}, 0).schedule.name == "constant"
    assert resolve_recipe(spec, {"optimizer": "sgd", "schedule": "step"}, 0).schedule.name == "step"


def test_keywords_of_the_model_and_dropout():
    spec = study({"dropout": [0.1, 0.2], "model": {"units": [[8, 4], [16]], "batch_norm": True}})
    recipe = resolve_recipe(spec, {"dropout": 0.2, "model.units": [8, 4]}, 0)  # a storage gives lists back
    assert recipe.model.options == {"units": [8, 4], "batch_norm": True, "dropout": 0.2}
    assert recipe.model.reference == "models/mlp.py:build"
    assert len(recipe.model.sha256) == 64


@pytest.mark.parametrize(("head", "expected"), [("auto", "linear"), ("model", "model"), ("tanh", "tanh")])
def test_the_head_is_that_of_the_loss_unless_asked_for(head, expected):
    spec = study({"loss": "categorical_hinge", "batch_size": [8, 16]}, head=head)
    assert resolve_recipe(spec, {"batch_size": 8}, 0).head == expected


def test_class_weights_follow_their_formula():
    data = {"source": "breast_cancer"}
    spec = study({"class_weight": [0.0, 0.5, 1.0]}, data=data)
    counts = spec.facts.class_counts
    assert resolve_recipe(spec, {"class_weight": 0.0}, 0).class_weight is None
    for exponent in (0.5, 1.0):
        found = resolve_recipe(spec, {"class_weight": exponent}, 0).class_weight
        expected = {k: (sum(counts) / (2 * n)) ** exponent for k, n in enumerate(counts)}
        assert found == pytest.approx(expected, rel=1e-5)
        assert all(len(f"{weight:g}") <= 8 for weight in found.values())
    weighted = sum(n * resolve_recipe(spec, {"class_weight": 1.0}, 0).class_weight[k] for k, n in enumerate(counts))
    assert weighted == pytest.approx(sum(counts), rel=1e-5)  # balanced weights keep the size of the loss


def test_class_weights_are_times_those_of_the_data():
    name = study(source="breast_cancer").facts.classes[1]
    spec = study({"class_weight": [0.0, 1.0]}, data={"source": "breast_cancer", "class_weight": {name: 3.0}})
    assert resolve_recipe(spec, {"class_weight": 0.0}, 0).class_weight == {0: 1.0, 1: 3.0}
    both = resolve_recipe(spec, {"class_weight": 1.0}, 0).class_weight
    counts = spec.facts.class_counts
    assert both[1] == pytest.approx(3.0 * sum(counts) / (2 * counts[1]), rel=1e-5)


def test_seeds_of_trials_are_reproducible_and_differ():
    spec, other = study({"batch_size": [8, 16]}), study({"batch_size": [8, 16]}, seed=1)
    seeds = [resolve_recipe(spec, {"batch_size": 8}, number).seed for number in range(500)]
    assert seeds == [resolve_recipe(spec, {"batch_size": 16}, number).seed for number in range(500)]
    assert len(set(seeds)) == 500
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert not set(seeds) & {resolve_recipe(other, {"batch_size": 8}, number).seed for number in range(500)}


@pytest.mark.parametrize("values", [{}, {"batch_size": 9}, {"batch_size": "8"}, {"batch_size": None}])
def test_wrong_values_are_refused(values):
    with pytest.raises(UsageError, match="batch_size"):
        resolve_recipe(study({"batch_size": [8, 16]}), values, 0)


def test_the_data_section_goes_along_with_its_defaults():
    recipe = resolve_recipe(study({"batch_size": [8, 16]}), {"batch_size": 8}, 0)
    assert recipe.data["source"] == "iris"
    assert recipe.data["scale"] == "standardize"
    assert recipe.metric == "accuracy"
