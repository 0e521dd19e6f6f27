"""A recipe that was read is one that a study can give, or it is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.catalog import DIMENSIONS, ChoiceDimension, Recipe
from tuner.errors import RecipeError

SOUND: dict[str, Any] = {
    "task": "multiclass",
    "model": {"reference": "models/mlp.py:build", "sha256": "0f" * 32, "options": {"units": [8, [4]], "tag": "a"}},
    "head": "softmax",
    "loss": {"name": "categorical_focal_crossentropy", "options": {"gamma": 2.0}},
    "optimizer": {"name": "adam", "options": {}},
    "learning_rate": 0.01,
    "schedule": {"name": "cosine", "options": {"warmup": 0.1}},
    "class_weight": {"0": 1.0, "1": 2.0},
    "metric": "accuracy",
    "data": {"source": "digits"},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sound recipe with another value at a dotted place."""
    *parents, key = path.split(".")
    content = table = {**SOUND}
    for parent in parents:
        table[parent] = table = {**table[parent]}
    table[key] = value
    return content


def test_settings_are_single_values() -> None:
    """Each number or text has a name of its own, that of a weight or of an option included."""
    own = {"metric": "costs.py:money", "metric_keys": {"takes": "classes", "options": {"missed": 50.0}}}
    recipe = Recipe.from_json(SOUND | own | {"code": {"costs.py": "0f" * 32}})
    found = recipe.settings()
    assert not [key for key, value in found.items() if isinstance(value, dict)]
    assert (found["class_weight.0"], found["class_weight.1"]) == (1.0, 2.0)
    assert (found["metric.takes"], found["metric.missed"]) == ("classes", 50.0)
    assert found["code.costs.py"] == "0f" * 32
    assert "0f" * 32 not in recipe.shown_settings().values()


def test_a_sound_recipe_is_read() -> None:
    recipe = Recipe.from_json(SOUND)
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("name", [one.name for one in DIMENSIONS.values() if isinstance(one, ChoiceDimension)])
def test_every_row_is_read_with_its_defaults(name: str) -> None:
    for row in DIMENSIONS[name].table.values():  # type: ignore[union-attr]
        choice = row.name if name == "activation" else {"name": row.name, "options": row.defaults()}
        Recipe.from_json(changed(name, choice))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("head", "softmax', __=__import__('os').system('id')) #"),
        ("task", "guess"),
        ("metric", "accuracy(y); import os"),
        ("metric", "r2"),
        ("activation", "relu'"),
        *((f"{name}.name", "nothing") for name in ("loss", "optimizer")),
        ("schedule", {"name": "cosine); x = (1"}),
        ("loss.options", {"gamma": "2.0"}),
        ("loss.options", {"gamma": math.nan}),
        ("loss.options", {"gamma": 1e9}),
        ("loss.options", {"gamma=1, alpha": 2.0}),
        ("schedule.options", {"warmup": [0.1]}),
        ("schedule", {"name": "mine.py:rate", "options": {"x=1); print(": 2}}),
        ("loop", {"name": "mine.py:train", "options": {"a b": 2}}),
        ("loop", {"name": "os.path:../x"}),
        ("learning_rate", math.inf),
        ("learning_rate", -1.0),
        ("learning_rate", "1e-3 if x else y"),
        ("momentum", math.nan),
        ("weight_decay", -0.1),
        ("l2", math.inf),
        ("label_smoothing", 1.0),
        ("batch_size", 0),
        ("batch_size", 10**9),
        ("epochs", 10**9),
        ("seed", -1),
        ("class_weight", {"0": math.nan}),
        ("class_weight", {"-1": 1.0}),
        ("class_weight", {"x": 1.0}),
        ("model.reference", "models/mlp.py:build()"),
        ("model.reference", "models/mlp.py:lambda"),
        ("model.reference", "../mlp.py:build"),
        ("model.sha256", "0f"),
        ("model.sha256", "' * 3"),
        ("model.helpers", {"models/a.py": "none"}),
        ("model.options", {"activation": "relu"}),
        ("model.options", {"units": {"a": 1}}),
        ("model.options", {"units": [math.inf]}),
        ("model.options", {"tag": "x" * 10_001}),
        ("model.options", {"tag": "\ud800"}),
        ("data", {"source": "\udfff"}),
        ("more", 1),
    ],
)
def test_what_no_study_gives_is_refused(path: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=path.split(".")[0]):
        Recipe.from_json(changed(path, value))


PLACES = [*SOUND, "model.options", "loss.options", "loss.name", "optimizer.options", "model.helpers", "seed", "l1"]


@given(
    path=st.sampled_from(PLACES),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
def test_anything_is_a_recipe_or_refused(path: str, value: Any) -> None:
    try:
        recipe = Recipe.from_json(changed(path, value))
    except RecipeError:
        return
    assert Recipe.from_json(recipe.to_json()) == recipe
