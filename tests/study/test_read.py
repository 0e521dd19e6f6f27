"""Good study files, feature by feature."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.errors import StudyFileError, UnknownNameError
from tuner.study import StudySpec, explain, fingerprint, read_study, read_study_dict
from tuner.study.training_length import auto_epochs, auto_patience

PROJECT = Path(__file__).parents[2]


def besides_small_part(spec: StudySpec) -> list[str]:
    """Return the advice that is not about the few validation rows of these small sets."""
    return [sentence for sentence in spec.advice if not sentence.startswith("data.validation:")]


def study(**sections):
    """A small sound study with these sections instead."""
    content = {"name": "small", "model": "models/mlp.py", "data": {"source": "iris"}, **sections}
    return read_study_dict(content, PROJECT)


def searched(spec):
    return [dimension.name for dimension in spec.space.searched]


@pytest.mark.parametrize(
    ("source", "metric", "direction"),
    [
        ("iris", "accuracy", "maximize"),
        ("breast_cancer", "accuracy", "maximize"),
        ("diabetes", "mean_absolute_error", "minimize"),
    ],
)
def test_a_study_without_search_is_a_good_one(source, metric, direction):
    spec = study(data={"source": source})
    assert (spec.metric, spec.direction) == (metric, direction)
    assert {"loss", "optimizer", "learning_rate", "momentum", "schedule", "initializer"} <= set(searched(spec))
    assert besides_small_part(spec) == []
    assert (spec.sampler.name, spec.pruner.name, spec.initial_points) == ("tpe", "median", True)
    assert (spec.budget.trials, spec.budget.epochs, spec.seed, spec.engine) == (100, None, 0, "auto")
    assert spec.length.epochs == auto_epochs(spec.facts.rows["train"], 32)
    assert (spec.length.keep, spec.length.patience) == ("best", auto_patience(spec.length.epochs))


def test_the_project_of_a_file_in_studies_is_the_folder_above():
    spec = read_study(PROJECT / "studies" / "digits.toml")
    assert spec.project == PROJECT
    assert spec.name == "digits"


def test_a_carried_study_is_found_without_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = read_study("studies/digits.toml")
    assert spec.project == tmp_path
    assert spec.file == "studies/digits.toml"


def test_a_file_without_a_name_is_named_by_its_file(tmp_path):
    file = tmp_path / "flowers.toml"
    file.write_text('model = "models/mlp.py"\n[data]\nsource = "iris"\n')
    assert read_study(file).name == "flowers"
    assert read_study(file, name="other").name == "other"


def test_yaml_toml_and_dict_read_the_same(tmp_path):
    (tmp_path / "a.toml").write_text(
        'model = "models/mlp.py"\n[data]\nsource = "iris"\n'
        "[search]\nlearning_rate = { low = 1e-4, high = 1e-1, log = true }\n[search.model]\nunits = [[8, 4], [16]]\n"
    )
    (tmp_path / "a.yaml").write_text(
        "model: models/mlp.py\ndata:\n  source: iris\n"
        "search:\n  learning_rate: {low: 1e-4, high: 1e-1, log: true}\n  model:\n    units: [[8, 4], [16]]\n"
    )
    one, other = read_study(tmp_path / "a.toml"), read_study(tmp_path / "a.yaml")
    rates = {"low": 1e-4, "high": 1e-1, "log": True}
    content = {
        "name": "a",
        "model": Path("models/mlp.py"),
        "data": {"source": "iris"},
        "search": {"learning_rate": rates, "model": {"units": ((8, 4), (16,))}},
    }
    third = read_study_dict(content, tmp_path)
    assert one.space == other.space == third.space
    assert one.source == other.source
    assert third.source == {**one.source, "name": "a"}


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    file = tmp_path / "a.toml"
    file.write_bytes(b'\xef\xbb\xbfmodel = "models/mlp.py"\r\n[data]\r\nsource = "iris"\r\n')
    assert read_study(file).facts.outputs == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90), (0.5, 0.5), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400), ("45", 45)],
)
def test_time_is_read_in_seconds(text, seconds):
    assert study(budget={"time": text}).budget.time_s == seconds


@pytest.mark.parametrize("text", ["", "m", "10 apples", "-5m", "1m1h", "0s", "1e3s", 0, True, [60]])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(StudyFileError, match=r"budget\.time"):
        study(budget={"time": text})


def test_a_budget_of_time_has_no_limit_of_trials():
    assert study(budget={"time": "10m"}).budget.trials is None
    assert study(budget={"time": "10m", "trials": 7}).budget.trials == 7
    assert study(budget={"patience": 5}).budget.trials == 100


def test_what_the_command_line_says_comes_first():
    overrides = {"trials": 3, "time_s": 60.0, "epochs": 2, "seed": 9, "workers": 1, "engine": "fit"}
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "budget": {"trials": 50}}
    spec = read_study_dict(content, PROJECT, overrides=overrides)
    assert (spec.budget.trials, spec.budget.time_s, spec.budget.epochs) == (3, 60.0, 2)
    assert (spec.seed, spec.workers, spec.engine) == (9, 1, "fit")
    assert content["budget"] == {"trials": 50}
    unchanged = read_study_dict(content, PROJECT, overrides=dict.fromkeys(overrides))
    assert (unchanged.budget.trials, unchanged.seed) == (50, 0)


def test_wrong_overrides_are_refused():
    with pytest.raises(StudyFileError, match=r"budget\.trials"):
        read_study(PROJECT / "studies" / "digits.toml", overrides={"trials": 0})
    with pytest.raises(UnknownNameError, match="epochs"):
        read_study(PROJECT / "studies" / "digits.toml", overrides={"epoch": 3})


@pytest.mark.parametrize(("alias", "name"), [("acc", "accuracy"), ("mcc", "matthews_correlation")])
def test_a_metric_may_go_by_its_other_names(alias, name):
    assert study(objective={"metric": alias}).metric == name


@pytest.mark.parametrize(("source", "target"), [("iris", 1.0), ("diabetes", 0.0)])
def test_the_best_value_there_can_be_is_a_target(source, target):
    assert study(data={"source": source}, budget={"target": target}).budget.target == target


def test_an_error_below_nothing_is_no_target():
    with pytest.raises(StudyFileError, match="at least 0"):
        study(data={"source": "diabetes"}, budget={"target": -1})


def test_options_of_sampler_and_pruner_are_filled_in():
    spec = study(sampler={"n_startup_trials": 5, "initial_points": False}, pruner={"name": "patient", "patience": 2})
    assert spec.sampler.options["n_startup_trials"] == 5
    assert spec.sampler.options["n_ei_candidates"] == 24
    assert spec.initial_points is False
    assert spec.pruner.options["patience"] == 2
    assert spec.pruner.options["min_delta"] == 0.0


def test_health_says_what_is_measured_and_what_ends_a_trial():
    assert (study().health.measure, study().health.stop) == (True, ("diverged",))
    health = study(health={"stop": ["exploding", "dead units"]}).health
    assert (health.measure, health.stop) == (True, ("exploding", "dead units"))
    assert study(health={"measure": False}).health.measure is False
    assert study(health={"stop": []}).health.stop == ()


@pytest.mark.parametrize(
    ("health", "message"),
    [
        ({"stop": ["explodng"]}, "nearest: +exploding"),
        ({"stop": ["healthy"]}, "no verdict with this name"),
        ({"stop": "diverged"}, "must be a list of verdicts"),
        ({"measure": "no"}, "true or false"),
        ({"measur": True}, "nearest: +measure"),
        ({"measure": False, "stop": ["vanishing"]}, "without measuring"),
    ],
)
def test_mistakes_in_health_are_named(health, message):
    with pytest.raises(StudyFileError, match=message):
        study(health=health)


def test_wilcoxon_is_for_folds():
    spec = study(data={"source": "iris", "validation": {"folds": 6}}, pruner={"name": "wilcoxon"})
    assert spec.pruner.name == "wilcoxon"


def test_a_data_file_beside_the_study(tmp_path):
    (tmp_path / "studies").mkdir()
    rows = "".join(f"{i % 7},{i % 3},{'pear' if i % 2 else 'apple'}\n" for i in range(60))
    (tmp_path / "fruit.csv").write_text("weight,length,kind\n" + rows)
    file = tmp_path / "studies" / "fruit.toml"
    file.write_text('model = "models/mlp.py"\n[data]\nsource = "fruit.csv"\ntarget = "kind"\n')
    spec = read_study(file)
    assert spec.project == tmp_path
    assert spec.facts.classes == ("apple", "pear")


OWN_MODEL = "def {name}(inputs, outputs, *, activation, initializer{more}):\n    return None\n"


def test_a_model_of_the_project_with_a_function_of_another_name(tmp_path):
    (tmp_path / "net.py").write_text(OWN_MODEL.format(name="tiny", more=", width=3, **rest"))
    content = {
        "name": "a",
        "model": "net.py:tiny",
        "data": {"source": "iris"},
        "search": {"model": {"width": [1, 2], "free": [True, False]}},
    }
    spec = read_study_dict(content, tmp_path)
    assert str(spec.model) == "net.py:tiny"
    assert searched(spec) == ["model.width", "model.free"]


def test_a_model_is_asked_for_what_it_needs(tmp_path):
    (tmp_path / "net.py").write_text(OWN_MODEL.format(name="build", more=", width"))
    content = {"name": "a", "model": "net.py", "data": {"source": "iris"}}
    with pytest.raises(StudyFileError, match=r"search\.model\.width: the model's function requires this keyword"):
        read_study_dict(content, tmp_path)
    read_study_dict({**content, "search": {"optimizer": "auto", "model": {"width": 3}}}, tmp_path)
    (tmp_path / "net.py").write_text("def build(inputs, outputs):\n    return None\n")
    with pytest.raises(StudyFileError, match="must take the keyword activation") as caught:
        read_study_dict(content, tmp_path)
    assert "must take the keyword initializer" in str(caught.value)


def test_messages_name_the_folder_of_the_project(tmp_path, monkeypatch):
    """In Python it is the current one if none is given."""
    monkeypatch.chdir(tmp_path)
    content = {"name": "a", "model": "models/none.py", "data": {"source": "none.csv"}}
    with pytest.raises(StudyFileError) as caught:
        read_study_dict(content, ".")
    assert f"no file 'models/none.py' in {tmp_path}, nor" in str(caught.value)
    assert f"no 'none.csv' in {tmp_path}\n" in str(caught.value)


@pytest.mark.parametrize(
    ("front", "taken"),
    [("hp", False), ("", False), ("inputs, outputs, hp", False), ("inputs, outputs, name='net'", True)],
)
def test_a_model_is_called_with_inputs_and_outputs(tmp_path, front, taken):
    (tmp_path / "net.py").write_text(
        f"def build({front}{front and ', '}*, activation, initializer):\n    return None\n"
    )
    content = {"name": "a", "model": "net.py", "data": {"source": "iris"}}
    if taken:
        read_study_dict(content, tmp_path)
        return
    with pytest.raises(StudyFileError, match="model: the function must take inputs and outputs") as caught:
        read_study_dict(content, tmp_path)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("file", ["model.keras.toml", "größe?.toml"])
def test_a_file_whose_name_no_study_can_have(tmp_path, file):
    (tmp_path / file).write_text('model = "models/mlp.py"\n[data]\nsource = "iris"\n')
    with pytest.raises(StudyFileError, match="name: without a name a study has that of its file") as caught:
        read_study(tmp_path / file)
    (problem,) = caught.value.problems
    assert problem.given == f'"{Path(file).stem}"'
    assert problem.next_step == 'Write name = "digits" at the top of the file, or rename the file.'
    assert read_study(tmp_path / file, name="sizes").name == "sizes"


def test_a_decorator_may_give_a_model_more_arguments(tmp_path):
    (tmp_path / "net.py").write_text(
        "def with_config(function):\n"
        "    return lambda inputs, outputs, **keywords: function({}, inputs, outputs, **keywords)\n"
        "@with_config\n"
        "def build(config, inputs, outputs, *, activation, initializer):\n    return None\n"
    )
    read_study_dict({"name": "a", "model": "net.py", "data": {"source": "iris"}}, tmp_path)


# Advice --------------------------------------------------------------------------------------------------------------


def test_a_pair_that_trains_badly_is_allowed_by_name():
    spec = study(data={"source": "breast_cancer"}, search={"loss": ["mean_squared_error", "binary_crossentropy"]})
    assert [line for line in spec.advice if line.startswith("search.loss: mean_squared_error with")]
    assert "mean_squared_error" not in str(study(data={"source": "breast_cancer"}).space["loss"].parameter)


def test_a_head_that_does_not_go_with_the_loss_is_allowed_by_name():
    spec = study(head="relu", search={"loss": "categorical_crossentropy", "optimizer": ["sgd", "adam"]})
    assert any(line.startswith("head: categorical_crossentropy with") for line in spec.advice)
    assert besides_small_part(study(head="model")) == []


def test_an_initializer_made_for_another_activation():
    spec = study(search={"initializer": "glorot_uniform", "activation": ["relu"], "optimizer": ["sgd", "adam"]})
    assert any(line.startswith("search.initializer: glorot_uniform") for line in spec.advice)
    both = study(search={"initializer": ["glorot_uniform", "he_normal"], "activation": ["relu", "tanh"]})
    assert besides_small_part(both) == []


def test_batches_beyond_the_data():
    spec = study(search={"batch_size": [16, 4096]})
    assert any(line.startswith("search.batch_size: 4,096") for line in spec.advice)


def test_default_batches_fit_the_data():
    assert study().facts.rows["train"] < 128
    assert study().space["batch_size"].parameter.choices == (16, 32, 64)


def test_a_pruner_that_never_decides():
    spec = study(budget={"epochs": 1})
    assert any(line.startswith("pruner.name: median never decides within 1 epoch, so") for line in spec.advice)


FOLDS = {"source": "iris", "validation": {"folds": 3}}


def test_a_pruner_that_never_decides_within_the_folds():
    spec = study(data=FOLDS, pruner={"name": "patient"})
    (advice,) = (line for line in spec.advice if line.startswith("pruner.name"))
    assert "patient never decides within 3 folds" in advice
    assert "Use more folds (data.validation)" in advice
    assert study(data=FOLDS, budget={"epochs": 1}).advice == (), "the default decides after each fold"


def test_the_steps_of_a_trial_are_its_folds_or_else_its_epochs():
    held_out, folds = study(budget={"epochs": 7}), study(budget={"epochs": 7}, data=FOLDS)
    assert (held_out.steps, held_out.folds) == (7, None)
    assert (folds.steps, folds.folds) == (3, 3)


def test_repeats_multiply_the_trainings_of_a_trial():
    repeats = study(budget={"epochs": 7, "repeats": 2})
    both = study(budget={"epochs": 7, "repeats": 2}, data=FOLDS)
    assert (repeats.trainings, repeats.steps, repeats.folds) == (2, 2, None)
    assert (both.trainings, both.steps, both.folds) == (6, 6, 3)
    assert explain(both)["training"]["repeats"] == 2
    never = study(budget={"repeats": 2}, pruner={"name": "patient"}).advice
    assert any("never decides within 2 trainings" in line and "budget.repeats" in line for line in never)
    assert fingerprint(repeats)["repeats"] == 2


def test_a_grid_larger_than_its_budget():
    spec = study(search={"optimizer": ["sgd", "adam"]}, sampler={"name": "grid"}, budget={"trials": 1})
    assert any(line.startswith("sampler.name: the grid has 2 settings") for line in spec.advice)


def test_reading_a_study_imports_nothing_heavy():
    code = (
        "import sys; import tuner.study; tuner.study.read_study('studies/digits.toml'); "
        "print([m for m in ('tensorflow', 'keras', 'optuna', 'sklearn', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_relative_error_of_targets_that_are_zero_is_advised_against(tmp_path):
    (tmp_path / "t.csv").write_text(
        "x,y\n" + "".join(f"{row},{row % 3 * 1.5}\n" for row in range(60)), encoding="utf-8"
    )
    content = {"name": "z", "model": "models/mlp.py", "data": {"source": "t.csv", "target": "y", "task": "regression"}}
    (advice,) = besides_small_part(read_study_dict(content | {"objective": {"metric": "mape"}}, tmp_path))
    assert "divides by the target, which is 0 in" in advice
    assert besides_small_part(read_study_dict(content | {"objective": {"metric": "mae"}}, tmp_path)) == []


class Name(str, Enum):  # noqa: UP042 - what str() gives of it is not its value
    ADAM, SGD = "adam", "sgd"


class Size(IntEnum):
    SMALL, LARGE = 16, 32


@pytest.mark.parametrize("name", [Name, StrEnum("Name", [(name.name, name.value) for name in Name])])
def test_members_of_enums_are_their_values(name: Any):
    names = list(name)
    search = {
        "optimizer": [names[0], names[1]],
        "optimizer_options": {names[1]: {"nesterov": [True, False]}},
        "batch_size": [Size.SMALL, Size.LARGE],
        "model": {"units": [Size.SMALL, Size.LARGE]},
    }
    plain = {
        "optimizer": ["adam", "sgd"],
        "optimizer_options": {"sgd": {"nesterov": [True, False]}},
        "batch_size": [16, 32],
        "model": {"units": [16, 32]},
    }
    assert study(search=search) == study(search=plain)
    read = study(search=search)
    assert {type(value) for value in read.source["search"]["optimizer"]} == {str}
    assert {type(value) for value in read.source["search"]["batch_size"]} == {int}


def test_numbers_and_arrays_of_numpy_are_numbers_and_lists():
    given = study(
        seed=np.uint8(3),
        data={"source": "iris", "validation": np.float32(0.1), "test": np.float64(0.2)},
        budget={"trials": np.int64(7), "checkpoint": np.bool_(True)},
        search={
            "optimizer": np.array(["sgd", "adam"]),
            "learning_rate": np.logspace(-3, -1, 3),
            "dropout": {"low": np.float32(0.1), "high": np.float16(0.5), "step": np.array(0.1)},
            "batch_size": np.array([16, 32]),
            "model": {"units": np.array([[8, 8], [16, 16]]), "batch_norm": np.array([True, False])},
        },
    )
    plain = study(
        seed=3,
        data={"source": "iris", "validation": 0.1, "test": 0.2},
        budget={"trials": 7, "checkpoint": True},
        search={
            "optimizer": ["sgd", "adam"],
            "learning_rate": [0.001, 0.01, 0.1],
            "dropout": {"low": 0.1, "high": 0.5, "step": 0.1},
            "batch_size": [16, 32],
            "model": {"units": [[8, 8], [16, 16]], "batch_norm": [True, False]},
        },
    )
    assert given == plain
    content = {"name": "small", "model": "models/mlp.py", "data": {"source": "iris"}}
    assert read_study_dict(content, PROJECT, overrides={"trials": np.int64(5)}).budget.trials == 5


def test_what_numpy_has_beside_numbers_is_a_problem_like_others():
    with pytest.raises(StudyFileError, match="learning_rate"):
        study(search={"learning_rate": np.array([np.nan, 0.1])})
    with pytest.raises(StudyFileError, match="trials"):
        study(budget={"trials": np.datetime64("2026-01-01")})
