"""A study keeps the known good settings with which it began."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mock_study import run, spec_of
from optuna import load_study

from tuner.optuna_internals import fixed_params
from tuner.runner import trial_proposals
from tuner.search import Portfolio, initial_points, published_points
from tuner.storage import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/t.db", create=True)


def given(database: Database, spec: Any, trials: int) -> list[dict[str, Any]]:
    """What the trials were given, after a run up to so many of them."""
    run(spec_of(spec.project, budget={"trials": trials, "epochs": 1}), database)
    return [fixed_params(trial) for trial in load_study(study_name="mock", storage=database.optuna).trials]


def as_listed(points: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Portfolio]:
    """A portfolio without results: its points are tried in their order."""
    return points, Portfolio(tuple(points), np.zeros((0, len(points))))


def test_a_resumed_study_goes_on_with_those_of_the_version_with_which_it_began(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path)
    known = initial_points(spec.space, spec.facts.task)
    assert given(database, spec, 2) == known[:2]
    monkeypatch.setattr(trial_proposals, "portfolio_points", lambda space, task: as_listed([{"optimizer": "adam"}]))
    assert given(database, spec, 12) == known + [{}] * (12 - len(known))


def test_a_resumed_study_chooses_the_next_settings_as_one_that_was_not_interrupted(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    whole, parts = (open_database(f"sqlite:///{tmp_path}/{name}.db", create=True) for name in ("whole", "parts"))
    for trials in (3, 8):
        given(parts, spec, trials)
    points = given(whole, spec, 12)
    assert given(parts, spec, 12) == points
    assert [place for place, point in enumerate(points) if not point] == [10, 11]
    listed = initial_points(spec.space, spec.facts.task)
    assert points[:2] == listed[:2]
    assert points[:10] != listed, "the results choose"


def test_a_study_that_began_before_the_portfolio_goes_on_with_the_published_ones(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path)
    published = published_points(spec.space, spec.facts.task)
    assert published != initial_points(spec.space, spec.facts.task)
    with monkeypatch.context() as before:
        before.setattr(trial_proposals, "portfolio_points", lambda space, task: as_listed(published))
        before.setattr(trial_proposals, "KNOWN_POINTS", "other")
        given(database, spec, 1)
    assert given(database, spec, 6) == published + [{}] * (6 - len(published))
