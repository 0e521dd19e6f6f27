"""Every row of every table comes out of a script as it goes into a training."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import user_objects
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_results import mock_results

from tuner.catalog import (
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Choice,
    Recipe,
    Task,
    UserObject,
    add_user_entry,
    make_loss,
    make_optimizer,
    read_user_entry,
    resolve_head,
    to_scores,
)
from tuner.data import ENCODERS
from tuner.export import Export, export, python_script
from tuner.user_code import Reference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("pieces")


@pytest.fixture(scope="module")
def base(place) -> Export:
    return export(mock_results(place, budget={"trials": 2, "epochs": 1}, diverges_above=100.0), place)


@pytest.mark.parametrize(("shape", "onednn"), [((64,), "0"), ((8, 8), "1"), ((8, 8, 1), "1")])
def test_onednn_is_on_where_it_is_in_workers(base, place, shape, onednn):
    """With the other setting sums have another order, and batch normalization amplifies the difference."""
    script = python_script(replace(base, input_shape=shape), place)
    assert f'os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "{onednn}")' in script
    assert ("TF_NUM_INTRAOP_THREADS=1" in script) == (len(shape) > 1)


def chosen(table: Any, name: str) -> Choice:
    return Choice(name=name, options=table[name].defaults())


def changed(base: Export, **fields: Any) -> Export:
    return Export(**{**vars(base), "recipe": base.recipe.model_copy(update=fields)})


def variants(base: Export) -> Iterator[Recipe]:
    """A recipe for each optimizer, initializer and schedule, and for each loss with each of its tasks."""
    for name, row in OPTIMIZERS.items():
        momentum = None if row.momentum is None else 0.7
        yield changed(base, optimizer=chosen(OPTIMIZERS, name), momentum=momentum, weight_decay=1e-3, l2=1e-4).recipe
    for name in INITIALIZERS:
        yield changed(base, initializer=chosen(INITIALIZERS, name), class_weight={0: 2.0, 1: 1.0}).recipe
    for name in SCHEDULES:
        yield changed(base, schedule=chosen(SCHEDULES, name)).recipe
    for name, loss in LOSSES.items():
        for task in loss.heads:
            metric = "r2" if task is Task.REGRESSION else "accuracy"
            fields = {"task": task, "head": resolve_head(name, task), "metric": metric}
            yield changed(base, loss=chosen(LOSSES, name), **fields).recipe


def test_every_name_in_every_script_is_defined(base, place):
    for number, recipe in enumerate(variants(base)):
        text = python_script(Export(**{**vars(base), "recipe": recipe}), place)
        (place / f"script_{number}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "E9,F821", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_optimizers_losses_and_initializers_are_the_same(base):
    import keras

    from tuner.catalog import QuantileLoss
    from tuner.export.script import recipe_source

    names = {"keras": keras, "QuantileLoss": QuantileLoss}
    truth, given = np.eye(3, dtype="float32")[[0, 1, 2, 1]], np.full((4, 3), 0.3, "float32")
    for recipe in variants(base):
        made, expected = eval(recipe_source.optimizer_text(recipe), names), make_optimizer(recipe)
        assert type(made) is type(expected)
        assert made.get_config() | {"name": None} == expected.get_config() | {"name": None}
        loss = eval(recipe_source.loss_text(recipe), names)
        assert float(loss(truth, given)) == pytest.approx(float(make_loss(recipe)(truth, given)))
        row = INITIALIZERS[recipe.initializer.name].build(**recipe.initializer.options)
        assert eval(recipe_source.initializer_text(recipe), names).get_config() == row.get_config()


def test_scores_are_the_same(base):
    from tuner.catalog import numpy_metrics as metrics
    from tuner.export.script import recipe_source

    outputs = np.random.default_rng(0).normal(size=(20, 3))
    fitted = {"target_center": np.zeros(3), "target_scale": np.ones(3)}
    for recipe in variants(base):
        for head in (recipe.head, "model", "linear", "tanh", "relu"):
            other = recipe.model_copy(update={"head": head})
            names = {"np": np, "softmax": metrics.softmax, "outputs": outputs, "fitted": fitted}
            assert np.allclose(
                eval(recipe_source.scores_text(other), names), to_scores(outputs, head, other.task, other.loss.name)
            )


TEXTS = st.text(st.characters(), max_size=12) | st.text("\"'\\\n\r\f\0 {}%#=(),;:ab\u2028\u202e\ud800", max_size=12)


def shape(tree: ast.AST) -> str:
    """A program without its texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "text"
    return ast.dump(tree)


def with_texts(base: Export, *texts: str) -> Export:
    """The export with a text in each field that may hold any."""
    study, tag, column, word, label, version = texts
    preprocessing = replace(
        base.splits[0].preprocessing,
        features=(column,),
        encoders={column: ENCODERS["one_hot"].from_json({"categories": [word]})},
    )
    model = base.recipe.model.model_copy(update={"options": {"tag": tag, f"{word} 1": [tag]}})
    return replace(
        base,
        study=study,
        recipe=base.recipe.model_copy(update={"model": model}),
        splits=(replace(base.splits[0], preprocessing=preprocessing),),
        classes=(label,),
        versions={"keras": version},
    )


@settings(max_examples=80, deadline=None)
@given(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS))
def test_a_text_of_a_recipe_is_one_literal_in_the_script(base_and_place, texts):
    base, place, expected = base_and_place
    script = python_script(with_texts(base, *texts), place)
    script.encode("utf-8")
    tree = ast.parse(script)
    study, tag, column, word, label, version = texts
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {tag, column, word, label, f"{word} 1"} <= values
    opening = ast.get_docstring(tree, clean=False)
    assert opening is not None
    assert f"of the study {study!r}." in opening
    assert f"(the study was run with keras {version})" in opening
    assert shape(tree) == expected


@pytest.fixture(scope="module")
def base_and_place(base, place):
    return base, place, shape(ast.parse(python_script(with_texts(base, *"abcdef"), place)))


def test_a_loss_that_is_a_class_is_called_with_its_options(tmp_path: Path) -> None:
    from tuner.export.script import recipe_source

    user_objects.write_project(tmp_path)
    one = UserObject(tmp_path, Reference("losses.py", "Pinball"))
    add_user_entry("loss", read_user_entry("loss", one, None, "auto"))
    recipe = Recipe.model_construct(loss=Choice(name="losses.py:Pinball", options={"tau": 0.4}))
    assert recipe_source.loss_text(recipe) == "USER_LOSS(tau=0.4)"
