"""Each initial point is for one trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from tuner.search import PointQueue

A, B, C, D = ({"x": value} for value in (1.0, 2.0, 3.0, 4.0))


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def unused(point: Mapping[str, Any]) -> bool:
    return False


def waiting(queue: PointQueue, study: optuna.Study) -> list[dict[str, Any]]:
    trials = study.get_trials(deepcopy=False)
    found = queue.waiting(trials, unused)
    assert queue.is_empty(len(trials)) <= (found == [])
    return found


def test_what_a_trial_was_given_is_not_given_again(study: optuna.Study) -> None:
    queue = PointQueue([A, B, A], [C])
    assert waiting(queue, study) == [A, B, A, C]
    study.enqueue_trial(A)  # by this process or another one
    assert waiting(queue, study) == [B, A, C]
    study.enqueue_trial(A)
    study.enqueue_trial(B)
    assert waiting(queue, study) == [C]
    assert waiting(PointQueue([A, B, A], [C]), study) == [C], "a resumed study goes on with what is left"
    study.enqueue_trial(C)
    assert waiting(queue, study) == []
    assert queue.is_empty(4)


def test_points_of_the_user_wait_behind_any_trials_and_known_ones_do_not(study: optuna.Study) -> None:
    study.ask()
    assert waiting(PointQueue([A], [B, C]), study) == [A, B]
    for _ in range(5):
        study.ask()
    assert waiting(PointQueue([A], [B, C]), study) == [A]


def test_a_setting_that_a_trial_has_is_left_out(study: optuna.Study) -> None:
    assert PointQueue([A, B], [C, D]).waiting([], lambda point: point in (A, C)) == [B, D]
