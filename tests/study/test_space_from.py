"""`[search]` → the space."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.catalog import DIMENSIONS, LOSSES, OPTIMIZERS, ChoiceDimension, Task
from tuner.errors import StudyFileError
from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int
from tuner.study import read_study_dict

PROJECT = Path(__file__).parents[2]


def build_space(search=None, source="iris", model="models/mlp.py"):
    content = {"name": "small", "model": model, "data": {"source": source}}
    return read_study_dict(content if search is None else {**content, "search": search}, PROJECT).space


def dimension(name, *arguments, source="iris", **search):
    return build_space(search, source)[name]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ([0.1, 1], Categorical((0.1, 1.0))),
        ({"low": 1e-4, "high": 1}, Float(1e-4, 1.0)),
        ({"low": 1e-4, "high": 1e-1, "log": True}, Float(1e-4, 1e-1, log=True)),
        ({"low": 0.1, "high": 0.5, "step": 0.1}, Float(0.1, 0.5, step=0.1)),
        ({"choices": [0.1, 0.2]}, Categorical((0.1, 0.2))),
    ],
)
def test_forms_of_a_number(given, parameter):
    assert dimension("learning_rate", learning_rate=given).parameter == parameter


def test_whole_numbers_stay_whole():
    found = dimension("batch_size", batch_size={"low": 8, "high": 64, "step": 8.0}).parameter
    assert found == Int(8, 64, step=8)
    assert dimension("batch_size", batch_size={"low": 8, "high": 64, "log": True}).parameter == Int(8, 64, log=True)
    assert dimension("batch_size", batch_size=[8, 16.0]).parameter == Categorical((8, 16))


def test_single_values_are_fixed():
    space = build_space({"optimizer": "sgd", "momentum": 0.9, "batch_size": [8, 16]})
    assert space["optimizer"].parameter == Fixed("sgd")
    assert space["momentum"] == Dimension("momentum", Fixed(0.9))


def test_words_of_the_class_weight():
    given = dimension("class_weight", source="breast_cancer", class_weight=["none", "balanced", 0.5])
    assert given.parameter == Categorical((0.0, 1.0, 0.5))


def test_class_weights_need_classes():
    with pytest.raises(StudyFileError, match="class weights need one class per row"):
        build_space({"class_weight": "auto"}, "diabetes")


@pytest.mark.parametrize(
    "row", [row for row in DIMENSIONS.values() if row.name not in ("class_weight", "loop")], ids=lambda r: r.name
)
def test_auto_is_the_range_of_the_table(row):
    search = {row.name: "auto"}
    if row.name != "optimizer":
        search["optimizer"] = "sgd"
    if row.name != "loss":
        search["loss"] = "categorical_crossentropy"
    found = build_space(search, "digits")[row.name].parameter
    if isinstance(row, ChoiceDimension):
        assert set(found.choices) <= set(row.table)
    elif row.name == "learning_rate":
        assert found == OPTIMIZERS["sgd"].learning_rates
    else:
        assert found == row.auto
    assert found.size > 1


def test_unnamed_dimensions_keep_their_default():
    space = build_space({"batch_size": [8, 16]})
    assert space["loss"].parameter == Fixed("categorical_crossentropy")
    assert space["optimizer"].parameter == Fixed("adam")
    assert space["schedule"].parameter == Fixed("constant")
    assert "learning_rate" not in space
    assert "momentum" not in space
    assert "dropout" not in space
    assert [d.name for d in space.searched] == ["batch_size"]


@pytest.mark.parametrize(
    ("source", "task"), [("iris", Task.MULTICLASS), ("breast_cancer", Task.BINARY), ("diabetes", Task.REGRESSION)]
)
def test_default_losses_are_those_of_the_task(source, task):
    found = build_space(source=source)["loss"].parameter.choices
    assert found == tuple(row.name for row in LOSSES.values() if task in row.default_for)
    assert all(task in LOSSES[name].tasks for name in found)


def test_automatic_learning_rates_cover_the_optimizers():
    found = dimension("learning_rate", optimizer=["adam", "adadelta"], learning_rate="auto").parameter
    assert found == Float(1e-5, 10.0, log=True)


# Options of a choice -------------------------------------------------------------------------------------------------


def test_options_count_with_their_choice_alone():
    found = build_space({"optimizer": ["sgd", "adam"], "optimizer_options": {"sgd": {"nesterov": [True, False]}}})
    expected = Dimension("optimizer.sgd.nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),))
    assert found["optimizer.sgd.nesterov"] == expected
    assert "optimizer.adam.beta_2" not in found


def test_options_of_the_only_choice_count_always():
    found = build_space({"optimizer": "sgd", "optimizer_options": {"sgd": {"nesterov": "auto"}}})
    assert found["optimizer.sgd.nesterov"].conditions == ()
    assert found["optimizer.sgd.nesterov"].parameter.size == 2


@pytest.mark.parametrize(
    ("family", "choice", "other", "option", "given"),
    [
        ("loss", "huber", "mean_squared_error", "delta", {"low": 0.5, "high": 2.0}),
        ("schedule", "step", "constant", "drops", [1, 2]),
        ("initializer", "orthogonal", "he_normal", "gain", [1.0, 1.4]),
        ("clipping", "clipnorm", "none", "norm", "auto"),
    ],
)
def test_options_of_every_family(family, choice, other, option, given):
    search = {family: [choice, other], f"{family}_options": {choice: {option: given}}}
    found = build_space(search, "diabetes")[f"{family}.{choice}.{option}"]
    assert found.conditions == (Condition(family, (choice,)),)
    assert found.parameter.size > 1


def test_every_option_can_be_automatic_and_its_default():
    for row in DIMENSIONS.values():
        if not isinstance(row, ChoiceDimension):
            continue
        for choice in row.table.values():
            if choice.options and (row.name != "loss" or Task.MULTICLASS in choice.heads):
                auto = {option.name: "auto" for option in choice.options}
                space = build_space(
                    {row.name: choice.name, "batch_size": [8, 16], f"{row.name}_options": {choice.name: auto}}
                )
                assert all(space[f"{row.name}.{choice.name}.{name}"].parameter.size > 1 for name in auto)
                fixed = {option.name: option.default for option in choice.options}
                build_space({row.name: choice.name, "batch_size": [8, 16], f"{row.name}_options": {choice.name: fixed}})


def test_an_optimizer_with_a_learning_rate_of_its_own():
    space = build_space(
        {
            "optimizer": ["sgd", "adam", "adagrad"],
            "learning_rate": [1e-3, 1e-2],
            "optimizer_options": {"sgd": {"learning_rate": "auto", "momentum": [0.0, 0.9]}},
            "momentum": [0.8, 0.9],
        }
    )
    assert space["optimizer.sgd.learning_rate"].parameter == OPTIMIZERS["sgd"].learning_rates
    assert space["learning_rate"].conditions == (Condition("optimizer", ("adam", "adagrad")),)
    assert space["momentum"].conditions == (Condition("optimizer", ("adam",)),)
    assert space["optimizer.sgd.momentum"].conditions == (Condition("optimizer", ("sgd",)),)


def test_automatic_rates_leave_out_optimizers_with_their_own():
    search = {
        "optimizer": ["adam", "adadelta"],
        "learning_rate": "auto",
        "optimizer_options": {"adadelta": {"learning_rate": 1.0}},
    }
    assert build_space(search)["learning_rate"].parameter == OPTIMIZERS["adam"].learning_rates


# Conditions ----------------------------------------------------------------------------------------------------------


def test_momentum_counts_where_there_is_one():
    assert dimension("momentum", optimizer=["sgd", "adagrad"], momentum="auto").conditions == (
        Condition("optimizer", ("sgd",)),
    )
    assert dimension("momentum", optimizer=["sgd", "adam"], momentum="auto").conditions == ()
    assert "momentum" not in build_space({"optimizer": ["adagrad", "ftrl"]})


def test_label_smoothing_counts_where_the_loss_takes_it():
    losses = ["categorical_crossentropy", "categorical_hinge"]
    found = dimension("label_smoothing", loss=losses, label_smoothing=[0.0, 0.1])
    assert found.conditions == (Condition("loss", ("categorical_crossentropy",)),)
    assert dimension("label_smoothing", loss=losses[0], label_smoothing=[0.0, 0.1]).conditions == ()


def test_conditions_in_the_file():
    found = build_space(
        {
            "l2": {"low": 0.0, "high": 0.1, "when": {"model": {"units": [64]}, "optimizer": "sgd"}},
            "optimizer": ["sgd", "adam"],
            "model": {"units": [32, 64], "layers": {"choices": [1, 2], "when": {"model.units": [32]}}},
        }
    )
    assert set(found["l2"].conditions) == {Condition("model.units", (64,)), Condition("optimizer", ("sgd",))}
    assert found["model.layers"].conditions == (Condition("model.units", (32,)),)
    names = [d.name for d in found]
    assert names.index("l2") > names.index("model.units")


def test_a_condition_narrows_what_follows_from_the_tables():
    momentum = {"low": 0.0, "high": 0.9, "when": {"optimizer": ["sgd"]}}
    found = dimension("momentum", optimizer=["sgd", "adam", "adagrad"], momentum=momentum)
    assert found.conditions == (Condition("optimizer", ("sgd",)),)


def test_an_option_may_depend_on_another_dimension_too():
    gamma = {"low": 1.0, "high": 3.0, "when": {"optimizer": ["sgd"]}}
    space = build_space(
        {
            "loss": ["categorical_crossentropy", "categorical_focal_crossentropy"],
            "optimizer": ["sgd", "adam"],
            "loss_options": {"categorical_focal_crossentropy": {"gamma": gamma}},
        }
    )
    conditions = space["loss.categorical_focal_crossentropy.gamma"].conditions
    assert {when.name for when in conditions} == {"loss", "optimizer"}


def test_options_of_a_choice_that_may_be_absent_stay_conditional():
    space = build_space(
        {
            "optimizer": ["sgd", "adam"],
            "schedule": {"choices": ["step"], "when": {"optimizer": ["sgd"]}},
            "schedule_options": {"step": {"drops": [1, 2]}},
        }
    )
    assert space["schedule.step.drops"].conditions == (Condition("schedule", ("step",)),)
    drawn = space.resolve(lambda d: "adam" if d.name == "optimizer" else d.parameter.choices[0])
    assert "schedule.step.drops" not in drawn


def test_conditions_on_lists_and_booleans():
    space = build_space(
        {
            "model": {
                "units": [[8, 4], [16]],
                "batch_norm": [True, False],
                "dropout": {"low": 0.1, "high": 0.5, "when": {"model.units": [[8, 4]], "model.batch_norm": False}},
            }
        }
    )
    assert space["model.dropout"].conditions == (
        Condition("model.batch_norm", (False,)),
        Condition("model.units", ((8, 4),)),
    )


# The model -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "given", "parameter"),
    [
        ("units", [32, 64], Categorical((32, 64))),
        ("units", 32, Fixed(32)),
        ("units", [[64, 32], [128]], Categorical(((64, 32), (128,)))),
        ("units", [[64, 32]], Categorical(((64, 32),))),
        ("units", {"low": 8, "high": 64}, Int(8, 64)),
        ("dropout", {"low": 8, "high": 64.5}, Float(8.0, 64.5)),
        ("dropout", {"low": 8, "high": 64, "step": 0.5}, Float(8.0, 64.0, step=0.5)),
    ],
)
def test_keywords_of_the_model(keyword, given, parameter):
    found = dimension(f"model.{keyword}", model={keyword: given}, batch_size=[8, 16])
    assert found.parameter == parameter


def test_auto_in_a_list_is_a_text(tmp_path):
    (tmp_path / "net.py").write_text("def build(inputs, outputs, *, activation, initializer, cell):\n    return None\n")
    search = {"model": {"cell": ["auto"]}, "batch_size": [8, 16]}
    content = {"name": "a", "model": "net.py", "data": {"source": "iris"}, "search": search}
    assert read_study_dict(content, tmp_path).space["model.cell"].parameter == Categorical(("auto",))


def test_dropout_needs_a_model_that_takes_it(tmp_path):
    assert dimension("dropout", dropout="auto").parameter == Float(0.0, 0.5)
    (tmp_path / "net.py").write_text("def build(inputs, outputs, *, activation, initializer):\n    return None\n")
    content = {"name": "a", "model": "net.py", "data": {"source": "iris"}, "search": {"dropout": [0.1, 0.2]}}
    with pytest.raises(StudyFileError, match="needs a model that takes dropout"):
        read_study_dict(content, tmp_path)
