"""Each initial point is for one trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest

from tuner.catalog import Objective
from tuner.search import KnownPoints, Outcome, PointQueue, Portfolio, tell

A, B, C, D = ({"x": value} for value in (1.0, 2.0, 3.0, 4.0))
MINIMIZED, MAXIMIZED = Objective("loss", "minimize"), Objective("accuracy", "maximize")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def unused(point: Mapping[str, Any]) -> bool:
    return False


def listed(*points: Mapping[str, Any]) -> KnownPoints:
    return KnownPoints(points, MINIMIZED)


def waiting(queue: PointQueue, study: optuna.Study) -> list[dict[str, Any]]:
    trials = study.get_trials(deepcopy=False)
    found = queue.waiting(trials, unused)
    assert queue.is_empty(len(trials)) <= (found == [])
    return found


def test_what_a_trial_was_given_is_not_given_again(study: optuna.Study) -> None:
    queue = PointQueue([A, B, A], listed(C))
    assert waiting(queue, study) == [A, B, A, C]
    study.enqueue_trial(A)  # by this process or another one
    assert waiting(queue, study) == [B, A, C]
    study.enqueue_trial(A)
    study.enqueue_trial(B)
    assert waiting(queue, study) == [C]
    assert waiting(PointQueue([A, B, A], listed(C)), study) == [C], "a resumed study goes on with what is left"
    study.enqueue_trial(C)
    assert waiting(queue, study) == []
    assert queue.is_empty(4)


def test_points_of_the_user_wait_behind_any_trials_and_known_ones_do_not(study: optuna.Study) -> None:
    study.ask()
    assert waiting(PointQueue([A], listed(B, C)), study) == [A, B]
    for _ in range(5):
        study.ask()
    assert waiting(PointQueue([A], listed(B, C)), study) == [A]


def test_a_setting_that_a_trial_has_is_left_out(study: optuna.Study) -> None:
    assert PointQueue([A, B], listed(C, D)).waiting([], lambda point: point in (A, C)) == [B, D]


@pytest.mark.parametrize(("own", "used_up"), [([D, D], 1), ([{"x": 9.0}] * 3, 2), ([D], 0)])
def test_a_point_of_the_user_that_is_used_up_gives_no_further_known_one(
    study: optuna.Study, own: list[dict[str, Any]], used_up: int
) -> None:
    queue = PointQueue(own, KnownPoints([A, B, C, D], MINIMIZED, count=2))
    given: list[Any] = []
    while points := queue.waiting(study.get_trials(deepcopy=False), given.__contains__):
        given.append(points[0])
        try_(study, points[0], Outcome("complete", 1.0))
    assert given == [*own[used_up:], A, B]
    resumed = PointQueue(own, KnownPoints([A, B, C, D], MINIMIZED, count=2))
    assert resumed.waiting(study.get_trials(deepcopy=False), given.__contains__) == []


# Sets of two sorts: A is good on the first and B on the second, on which C and D are the best.
SORTS = Portfolio((A, B, C, D), np.array([[0.2, 0.9, 0.0, 0.8], [0.9, 0.2, 0.8, 0.0]]))


def known(objective: Objective = MINIMIZED) -> KnownPoints:
    return KnownPoints([A, B, C, D], objective, SORTS, 3)


def try_(study: optuna.Study, point: Mapping[str, Any], outcome: Outcome | None) -> None:
    study.enqueue_trial(point)
    trial = study.ask()
    if outcome is not None:
        tell(study, trial, outcome)


@pytest.mark.parametrize(
    ("objective", "a", "b", "next_point"),
    [(MINIMIZED, 1.0, 2.0, C), (MINIMIZED, 2.0, 1.0, D), (MAXIMIZED, 1.0, 2.0, D), (MAXIMIZED, 2.0, 1.0, C)],
)
def test_the_next_known_point_is_the_best_one_where_trials_went_as_in_this_study(
    study: optuna.Study, objective: Objective, a: float, b: float, next_point: dict[str, Any]
) -> None:
    try_(study, A, Outcome("complete", a))
    try_(study, B, Outcome("complete", b))
    queue = PointQueue([], known(objective))
    assert waiting(queue, study) == [next_point]
    try_(study, next_point, None)
    assert waiting(queue, study) == [], "three of four"


@pytest.mark.parametrize("state", ["pruned", "diverged"])
def test_a_known_point_that_was_pruned_or_diverged_did_badly(study: optuna.Study, state: Any) -> None:
    try_(study, A, Outcome("complete", 5.0))
    try_(study, B, Outcome(state))
    assert waiting(PointQueue([], known()), study) == [C]


@pytest.mark.parametrize("outcome", [Outcome("failed"), Outcome("diverged", reason="too large", violation=2.0)])
def test_a_known_point_that_was_not_trained_says_nothing_and_is_not_given_again(
    study: optuna.Study, outcome: Outcome
) -> None:
    before = waiting(PointQueue([], known()), study)
    try_(study, before[0], outcome)
    assert waiting(PointQueue([], known()), study) == before[1:]


def test_a_known_point_that_still_runs_is_expected_to_do_as_it_did_elsewhere(study: optuna.Study) -> None:
    first, second, third = waiting(PointQueue([], known()), study)
    try_(study, first, None)
    assert waiting(PointQueue([], known()), study) == [second, third]
