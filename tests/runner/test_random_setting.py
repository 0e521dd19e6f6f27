"""Settings that a check of a study trains."""

from __future__ import annotations

from pathlib import Path

import optuna
from mock_study import spec_of

from tuner.runner.random_setting import draw_setting
from tuner.search import suggest


def test_what_a_point_leaves_open_is_drawn_by_the_seed_of_the_study(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, seed=3)
    drawn = draw_setting(spec, {})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    assert drawn == suggest(study.ask(), spec.space) == draw_setting(spec, {})
    name = spec.space.searched[0].name
    assert draw_setting(spec, {name: drawn[name]})[name] == drawn[name]
    assert draw_setting(spec_of(tmp_path, seed=4), {}) != drawn
