"""A setting of a study without its sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from tuner.search import silence_optuna, suggest
from tuner.space import Value
from tuner.study import StudySpec


def draw_setting(spec: StudySpec, point: Mapping[str, Any]) -> dict[str, Value]:
    """Return the setting with the parameters of a point; others are drawn at random, by the seed of the study."""
    with silence_optuna():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=spec.seed))
    study.enqueue_trial(dict(point))
    return suggest(study.ask(), spec.space)
