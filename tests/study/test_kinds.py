"""How many trials share their programs: what a worker may expect of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner.study import read_study_dict, trials_per_program

PROJECT = Path(__file__).parents[2]
NUMBERS = {
    "learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
    "momentum": {"low": 0.0, "high": 0.9},
    "l2": {"low": 1e-6, "high": 1e-2, "log": True},
    "label_smoothing": {"low": 0.0, "high": 0.2},
    "schedule": ["constant", "cosine"],
    "initializer": ["he_normal", "glorot_uniform"],
}


def trainings(trials: int | None = 100, **search: Any) -> float:
    fixed = {"loss": "categorical_crossentropy", "optimizer": "sgd", "activation": "relu", "batch_size": 32}
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "search": {**fixed, **search}}
    budget = {"time": "1h"} if trials is None else {"trials": trials}
    return trials_per_program(read_study_dict({**content, "budget": budget}, PROJECT))


def test_numbers_share_all_programs() -> None:
    assert trainings(**NUMBERS) == 100


@pytest.mark.parametrize(
    "search",
    [
        {"loss": ["categorical_crossentropy", "mean_squared_error"]},
        {"optimizer": ["sgd", "adam"]},
        {"activation": ["relu", "tanh"]},
        {"batch_size": [32, 64]},
        {"clipping": ["none", "global_clipnorm"]},
        {"model": {"units": [32, 64]}},
        {"optimizer_options": {"sgd": {"nesterov": [True, False]}}},
    ],
)
def test_what_makes_programs_of_its_own(search: dict[str, Any]) -> None:
    assert trainings(**search) == 50
    assert trainings(**search, **NUMBERS) == 50
    assert trainings(trials=1, **search) == 1


def test_kinds_multiply_until_there_are_too_many() -> None:
    assert trainings(320, batch_size=[8, 16, 32, 64], activation=["relu", "tanh"], model={"units": [8, 16]}) == 20
    assert trainings(10_000, model={"units": {"low": 8, "high": 64}}) == 1
    assert trainings(10_000, dropout={"low": 0.0, "high": 0.5}) == 10_000, "a rate is a number"


def test_a_study_without_a_limit_of_trials() -> None:
    assert trainings(None, optimizer=["sgd", "adam"]) == 50
