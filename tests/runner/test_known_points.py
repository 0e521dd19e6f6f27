"""A study keeps the known good settings with which it began."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mock_study import run, spec_of
from optuna import load_study

from tuner.optuna_internals import fixed_params
from tuner.runner import trial_proposals
from tuner.search import initial_points, published_points
from tuner.storage import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/t.db", create=True)


def given(database: Database, spec: Any, trials: int) -> list[dict[str, Any]]:
    """What the trials were given, after a run up to so many of them."""
    run(spec_of(spec.project, budget={"trials": trials, "epochs": 1}), database)
    return [fixed_params(trial) for trial in load_study(study_name="mock", storage=database.optuna).trials]


def test_a_resumed_study_goes_on_with_those_of_the_version_with_which_it_began(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path)
    known = initial_points(spec.space, spec.facts.task)
    assert given(database, spec, 2) == known[:2]
    monkeypatch.setattr(trial_proposals, "initial_points", lambda space, task: [{"optimizer": "adam"}])
    assert given(database, spec, 12) == known + [{}] * (12 - len(known))


def test_a_study_that_began_before_the_portfolio_goes_on_with_the_published_ones(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path)
    published = published_points(spec.space, spec.facts.task)
    assert published != initial_points(spec.space, spec.facts.task)
    with monkeypatch.context() as before:
        before.setattr(trial_proposals, "initial_points", published_points)
        before.setattr(trial_proposals, "KNOWN_POINTS", "other")
        given(database, spec, 1)
    assert given(database, spec, 6) == published + [{}] * (6 - len(published))
