"""A study in memory, for Optuna to work on, with the state of the database that it was last synchronized with.

`MirrorStorage` uses private parts of `InMemoryStorage`; a test puts trials in and reads them by Optuna's public calls.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from tuner.errors import StorageError
from tuner.storage.optuna_rows import TrialDiff

if TYPE_CHECKING:
    from tuner.optuna_internals import FrozenStudy


def copy_trial(trial: FrozenTrial) -> FrozenTrial:
    """Copy a trial with its dicts, which `optuna.Trial` would share."""
    fresh = copy.copy(trial)
    fresh.params, fresh.distributions = dict(trial.params), dict(trial.distributions)
    fresh.user_attrs, fresh.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
    fresh.intermediate_values = dict(trial.intermediate_values)
    return fresh


class MirrorStorage(InMemoryStorage):
    """Optuna's in-memory storage of one study, into which trials of other processes can be put."""

    def put(self, study_id: int, trial: FrozenTrial) -> FrozenTrial:
        """Add the trial, or replace the one of its number; any state, parameters and reports.

        Returns:
            The object in memory; the same one until the trial changes.
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
            # Optuna searches for waiting trials from here.
            first = min(self._prev_waiting_trial_number[study_id], trial.number)
            self._prev_waiting_trial_number[study_id] = first
            return fresh

    def count(self, study_id: int) -> int:
        """Count the trials."""
        return len(self._studies[study_id].trials)


class StudyMirror:
    """One study in memory, and what the database holds of it as of the last transaction.

    Attributes:
        storage: Optuna's storage in memory.
        name: The study.
        revision: Number of the last transaction of any coordinator that is in memory.
        last_id: The highest database id of a trial; -1 without trials.
        ids: Database id of each trial by number.
        db_state: Each unfinished trial as the database holds it, by number.
        owned: Numbers of the trials that this process runs.
    """

    def __init__(self, frozen: FrozenStudy, trials: Iterable[FrozenTrial], revision: int) -> None:
        """Load a snapshot.

        Args:
            frozen: The study.
            trials: All of its trials.
            revision: Number of a transaction that the snapshot contains.
        """
        self.storage, self.name, self.revision = MirrorStorage(), frozen.study_name, revision
        self._study_id = self.storage.create_new_study(frozen.directions, frozen.study_name)
        self.ids: dict[int, int] = {}
        self.last_id = -1
        self.db_state: dict[int, FrozenTrial] = {}
        self.owned: set[int] = set()
        self._objects: dict[int, FrozenTrial] = {}  # the very object in memory as of the last transaction
        self._count = 0  # trials as of the last transaction
        self._attrs: dict[str, dict[str, Any]] = {"user": {}, "system": {}}
        self.set_attrs({"user": frozen.user_attrs, "system": frozen.system_attrs})
        for trial in sorted(trials, key=lambda trial: trial.number):
            self.apply_remote(trial)

    @property
    def next_number(self) -> int:
        """The number that a new trial gets."""
        return max(self.storage.count(self._study_id), self._count)

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """The user attributes of the study as the database holds them."""
        return self._attrs["user"]

    def get_trial(self, number: int) -> FrozenTrial:
        """Get the trial in memory, not copied."""
        return self.storage.get_trial(self.trial_id(number))

    def trial_id(self, number: int) -> int:
        """Get the id of a trial in memory."""
        return self.storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def put(self, trial: FrozenTrial) -> FrozenTrial:
        """Put a trial into memory (see `MirrorStorage.put`)."""
        return self.storage.put(self._study_id, trial)

    def unfinished(self, state: TrialState) -> list[int]:
        """Return the numbers of the database's unfinished trials that are in this state in memory, sorted."""
        return [number for number in sorted(self.db_state) if self.get_trial(number).state == state]

    def changed_trials(self) -> list[FrozenTrial]:
        """Return the trials in memory that differ from the database."""
        current = self.storage.get_all_trials(self._study_id, deepcopy=False)
        numbers = [*sorted(self.db_state), *range(self._count, len(current))]
        return [current[number] for number in numbers if current[number] is not self._objects.get(number)]

    def mark_changed(self, number: int) -> None:
        """Write a trial with the next transaction, whatever it is."""
        self._objects.pop(number, None)

    def changed_attrs(self) -> dict[str, dict[str, Any]]:
        """Return the attributes of the study in memory that differ from the database: `{"user": {...}, …}`."""
        current = {
            "user": self.storage.get_study_user_attrs(self._study_id),
            "system": self.storage.get_study_system_attrs(self._study_id),
        }
        changed = {}
        for kind, values in current.items():
            before = self._attrs[kind]
            fresh = {key: value for key, value in values.items() if key not in before or before[key] != value}
            if fresh:
                changed[kind] = fresh
        return changed

    def pull_attrs(self, stored: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over the attributes of the database, except those that were changed in memory."""
        unwritten = self.changed_attrs()
        for kind, values in stored.items():
            for key, value in values.items():
                if key not in unwritten.get(kind, {}):
                    self._setter(kind)(self._study_id, key, value)
            self._attrs[kind] = dict(values)

    def set_attrs(self, attrs: Mapping[str, Mapping[str, Any]]) -> None:
        """Set attributes that the database holds now."""
        for kind, values in attrs.items():
            for key, value in values.items():
                self._setter(kind)(self._study_id, key, value)
                self._attrs[kind][key] = value

    def apply_remote(self, trial: FrozenTrial) -> FrozenTrial | None:
        """Put a trial of the database into memory.

        Returns:
            What it was before; None for a new one.

        Raises:
            StorageError: The numbers of the study's trials have gaps or duplicates.
        """
        number, count = trial.number, self.storage.count(self._study_id)
        known = number in self.ids
        if number > count or (number < count and not known) or self.ids.get(number, trial._trial_id) != trial._trial_id:
            raise StorageError(
                f"The trials of a study must be numbered from 0 without gaps, but those of {self.name!r} are not: "
                "another program has written to it as well. Run the study under another name: --fork NEW_NAME."
            )
        before = self.get_trial(number) if known else None
        self.ids[number] = trial._trial_id
        self.last_id = max(self.last_id, trial._trial_id)
        self._count = max(self._count, number + 1)
        self._remember(self.put(trial), trial)
        return before

    def commit(self, diff: TrialDiff, held: FrozenTrial | None) -> FrozenTrial | None:
        """Note that a trial was written.

        Args:
            diff: What was written.
            held: The object in memory that it was read from; None if the transaction itself made the change.

        Returns:
            The trial in memory before, if the transaction made the change and the trial is not new; else None.
        """
        number, before = diff.new.number, None
        if held is None:
            before = self.get_trial(number) if number in self.db_state else None
            held = self.put(diff.new)
        (self.owned.add if diff.owner else self.owned.discard)(number)
        self._remember(held, diff.new)
        return before

    def end_commit(self, new_ids: Mapping[int, int], revision: int) -> None:
        """Note the ids of the trials that a transaction has inserted, and its number."""
        self.ids.update(new_ids)
        self.last_id = max([self.last_id, *new_ids.values()])
        self._count = self.storage.count(self._study_id)
        self.revision = revision

    def _remember(self, held: FrozenTrial, stored: FrozenTrial) -> None:
        number = stored.number
        if stored.state.is_finished():  # it does not change any more
            self.owned.discard(number)
            self._objects.pop(number, None)
            self.db_state.pop(number, None)
        else:
            self._objects[number], self.db_state[number] = held, stored

    def _setter(self, kind: str) -> Callable[[int, str, Any], None]:
        return self.storage.set_study_user_attr if kind == "user" else self.storage.set_study_system_attr
