"""Queue of the initial points that no trial has been given yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Objective, TrialState
from tuner.optuna_internals import fixed_params
from tuner.search.portfolio import Portfolio
from tuner.search.trial_ranking import OUTCOME, trial_state

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class KnownPoints:
    """Settings of which a study tries some in its first trials; which ones depends on the results of those before.

    Args:
        points: Parameters for Optuna.
        objective: Of the study.
        portfolio: Of as many settings; without one, the points are tried in their order.
        count: How many are tried.
    """

    def __init__(
        self,
        points: Sequence[Mapping[str, Any]],
        objective: Objective,
        portfolio: Portfolio | None = None,
        count: int | None = None,
    ) -> None:
        self._points = [dict(point) for point in points]
        self._objective = objective
        self._portfolio = portfolio or Portfolio(tuple(self._points), np.zeros((0, len(self._points))))
        self.count = min(len(points) if count is None else count, len(points))

    def __contains__(self, point: Mapping[str, Any]) -> bool:
        """Return whether this is one of the points, whether or not it will be tried."""
        return point in self._points

    def unseen(self) -> list[dict[str, Any]]:
        """List the points that are tried by a study that learns nothing from the results."""
        return self.next(self.count, (), lambda point: False)

    def next(
        self, count: int, trials: Sequence[FrozenTrial], is_used: Callable[[Mapping[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """List the next points, in order.

        Args:
            count: The maximum.
            trials: All trials of the study.
            is_used: Whether a trial has this setting.
        """
        losses: dict[int, float | None] = {}
        excluded = {index for index, point in enumerate(self._points) if is_used(point)}
        for trial in trials:
            given = fixed_params(trial)
            if given not in self._points:
                continue
            index, state = self._points.index(given), trial_state(trial)[0]
            over_a_limit = "violation" in trial.user_attrs.get(OUTCOME, {})
            if state is TrialState.FAILED or over_a_limit:  # says nothing about the setting
                excluded.add(index)
            elif not trial.state.is_finished():
                losses.setdefault(index, None)
            else:
                losses[index] = self._objective.sort_key(trial.value) if state is TrialState.COMPLETE else math.inf
        return [self._points[index] for index in self._portfolio.choose(count, losses, excluded)]


class PointQueue:
    """Initial points in their order, each for one trial, whichever process asks.

    Which trial was given a point is stored with the trial, as the parameters that it was enqueued with; so a resumed
    study, and other coordinators, continue where the queue is.

    Args:
        points: Points that a study asks for at any time, as parameters for Optuna: those that the user gave.
        known: Points that only its first trials are given.
    """

    def __init__(self, points: Sequence[Mapping[str, Any]], known: KnownPoints | None = None) -> None:
        self._points = [dict(point) for point in points]
        self._known = known
        self._first = len(points) + (known.count if known is not None else 0)
        self._seen = self._known_given = 0

    def is_empty(self, trials: int) -> bool:
        """Return whether a study with this number of trials has no point left to ask for."""
        return not self._points and trials >= self._first

    def waiting(
        self, trials: Sequence[FrozenTrial], is_used: Callable[[Mapping[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """List the points for the next trials, in order.

        Args:
            trials: All trials of the study, in the order of their numbers.
            is_used: Whether a trial has this setting; a point that is used up is not asked for.
        """
        for trial in trials[self._seen :]:
            given = fixed_params(trial)
            if given in self._points:
                self._points.remove(given)
            elif self._known is not None and given in self._known:
                self._known_given += 1
        self._seen = len(trials)
        points = [point for point in self._points if not is_used(point)]
        if self._known is None:
            return points
        left = min(self._first - len(trials) - len(points), self._known.count - self._known_given)
        return points + self._known.next(left, trials, is_used) if left > 0 else points
