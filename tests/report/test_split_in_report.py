"""What the report says of rows that belong together."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mock_results import mock_results
from mock_study import spec_of

from tuner.report.narrative import caveats, standard_error
from tuner.report.sections.setup import asked
from tuner.report.study_view import load_view


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """30 patients of 6 rows."""
    random, patient = np.random.default_rng(0), np.repeat(np.arange(30), 6)
    frame = pandas.DataFrame(random.normal(size=(180, 3)), columns=["a", "b", "c"])
    frame.assign(patient=patient, y=(patient * 7 % 3).astype(str)).to_csv(tmp_path / "scans.csv", index=False)
    return tmp_path


def page(folder: Path, **data: object) -> tuple[str, str, float | None]:
    view = load_view(
        mock_results(folder, data={"source": "scans.csv", "target": "y", **data}, budget={"trials": 6, "epochs": 2})
    )
    return unescape(str(asked(view))), " ".join(caveats(view)), standard_error(view)


def test_groups_are_told_and_rows_are_not_taken_for_independent(scans: Path) -> None:
    setup, doubts, error = page(scans, group="patient")
    assert "The 30 groups of 'patient' are whole" in setup
    assert error is None
    assert "standard error" not in doubts


def test_advice_on_the_split_is_in_the_report(scans: Path) -> None:
    setup, doubts, error = page(scans, drop=["patient"])
    assert "Advice: data.group: 'patient' looks like a group" in setup
    assert error is not None
    assert "standard error" in doubts


def with_a_rare_class(folder: Path) -> dict[str, str]:
    """Write a table with a class of four rows in 600; the section `[data]` that reads it."""
    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(600, 3)), columns=["a", "b", "c"])
    frame.assign(y=np.where(np.arange(600) % 150 == 3, "rare", "common")).to_csv(folder / "a.csv", index=False)
    return {"source": "a.csv", "target": "y"}


@pytest.mark.parametrize(("metric", "said"), [("accuracy", True), ("balanced_accuracy", False), ("log_loss", False)])
def test_rare_classes_are_told_if_the_metric_hardly_reflects_them(tmp_path: Path, metric: str, said: bool) -> None:
    results = mock_results(
        tmp_path,
        data=with_a_rare_class(tmp_path),
        objective={"metric": metric},
        budget={"trials": 2, "epochs": 1},
    )
    view = load_view(results)
    assert any("balanced_accuracy weighs" in sentence for sentence in view.info.facts.advice)
    assert ("class_weight = [" in str(asked(view))) is said
    assert ("balanced_accuracy weighs" in str(asked(view))) is said


@pytest.mark.parametrize(
    ("search", "weights"),
    [
        ({"class_weight": ["none", "balanced"]}, {}),
        ({"class_weight": "balanced"}, {}),
        ({}, {"class_weight": {"rare": 9.0, "common": 1.0}}),
    ],
)
def test_a_study_is_not_told_to_do_what_it_does(
    search: dict[str, Any], weights: dict[str, Any], tmp_path: Path
) -> None:
    sections = {
        "data": {**with_a_rare_class(tmp_path), **weights},
        "search": {"optimizer": ["sgd", "adam"], **search},
        "objective": {"metric": "accuracy"},
        "budget": {"trials": 2, "epochs": 1},
    }
    (said,) = [sentence for sentence in spec_of(tmp_path, **sections).advice if sentence.startswith("data.target")]
    assert said.endswith("accuracy hardly reflects them; balanced_accuracy weighs all classes equally")
    shown = str(asked(load_view(mock_results(tmp_path, **sections))))
    assert "balanced_accuracy weighs all classes equally." in shown
    assert "class_weight = [" not in shown
    assert ("none | balanced" in shown, "class_weight = balanced" in shown) == (
        search.get("class_weight") == ["none", "balanced"],
        search.get("class_weight") == "balanced",
    )
