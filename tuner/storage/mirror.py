"""Optuna's storage in memory, which trials of other processes can be put into.

Uses private parts of `InMemoryStorage`; a test puts trials in and reads them by Optuna's public calls.
"""

from __future__ import annotations

import copy

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial


def copy_trial(trial: FrozenTrial) -> FrozenTrial:
    """A copy that stays as it is: memory replaces a trial when it changes, but `optuna.Trial` shares its dicts."""
    fresh = copy.copy(trial)
    fresh.params, fresh.distributions = dict(trial.params), dict(trial.distributions)
    fresh.user_attrs, fresh.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
    fresh.intermediate_values = dict(trial.intermediate_values)
    return fresh


class MirrorStorage(InMemoryStorage):
    """Holds one study."""

    def put(self, study_id: int, trial: FrozenTrial) -> FrozenTrial:
        """Add the trial, or put it in the place of the one with its number; any state, params and reports.

        Returns:
            The object that the memory holds now; it stays the same until the trial changes.
        """
        with self._lock:
            if trial.number >= len(self._studies[study_id].trials):
                trial_id = self.create_new_trial(study_id, template_trial=trial)
                return self._get_trial(trial_id)
            trial_id = self.get_trial_id_from_study_id_trial_number(study_id, trial.number)
            fresh = copy_trial(trial)
            fresh._trial_id = trial_id
            self._set_trial(trial_id, fresh)
            self._update_cache(trial_id, study_id)
            # Optuna looks for waiting trials from here on.
            first = min(self._prev_waiting_trial_number[study_id], trial.number)
            self._prev_waiting_trial_number[study_id] = first
            return fresh

    def count(self, study_id: int) -> int:
        """How many trials there are."""
        return len(self._studies[study_id].trials)
