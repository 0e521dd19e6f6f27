"""What results show of themselves in a Python session: a line each, and in a notebook a few lines of HTML."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mock_results import mock_results
from mock_winner import pretending

import tuner
from tuner.catalog import Task
from tuner.data import Preprocessing
from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.results import StoredStudy, best_trial
from tuner.serving import ModelMetadata, SavedModel, read_about

MAX_CHARS = 700
"""Of a line: what was 29,000 characters of numbers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("views")


@pytest.fixture(scope="module")
def retrained(folder: Path) -> StoredStudy:
    return mock_results(folder, data={"source": "digits"}, budget={"trials": 10, "epochs": 2})


@pytest.fixture(scope="module")
def found(retrained: StoredStudy, folder: Path) -> RefitResult:
    return refit_leaders(retrained, folder, RefitOptions(folder / "best.keras"), pretending())


def saved(about: ModelMetadata, shape: tuple[int | None, ...] = (64,)) -> SavedModel:
    return SavedModel(SimpleNamespace(input_shape=(None, *shape)), about)  # type: ignore[arg-type]


def test_each_is_a_line(found: RefitResult, retrained: StoredStudy, folder: Path) -> None:
    about = read_about(folder / "best.keras")
    best = best_trial(retrained)
    handle = tuner.open(retrained.database.url, retrained.record.name)
    every = [found, *found.recipes, *found.models, found.recipe, best, best.recipe, about, saved(about), handle]
    for one in [*every, handle.results(), handle.data()]:
        assert len(repr(one)) < MAX_CHARS, type(one)
        assert "\n" not in repr(one)


def test_training_the_winner_shows_verdict_score_and_file(found: RefitResult, folder: Path) -> None:
    test = found.test
    assert test is not None
    assert test.value_interval is not None
    low, high = test.value_interval.low, test.value_interval.high
    score = f"test accuracy {test.value:.5g} (95 % interval {low:.5g} to {high:.5g})"
    file = f"ensemble of 5 networks in {folder / 'best.keras'}"
    assert repr(found) == f"<RefitResult of study mock: a winner, trial {found.chosen}; {score}; {file}>"
    shown = found._repr_html_()
    assert f"<strong>Study mock: a winner, trial {found.chosen}</strong>; {score}; {file}." in shown
    assert html.escape(found.baseline.meaning, quote=False) in shown
    assert shown.count("<tr>") == 1 + len(found.models)
    assert ">ensemble (saved)</th>" in shown


def test_a_single_network_has_the_mean_of_those_trained_alike(retrained: StoredStudy, folder: Path) -> None:
    asked = RefitOptions(folder / "single.keras", seeds=3, top=1, single=True)
    single = refit_leaders(retrained, folder, asked, pretending())
    assert single.test is not None
    assert f"test accuracy {single.test.mean:.5g} (95 % interval" in repr(single)
    assert f"mean of the networks trained as the saved one; one network in {folder / 'single.keras'}>" in repr(single)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "unconfirmed"}, "the test part does not confirm the winner, trial "),
        ({"control": "A control is better: <b>."}, "; a control is at least as good; test accuracy"),
        ({"verdict": "none", "file": None, "handed": None, "test": None}, "no winner; validation accuracy "),
        ({"verdict": "none", "file": None, "handed": None, "test": None}, "); no model was saved>"),
        ({"test": None}, "; validation accuracy "),
    ],
)
def test_other_verdicts(found: RefitResult, changes: dict[str, Any], said: str) -> None:
    other = replace(found, **changes)
    assert said in repr(other)
    assert "<b>" not in other._repr_html_()


def test_a_loaded_model_shows_what_it_takes_and_predicts(found: RefitResult, folder: Path) -> None:
    about = read_about(folder / "best.keras")
    takes = f"64 columns: {', '.join(about.preprocessing.features[:10])} and 54 more"
    predicts = "one of 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    trial = f"mock (trial {found.chosen}, ensemble of 5 networks)"
    assert repr(saved(about)).startswith(
        f"<SavedModel: study {trial}; takes {takes}; predicts {predicts}; score test acc"
    )
    shown = saved(about)._repr_html_()
    for text in (takes, predicts, trial, "<code>predict(rows)</code>"):
        assert text in shown
    bad = replace(about, scores={**about.scores, "verdict": "none"})
    assert "do not rely on its predictions" in saved(bad)._repr_html_()


@pytest.mark.parametrize(
    ("task", "classes", "said"),
    [
        (Task.REGRESSION, (), "predicts the target, in its unit"),
        (Task.MULTILABEL, ("a", "b"), "predicts 0 or 1 for each of 2 labels: a, b"),
        (Task.BINARY, ("no", "<yes>"), "predicts one of 2 classes: no, <yes>"),
    ],
)
def test_models_of_other_tasks(
    found: RefitResult, folder: Path, task: Task, classes: tuple[str, ...], said: str
) -> None:
    about = read_about(folder / "best.keras")
    plain = Preprocessing(None, np.zeros(3), np.ones(3), (8, 8, 3))
    recipe = about.recipe.model_copy(update={"task": task})
    image = replace(about, recipe=recipe, classes=classes, preprocessing=plain, members=(), scores={"test": "made up"})
    one = saved(image, (None, 8, 3))
    assert repr(one).endswith(f"one network); takes an array (rows, any, 8, 3); {said}>")
    assert "<yes>" not in one._repr_html_()


@pytest.mark.parametrize("of", [lambda best: best, lambda best: best.recipe])
def test_the_best_shows_its_setting(study: StoredStudy, of: Callable[[Any], Any]) -> None:
    best = best_trial(study)
    shown, line = of(best)._repr_html_(), repr(of(best))
    assert best.params
    for name, value in best.params.items():
        assert f">{name}</th>" in shown
        assert str(value) in line
