"""Replace settings whose networks would be over a limit, before a worker builds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from tuner.engines import NetworkSize, PredictTimes
from tuner.search import FinishedTrials, NetworkCostModel, SettingIndex
from tuner.storage import trial_attributes
from tuner.study import StudySpec

_TIME_TOLERANCE = 1.2
"""A network may be tried again if its time was less than this many times the limit: noise, or a dimension that is no
keyword of the model (the activation), may bring it within."""


class AffordableSettings:
    """Learns from the networks of finished trials which settings are within the limits of a study.

    Args:
        spec: The study.
        settings: The settings that are used up.
    """

    def __init__(self, spec: StudySpec, settings: SettingIndex) -> None:
        self._limits, self._settings = spec.limits, settings
        self._model = NetworkCostModel(spec.space)
        self._finished = FinishedTrials((TrialState.COMPLETE, TrialState.PRUNED))

    def update(self, trials: list[FrozenTrial]) -> None:
        """Take in the trials that have finished since the last call.

        Args:
            trials: All trials of the study, in the order of their numbers.
        """
        fresh, _ = self._finished.take_in(trials)
        for trial in fresh:
            attrs = trial_attributes(trial)
            if attrs.network_size is None:
                continue
            size, times = NetworkSize(**attrs.network_size.model_dump()), attrs.predict_times
            least = None
            if times is not None:
                least = PredictTimes(times.one_row_ms / _TIME_TOLERANCE, times.batch_ms / _TIME_TOLERANCE)
            violation = self._limits.violation(size, least)
            if violation is not None:
                self._model.add(trial.params, violation)

    def nearest(self, params: Mapping[str, Any], seed: str, fixed: Collection[str]) -> dict[str, Any] | None:
        """Find an unused setting near this one whose network is within the limits.

        Args:
            params: A setting.
            seed: Of the draws.
            fixed: Dimensions that stay as they are.

        Returns:
            Its parameters, or None if this one is not known to be over a limit, or no other one was found.
        """
        if not self._model.exceeds(params):
            return None
        names = [name for name in self._model.names if name not in fixed]
        return self._settings.nearest_accepted(params, seed, names, lambda drawn: not self._model.exceeds(drawn))
