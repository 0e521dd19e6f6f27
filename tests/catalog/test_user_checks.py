"""Entries of user code: what is refused when they are called, before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from user_objects import COSTS, study, write_project

from tuner.catalog import LOSSES as TABLE
from tuner.catalog import Recipe, UserObject, add_named_user_entries, add_user_entries, try_user_code
from tuner.errors import CodeError, ContentError, StudyFileError
from tuner.study import read_study_dict, resolve_recipe, try_user_objects
from tuner.user_code import Reference


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def recipe(project: Path, loss: str = "binary_crossentropy", **changed: Any) -> Recipe:
    spec = read_study_dict(study(**changed), project)
    values: dict[str, Any] = {"loss": loss, "loss.losses.py:tversky.alpha": 0.3, "l2": 0.0}
    return resolve_recipe(spec, {name: value for name, value in values.items() if name in spec.space}, 0)


def test_a_file_that_has_changed_since_is_refused(project: Path) -> None:
    given = recipe(project, "losses.py:tversky")
    add_user_entries(project, given)
    (project / "parts.py").write_text("def sums(y_true, y_pred):\n    return 0, 0, 0\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"parts\.py has changed since the study was started \(sha256 "):
        add_user_entries(project, given)


def test_code_that_only_a_recipe_names_is_not_run(project: Path) -> None:
    given = recipe(project, "losses.py:tversky")
    with pytest.raises(CodeError, match="only the database or the exported file names"):
        add_named_user_entries(project, given, ["losses.py:tversky"])
    add_named_user_entries(project, given, ["losses.py:tversky", "costs.py:money"])
    (project / "own.toml").write_text(
        '[objective]\nmetric = "costs.py:money"\n[search.loss]\nchoices = ["losses.py:tversky"]\n', encoding="utf-8"
    )
    add_named_user_entries(project, given, [])


def test_rows_with_weights_need_a_metric_that_takes_them(project: Path) -> None:
    text = COSTS.replace(", weight=None", "").replace(", weights=weight", "")
    (project / "costs.py").write_text(text, encoding="utf-8")
    row = read_study_dict(study(), project).metric
    from tuner.catalog import METRICS

    with pytest.raises(ContentError, match="Add weight=None to its arguments"):
        METRICS[row].compute([1.0, 0.0], [0.2, 0.8], [1.0, 2.0])


REGRESSION = {
    "data": {"source": "diabetes"},
    "objective": {},
    "search": {"loss": "losses.py:Pinball", "l2": [0.0, 1e-4]},
}


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "more"), [("losses.py:tversky", {}), ("losses.py:Pinball", REGRESSION)])
def test_a_sound_loss_is_saved_by_its_registered_name(project: Path, loss: str, more: Any) -> None:
    import keras

    name = f"losses>{loss.partition(':')[2]}"
    assert UserObject(project, Reference.parse(loss, "")).registered
    keras.saving.get_custom_objects()[name] = object  # by another version of the file, before it was changed back
    given = recipe(project, loss, **more)
    add_user_entries(project, given)
    try_user_code(given)
    made = TABLE[loss].build(**given.loss.options)
    again = keras.losses.deserialize(keras.losses.serialize(made))
    assert again.get_config() == made.get_config()
    assert name in str(keras.losses.serialize(made))


@pytest.mark.slow
def test_check_tries_every_part_that_a_study_names(project: Path) -> None:
    pytest.importorskip("keras")
    text = COSTS.replace("return np.average(cost, weights=weight)", "return cost")
    (project / "costs.py").write_text(text, encoding="utf-8")
    (project / "good.py").write_text("def plain(y_true, y_pred):\n    return (y_true - y_pred)[:, 0] ** 2\n", "utf-8")
    (project / "bad.py").write_text("def flat(y_true, y_pred):\n    return 1.0\n", encoding="utf-8")
    losses = ["hinge", "good.py:plain", "bad.py:flat"]
    spec = read_study_dict(
        study(search={"loss": losses}, head="sigmoid", objective={"metric": "costs.py:money"}), project
    )
    with pytest.raises(StudyFileError) as caught:
        try_user_objects(spec)
    assert sorted((problem.key, problem.given) for problem in caught.value.problems) == [
        ("objective.metric", '"costs.py:money"'),
        ("search.loss", '"bad.py:flat"'),
    ]


SOUND = {
    "softmax": ("activation", "softly", "def softly(x):\n    return ops.softmax(x)\n"),
    "centered": (
        "activation",
        "centered",
        "def centered(x):\n    return x - ops.mean(x, axis=-1, keepdims=True)\n",
    ),
    "absolute steps": (
        "schedule",
        "warm",
        "def warm(step, steps, base):\n    return base * min(1, (step // 200) / 5)\n",
    ),
    "64 gradients a step": (
        "optimizer",
        "Patient",
        "class Patient(keras.optimizers.SGD):\n    def __init__(self, **kwargs):\n"
        "        super().__init__(gradient_accumulation_steps=64, **kwargs)\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_part_is_taken(project: Path, name: str) -> None:
    family, attribute, text = SOUND[name]
    (project / "sound.py").write_text(f"import keras\nfrom keras import ops\n\n\n{text}", encoding="utf-8")
    search = {family: f"sound.py:{attribute}", "l2": [0.0, 1e-4]}
    try_user_code(recipe(project, search=search, objective={}))


@pytest.mark.slow
def test_an_optimizer_with_tiny_first_steps_is_taken(project: Path) -> None:
    search = {"optimizer": "keras.optimizers:Adadelta", "learning_rate": 1e-5, "l2": [0.0, 1e-4]}
    given = recipe(project, search=search, objective={})
    assert given.learning_rate == 1e-5
    try_user_code(given)
