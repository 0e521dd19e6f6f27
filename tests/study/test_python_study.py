"""Keyword arguments of a Python session as a study file."""

from __future__ import annotations

import statistics
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.data import Folds
from tuner.errors import ContentError, UsageError
from tuner.study import check_replaceable, python_study, read_study_dict, replace_files, staged_files

X, Y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
PARTS: dict[str, Any] = {"model": "models/mlp.py", "data": (X, Y), "name": "first"}


def written(project: Path, **parts: Any) -> dict[str, Any]:
    """Write the files, and return the content of the study file."""
    study = python_study({**PARTS, **parts}, project)
    with staged_files(study, project) as differing:
        check_replaceable(study, project, differing)
        replace_files(differing, project)
    (project / study.file).write_text(study.text(), encoding="utf-8")
    return tomllib.loads(study.text())


def test_the_file_is_the_whole_study(tmp_path: Path) -> None:
    content = written(
        tmp_path,
        search={
            "optimizer": ["sgd", "adam"],
            "learning_rate": {"low": np.float32(1e-4), "high": 0.1, "log": np.True_},
            "optimizer_options": {"sgd": {"nesterov": (True, False)}},
            "model": {"units": np.array([8, 16])},
        },
        metric="f1",
        trials=5,
        epochs=3,
        budget={"patience": 9},
        sampler={"name": "random"},
        seed=7,
    )
    assert content["objective"] == {"metric": "f1"}
    assert content["budget"] == {"patience": 9, "trials": 5, "epochs": 3}
    assert content["search"]["learning_rate"] == {"low": 1e-4, "high": 0.1, "log": True}
    spec = read_study_dict(content, tmp_path)
    assert spec == read_study_dict(dict(python_study({**PARTS, **content, "data": (X, Y)}, tmp_path).content), tmp_path)
    assert (spec.name, spec.seed, spec.budget.trials, spec.sampler.name) == ("first", 7, 5, "random")
    assert spec.facts.rows["train"] == 36


class Kind(str, Enum):  # noqa: UP042 - as people write it
    SGD, ADAM = "sgd", "adam"


def test_members_of_enums_are_written_as_their_values(tmp_path: Path) -> None:
    search = {"optimizer": [Kind.SGD, Kind.ADAM], "optimizer_options": {Kind.SGD: {"nesterov": [True, False]}}}
    assert written(tmp_path, search=search)["search"] == {
        "optimizer": ["sgd", "adam"],
        "optimizer_options": {"sgd": {"nesterov": [True, False]}},
    }


def steps(model: Any, recipe: Any, data: Any, report: Any, *, strength: float = 0.2) -> None:
    """Stand for a training loop of a notebook."""
    report(1)


def shortened(gradients: Any, weights: Any, *, factor: float = 0.5) -> Any:
    """Stand for clipping of a notebook."""
    return [factor * gradient for gradient in gradients]


def test_a_loop_and_clipping_travel_with_their_options(tmp_path: Path) -> None:
    search = {
        "loop": [steps, "standard"],
        "loop_options": {steps: {"strength": [0.1, 0.4]}},
        "clipping": ["none", shortened],
    }
    spec = read_study_dict(written(tmp_path, search=search), tmp_path)
    source = "studies/first.py"
    assert spec.space[f"loop.{source}:steps.strength"].parameter.choices == (0.1, 0.4)
    assert [*spec.user_objects.entries] == [("loop", f"{source}:steps"), ("clipping", f"{source}:shortened")]
    assert "def steps(" in (tmp_path / source).read_text(encoding="utf-8")


def test_rows_stand_wherever_a_source_may(tmp_path: Path) -> None:
    content = written(tmp_path, data={"source": (X, Y), "test": (X[:9], Y[:9]), "validation": {"folds": 3}})
    assert content["data"] == {
        "source": "studies/first.npz",
        "test": "studies/first.test.npz",
        "validation": {"folds": 3},
    }
    spec = read_study_dict(content, tmp_path)
    assert spec.data.validation == Folds(folds=3)
    assert spec.facts.rows["test"] == 9
    assert written(tmp_path, data="iris")["data"] == {"source": "iris"}
    assert written(tmp_path, data={"x": X, "y": Y})["data"] == {"source": "studies/first.npz"}


def test_equal_rows_are_not_written_again(tmp_path: Path) -> None:
    written(tmp_path)
    for rows, names in (((X.copy(), Y), []), ((X + 1, Y), ["first.npz"])):
        with staged_files(python_study({**PARTS, "data": rows}, tmp_path), tmp_path) as differing:
            assert [*differing] == names
    assert sorted(path.name for path in (tmp_path / "studies").iterdir()) == ["first.npz", "first.toml"]


@pytest.mark.parametrize("name", ["first.toml", "first.npz"])
def test_a_file_that_was_written_by_hand_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"studies/{name}, but .* did not write. Give the study another name"):
        written(tmp_path)
    assert (tmp_path / "studies" / name).read_text(encoding="utf-8") == "mine"


def test_objects_of_installed_packages_are_named(tmp_path: Path) -> None:
    adam, divergence = (type(name, (), {"__module__": "keras.src.anything"}) for name in ("Adam", "KLDivergence"))
    options = {adam: {"beta_2": [0.9, 0.99]}, statistics.median: {"data": 1}}
    search = {"optimizer": [adam, statistics.median], "optimizer_options": options, "loss": divergence}
    content = written(tmp_path, search=search, metric=statistics.fmean)
    assert content["objective"]["metric"] == "statistics:fmean"
    assert content["search"] == {
        "loss": "kl_divergence",
        "optimizer": ["adam", "statistics:median"],
        "optimizer_options": {"adam": {"beta_2": [0.9, 0.99]}, "statistics:median": {"data": 1}},
    }


def keras_type(name: str, *bases: str) -> type:
    """Make a class that looks like one of Keras."""
    parents = tuple(type(base, (), {"__module__": "keras.src.anything"}) for base in bases)
    return type(name, parents, {"__module__": "keras.src.anything"})


STOPPING = keras_type("EarlyStopping", "Callback")
COSINE = keras_type("CosineDecay", "LearningRateSchedule")
DENSE = keras_type("Dense", "Layer")


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"callbacks": [STOPPING()]}, r"`search.callbacks` is no dimension\. Write a training loop .*stop early"),
        ({"callbacks": [STOPPING], "callbacks_options": {}}, "`search.callbacks` is no dimension. Write a training"),
        ({"stopping": STOPPING}, "`search.stopping` is no dimension. Write a training loop"),
        ({"learning_rate": [COSINE()]}, "`search.learning_rate` takes numbers, but got CosineDecay. .*`schedule`"),
        (
            {"lr_schedule": [COSINE]},
            "`search.lr_schedule` is no dimension. For a schedule use the dimension `schedule`",
        ),
        ({"layer": [DENSE]}, "`search.layer` is no dimension. Dimensions: loss, .*, model"),
        ({"losses": [statistics.median]}, "`search.losses` is no dimension. Did you mean loss[?]"),
        ({"losses_options": {statistics.median: {}}}, "`search.losses_options` is no dimension"),
        ({"dropout": [DENSE()]}, '`search.dropout` takes numbers, but got Dense. Give a list of numbers, .*{"dropout"'),
    ],
)
def test_objects_go_only_to_dimensions_that_take_them(search: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        written(tmp_path, search=search)


@pytest.mark.parametrize("parts", [{"model": statistics.median}, {"search": {"model": {"body": statistics.median}}}])
def test_a_model_is_made_by_a_function_of_the_project(parts: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="median is from the package statistics, .* function of your own"):
        written(tmp_path, **parts)


def test_the_name_is_that_of_the_model_file() -> None:
    assert python_study({"model": "models/mlp.py:build", "data": "iris"}, Path()).file == "studies/mlp.toml"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"model": None}, "A study needs model, .*model=build"),
        ({"data": None}, r"A study needs data, .*data=\(x, y\)"),
        ({"name": "../x"}, "a name has 1 to 100 letters|A name has"),
        ({"trials": 3, "budget": {"trials": 4}}, r"`trials` stands for budget\['trials'\], but both are given"),
        ({"trials": 3, "budget": 4}, "`budget` must be a dict"),
        ({"budget": {"target": [object()]}}, r"`budget.target` must hold what a study file can.* of type object"),
        ({"data": {"source": (X, Y), "weight": "w"}}, None),
    ],
)
def test_what_a_study_file_cannot_hold_is_named(parts: dict[str, Any], words: str | None, tmp_path: Path) -> None:
    if words is None:
        python_study({**PARTS, **parts}, tmp_path)
        return
    with pytest.raises(UsageError, match=words):
        python_study({**PARTS, **parts}, tmp_path)
