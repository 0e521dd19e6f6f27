"""Queue of the initial points that no trial has been given yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.optuna_internals import fixed_params

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class PointQueue:
    """Initial points in their order, each for one trial, whichever process asks.

    Which trial was given a point is stored with the trial, as the parameters that it was enqueued with; so a resumed
    study, and other coordinators, go on where the queue is.

    Args:
        points: Points that a study asks for at any time, as parameters for Optuna: those that the user gave.
        known: Points that only its first trials are given.
    """

    def __init__(self, points: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]] = ()) -> None:
        self._points = [dict(point) for point in points]
        self._known = [dict(point) for point in known]
        self._first = len(points) + len(known)
        self._seen = 0

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
            for points in (self._points, self._known):
                if given in points:
                    points.remove(given)
                    break
        self._seen = len(trials)
        points = [point for point in self._points if not is_used(point)]
        known = [point for point in self._known if not is_used(point)]
        return points + known[: max(self._first - len(trials) - len(points), 0)]
