"""`[search] loop`: a training loop of the user, by reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner.errors import StudyFileError
from tuner.study import StudySpec, difference, fingerprint, read_study_dict, resolve_recipe

MINE = "mine.py:train"
SOURCE = "def train(model, recipe, data, report, *, noise=0.1, passes=2):\n    pass\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def read(project: Path, search: dict[str, Any], **changed: Any) -> StudySpec:
    search = {"learning_rate": [1e-3, 1e-2], **search}
    study = {"name": "own", "model": "models/mlp.py", "data": {"source": "iris"}, "search": search, **changed}
    return read_study_dict(study, project)


def problem(project: Path, search: dict[str, Any], **changed: Any) -> str:
    with pytest.raises(StudyFileError) as caught:
        read(project, search, **changed)
    assert len(caught.value.problems) == 1, caught.value
    return " ".join(str(caught.value).split())


def test_its_options_are_searched_where_it_is_chosen(project: Path) -> None:
    options = {MINE: {"noise": {"low": 0.0, "high": 1.0}}}
    spec = read(project, {"loop": ["standard", MINE], "loop_options": options})
    assert [one.one_of for one in spec.space[f"loop.{MINE}.noise"].conditions] == [(MINE,)]
    recipe = resolve_recipe(spec, {"loop": MINE, f"loop.{MINE}.noise": 0.5, "learning_rate": 1e-2}, 0)
    assert recipe.loop.options == {"noise": 0.5, "passes": 2}
    assert sorted(recipe.code) == ["mine.py"]


def test_its_content_belongs_to_the_setup(project: Path) -> None:
    before = fingerprint(read(project, {"loop": MINE}))
    (project / "mine.py").write_text(SOURCE.replace("pass\n", "return None\n"), encoding="utf-8")
    lines = difference(before, fingerprint(read(project, {"loop": MINE})))
    assert [line.partition(":")[0] for line in lines] == ["the content of mine.py, which the study names"]


def test_a_study_from_before_there_were_loops_goes_on(project: Path) -> None:
    now = fingerprint(read(project, {}))
    assert now.pop("search.loop") == "standard"
    assert difference(now, fingerprint(read(project, {}))) == []


def test_what_does_not_go_with_a_loop_is_one_problem(project: Path) -> None:
    assert f"this engine does not train the loop {MINE}" in problem(project, {"loop": MINE}, engine="fit")
    assert "this engine does not train the loop standard" in problem(project, {}, engine="own_loop")
    averages = {"ema_momentum": [0.0, 0.9]}
    assert "search.ema_momentum: this has no effect" in problem(project, {"loop": MINE, **averages})
    assert "search.ema_momentum: this has no effect" in problem(project, {"loop": ["standard", MINE], **averages})
    read(project, {"loop": ["standard", MINE], "ema_momentum": {"choices": [0.0, 0.9], "when": {"loop": "standard"}}})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def train(model, data):\n    pass\n", "is called with (model, recipe, data, report, and options"),
        ("class train:\n    pass\n", "is a function (model, recipe, data, report), but mine.py:train is a class"),
        ("def fit():\n    pass\n", "mine.py has no function 'train'"),
        (SOURCE.replace("0.1", "[0.1]"), "needs a default that cannot change"),
    ],
)
def test_each_mistake_is_one_problem(project: Path, source: str, message: str) -> None:
    (project / "mine.py").write_text(source, encoding="utf-8")
    assert message in problem(project, {"loop": MINE})


def test_checkpoints_are_advised_against(project: Path) -> None:
    spec = read(project, {"loop": MINE}, budget={"checkpoint": True})
    assert any(line.startswith("budget.checkpoint: mine.py:train keeps its own state") for line in spec.advice)
