"""Losses and metrics that a study names by reference: read without running them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from user_objects import LOSSES, study, write_project

from tuner.catalog import METRICS, Choice, Recipe
from tuner.errors import StudyFileError
from tuner.study import difference, fingerprint, json_schema, read_study_dict, resolve_recipe


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def problems(project: Path, **changed: Any) -> str:
    with pytest.raises(StudyFileError) as caught:
        read_study_dict(study(**changed), project)
    assert len(caught.value.problems) == 1, caught.value
    return str(caught.value)


def test_options_are_searched_with_their_loss_alone(project: Path) -> None:
    spec = read_study_dict(study(), project)
    dimension = spec.space["loss.losses.py:tversky.alpha"]
    assert [(when.name, when.one_of) for when in dimension.conditions] == [("loss", ("losses.py:tversky",))]
    assert (spec.metric, spec.direction) == ("costs.py:money", "minimize")


def test_a_recipe_holds_its_code_by_hash(project: Path) -> None:
    spec = read_study_dict(study(), project)
    other = resolve_recipe(spec, {"loss": "binary_crossentropy"}, 0)
    own = resolve_recipe(spec, {"loss": "losses.py:tversky", "loss.losses.py:tversky.alpha": 0.3}, 0)
    assert own.loss == Choice(name="losses.py:tversky", options={"alpha": 0.3, "beta": 0.5})
    assert own.head == "sigmoid"
    assert sorted(other.code) == ["costs.py"]
    assert sorted(own.code) == ["costs.py", "losses.py", "parts.py"]
    assert Recipe.from_json(json.loads(json.dumps(own.to_json()))) == own


def test_nothing_is_run_to_read_it(project: Path) -> None:
    for name in ("losses.py", "costs.py"):
        file = project / name
        file.write_text(f"raise SystemExit\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    before = set(sys.modules)
    read_study_dict(study(), project)
    assert not {name for name in set(sys.modules) - before if name.startswith("_tuner_content")}


def test_the_content_belongs_to_the_setup(project: Path) -> None:
    before = fingerprint(read_study_dict(study(), project))
    (project / "parts.py").write_text("def sums(y_true, y_pred):\n    return 1, 2, 3\n", encoding="utf-8")
    lines = difference(before, fingerprint(read_study_dict(study(), project)))
    assert len(lines) == 1
    assert lines[0].startswith("the content of parts.py, which the study names: ")


def test_two_studies_of_one_reference_keep_their_own(project: Path, tmp_path: Path) -> None:
    first = read_study_dict(study(), project)
    other = tmp_path / "other"
    other.mkdir()
    write_project(other)
    text = LOSSES.replace("beta=0.5", "beta=0.25")
    (other / "losses.py").write_text(text, encoding="utf-8")
    second = read_study_dict(study(), other)
    values = {"loss": "losses.py:tversky", "loss.losses.py:tversky.alpha": 0.3}
    assert resolve_recipe(first, values, 0).loss.options["beta"] == 0.5
    assert resolve_recipe(second, values, 0).loss.options["beta"] == 0.25


def test_the_schema_of_editors_takes_references() -> None:
    Draft202012Validator(json_schema()).validate(study())


def test_a_loss_that_is_searched_is_no_objective(project: Path) -> None:
    text = problems(project, objective={"metric": "losses.py:tversky"})
    assert "metric" in text
    (project / "losses.py").write_text(LOSSES + '\n\ntversky.direction = "minimize"\n', encoding="utf-8")
    text = problems(project, objective={"metric": "losses.py:tversky"})
    assert "a loss that is searched cannot be the objective" in text


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("losses.py", "named by its file and a name in it"),
        ("losses.py:tversky2", "losses.py has no function 'tversky2'"),
        ("lossses.py:tversky", "There is no file 'lossses.py'"),
        ("../losses.py:tversky", "A reference must stay in the project"),
        ("losses.py:Pinball", "this loss is for regression, but the task of the data is binary"),
        ("losses.py:sums", "losses.py:sums is imported (line 6)"),
        ("parts.py:sums", "parts.py:sums has no heads"),
    ],
)
def test_what_is_no_loss(project: Path, loss: str, message: str) -> None:
    assert message in problems(project, search={"loss": ["binary_crossentropy", loss]})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha=0.5", "alpha", "requires (y_true, y_pred, alpha). Give each option a default"),
        ("alpha=0.5", "alpha=[0.5]", "alpha=[0.5] is one object that all calls share (line 9). Write a tuple"),
        ("alpha=0.5", "alpha=1 / 2", "needs a literal default"),
        ("y_true, y_pred, *", "y_pred, *", "is called with (y_true, y_pred"),
        ('"binary": "sigmoid", ', "", "this loss is for multilabel, but the task of the data is binary"),
        ('"binary": "sigmoid"', '"yes or no": "sigmoid"', "map tasks (multiclass, binary, multilabel, regression)"),
        ('"binary": "sigmoid"', '"binary": "sigmod"', "to output activations (linear, sigmoid"),
        ("tversky.heads", "heads", "has no heads. Write tversky.heads = {"),
        ("from parts import", "from shared.deep import", "imports shared.deep"),
        ("def tversky", "def tversky(", "is not valid Python"),
    ],
)
def test_what_a_loss_gets_wrong_is_one_problem(project: Path, old: str, new: str, message: str) -> None:
    (project / "shared").mkdir()
    file = project / "losses.py"
    assert old in LOSSES
    file.write_text(LOSSES.replace(old, new), encoding="utf-8")
    flat = " ".join(problems(project).split()).replace(". next: ", ". ").replace(' given: "losses.py:tversky"', "")
    assert message.split(". ")[0] in flat


def test_the_head_of_the_study_file_counts_where_a_loss_says_none(project: Path) -> None:
    (project / "losses.py").write_text(LOSSES.partition("tversky.heads")[0], encoding="utf-8")
    spec = read_study_dict(study(head="sigmoid"), project)
    assert resolve_recipe(spec, {"loss": "losses.py:tversky", "loss.losses.py:tversky.alpha": 0.3}, 0).head == "sigmoid"
    assert "has no heads" in problems(project, head="model")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("money.direction", "direction", "costs.py:money says none"),
        ('"minimize"', '"down"', "has direction = 'down'"),
        ('"classes"', '"labels"', "has takes = 'labels'"),
        ("truth, answers, weight=None", "truth, weight=None", "is called with (truth, scores"),
        ("def money", "class money", "costs.py:money is a class"),
    ],
)
def test_what_a_metric_gets_wrong_is_one_problem(project: Path, old: str, new: str, message: str) -> None:
    file = project / "costs.py"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert message in problems(project)


def test_options_are_of_the_type_of_their_default(project: Path) -> None:
    options = {"losses.py:tversky": {"alpha": ["much", 0.5]}}
    search = {"loss": ["binary_crossentropy", "losses.py:tversky"], "loss_options": options}
    assert "must be a number" in problems(project, search=search)
    search["loss_options"] = {"losses.py:tversky": {"gamma": 0.5}}
    assert "there is no option of losses.py:tversky with this name" in problems(project, search=search)


def test_a_metric_counts_as_the_code_says(project: Path) -> None:
    spec = read_study_dict(study(), project)
    row = METRICS[spec.metric]
    assert row.compute([1.0, 0.0, 1.0], [0.2, 0.8, 0.9], None, spec.facts.task) == pytest.approx(7.0)
    assert row.compute([1.0, 0.0], [0.2, 0.8], [0.0, 1.0], spec.facts.task) == pytest.approx(1.0)
    assert not row.objective.maximize


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        (
            "optimizer",
            "triangular",
            "is a class of keras.optimizers.Optimizer, but training.py:triangular is a function",
        ),
        ("initializer", "bent", "is a class of keras.initializers.Initializer, but training.py:bent is a function"),
        ("schedule", "Fixup", "is a function (step, steps, base), but training.py:Fixup is a class"),
        ("schedule", "bent", "is called with (step, steps, base, and options with defaults)"),
        ("activation", "AdaBelief", "is a function (x), but training.py:AdaBelief is a class"),
        ("clipping", "bent", "is called with (gradients, weights, and options with defaults)"),
        ("clipping", "AdaBelief", "is a function (gradients, weights), but training.py:AdaBelief is a class"),
    ],
)
def test_each_family_has_its_form(project: Path, family: str, name: str, message: str) -> None:
    assert message in problems(project, objective={}, search={family: f"training.py:{name}", "l2": [0.0, 1e-4]})


def test_an_optimizer_has_its_own_rate_and_options(project: Path) -> None:
    spec = read_study_dict(
        study(objective={}, search={"optimizer": "training.py:AdaBelief", "l2": [0.0, 1e-4]}), project
    )
    recipe = resolve_recipe(spec, {"l2": 0.0}, 0)
    assert recipe.learning_rate == 0.002
    assert recipe.optimizer.options == {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert recipe.momentum is None
