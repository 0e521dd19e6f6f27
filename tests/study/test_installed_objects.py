"""Objects of installed packages by name, `package.module:Name`: read from their source, without importing it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tuner.catalog import METRICS, Recipe, add_user_entries
from tuner.errors import CodeError, ContentError, StudyFileError
from tuner.study import StudySpec, difference, fingerprint, json_schema, read_study_dict, resolve_recipe
from tuner.user_code import Reference, check_named, find_installed, is_reference, read_definition

FBETA = {"metric": "sklearn.metrics:fbeta_score", "direction": "maximize", "takes": "classes", "options": {"beta": 2.0}}
DICE = {"loss": ["binary_crossentropy", "keras.losses:Dice"], "loss_options": {"keras.losses:Dice": {"axis": [[1]]}}}


def content(**changed: Any) -> dict[str, Any]:
    given = {"name": "own", "model": "models/mlp.py", "head": "sigmoid", "data": {"source": "breast_cancer"}}
    return {**given, "objective": FBETA, "search": DICE, **changed}


def read(project: Path, **changed: Any) -> StudySpec:
    return read_study_dict(content(**changed), project)


def problem(project: Path, **changed: Any) -> str:
    with pytest.raises(StudyFileError) as caught:
        read(project, **changed)
    assert len(caught.value.problems) == 1, caught.value
    return " ".join(str(caught.value).split())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is installed, and would fail if it were imported."""
    folder = tmp_path / "site" / "shapes"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from .inner import bent as curved\nraise SystemExit\n", encoding="utf-8")
    (folder / "inner.py").write_text("def bent(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_a_study_searches_them_as_those_of_its_tables(tmp_path: Path) -> None:
    before = set(sys.modules)
    spec = read(tmp_path)
    assert not {"keras", "sklearn.metrics"} & (set(sys.modules) - before)
    assert (spec.metric, spec.direction) == ("sklearn.metrics:fbeta_score", "maximize")
    recipe = resolve_recipe(spec, {"loss": "keras.losses:Dice"}, 0)
    assert recipe.loss.options == {"axis": [1]}
    assert recipe.metric_keys == {"direction": "maximize", "takes": "classes", "options": {"beta": 2.0}}
    assert sorted(recipe.code) == ["keras.losses:Dice", "sklearn.metrics:fbeta_score"]
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    Draft202012Validator(json_schema()).validate(content())


def test_a_metric_of_a_package_is_called_with_its_options(tmp_path: Path) -> None:
    from sklearn.metrics import fbeta_score

    spec = read(tmp_path)
    add_user_entries(tmp_path, resolve_recipe(spec, {"loss": "binary_crossentropy"}, 0))
    truth, scores, weight = [1.0, 0.0, 1.0, 0.0], [0.9, 0.8, 0.2, 0.1], [1.0, 2.0, 3.0, 4.0]
    expected = fbeta_score([1, 0, 1, 0], [1, 1, 0, 0], beta=2.0, sample_weight=weight)
    assert METRICS[spec.metric].compute(truth, scores, weight, spec.facts.task) == pytest.approx(expected)


def test_its_source_and_version_belong_to_the_setup(tmp_path: Path, package: Path) -> None:
    objective, search = {"metric": "accuracy"}, {"activation": ["relu", "shapes:curved"]}
    spec = read(tmp_path, objective=objective, search=search)
    recipe = resolve_recipe(spec, {"activation": "shapes:curved"}, 0)
    (package / "inner.py").write_text("def bent(x):\n    return 2.0 * x\n", encoding="utf-8")
    lines = difference(fingerprint(spec), fingerprint(read(tmp_path, objective=objective, search=search)))
    assert [line.partition(": ")[0] for line in lines] == ["the content of shapes:curved, which the study names"]
    with pytest.raises(ContentError, match=r"shapes:curved has changed .* Install the version that it had"):
        add_user_entries(tmp_path, recipe)


def test_what_a_metric_is_said_to_be_belongs_to_the_setup(tmp_path: Path) -> None:
    before, after = (fingerprint(read(tmp_path, objective={**FBETA, "options": {"beta": b}})) for b in (1.0, 2.0))
    assert difference(before, after) == ['objective.options: {"beta": 1.0} before, {"beta": 2.0} now']


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"search": {"loss": ["binary_crossentropy", "keras.losses:Dise"]}}, "but it has none"),
        ({"search": {"loss": ["binary_crossentropy", "keraz.losses:Dice"]}}, "there is no keraz.losses with a Python"),
        ({"search": {"loss": ["binary_crossentropy", "math:sqrt"]}}, "there is no math with a Python source"),
        ({"search": {"loss": ["binary_crossentropy", "losses:mine"]}}, "next: Write losses.py:mine."),
        ({"head": "auto"}, 'but keras.losses:Dice has no heads. next: Write head = "sigmoid"'),
        ({"objective": {**FBETA, "direction": None}}, 'Write direction = "minimize" in [objective]'),
        ({"objective": {**FBETA, "options": {}}}, "sklearn.metrics:fbeta_score requires (y_true, y_pred, beta)"),
        ({"objective": {**FBETA, "options": {"beta": 2.0, "averag": "macro"}}}, "Rename it to average"),
        ({"objective": {**FBETA, "options": {"beta": 2.0, "pos_label": 0.5}}}, "is like its default, 1"),
        ({"objective": {"metric": "accuracy", "takes": "scores"}}, "a built-in metric sets this itself"),
    ],
)
def test_each_mistake_is_one_problem(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    (tmp_path / "losses.py").touch()
    text = problem(tmp_path, **changed)
    assert all(part in text for part in message.split(". next: "))


def test_code_of_a_package_is_run_only_if_a_person_names_it(tmp_path: Path) -> None:
    reference = Reference.parse_object("os:system")
    with pytest.raises(CodeError, match="--code os:system"):
        check_named(tmp_path, reference, ["keras.losses:Dice", "losses.py:tversky"])
    check_named(tmp_path, reference, ["os:system"])
    (tmp_path / "s.toml").write_text('[search]\nactivation = ["relu", "os:system"]\n', encoding="utf-8")
    check_named(tmp_path, reference)


def test_a_name_is_followed_through_what_imports_it(tmp_path: Path, package: Path) -> None:
    definition = read_definition(tmp_path, Reference.parse_object("shapes:curved"))
    assert definition.required == ("x",)
    assert find_installed(Reference.parse_object("shapes.inner:bent"), tmp_path).file == package / "inner.py"
    with pytest.raises(ContentError, match="there is no shapes with a Python source"):
        read_definition(package.parent, Reference.parse_object("shapes:curved"))  # a project is no package


def test_the_form_of_a_reference() -> None:
    assert is_reference("keras.losses:Dice")
    assert not is_reference("keras.losses:Dice.axis")
    assert not is_reference("adam")
    assert not Reference.parse_object("losses.py:tversky").installed
