"""One study, open for running: Optuna works in memory, and what changed is written in one transaction.

The coordinator is the only writer of a study (its lease says so).  So Optuna's own `InMemoryStorage` can answer
the sampler and the pruner without reading the database, and `flush` writes the difference.  Measured with
plain Optuna on SQLite: asking `should_prune` at each step, which re-reads every running trial, brings 31
trials a second down to 6.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from tuner.errors import StorageError
from tuner.storage import lease as leases
from tuner.storage import tables
from tuner.storage.batch import Change, Rows, write
from tuner.storage.database import Database, storage_errors

if TYPE_CHECKING:
    from optuna.study import StudyDirection

_RUNG_PREFIX = "completed_rung_"
"""Attributes of Optuna's successive halving: marks of rungs that a trial has passed."""


class StudyStore:
    """A study of a database, held by this process until `close`.

    Attributes:
        memory: Optuna's storage in memory: give it to `optuna.load_study` together with `name`.
        name: The study.
        requeued: Numbers of the trials that a dead process had left running; they wait to be run again.
    """

    def __init__(self, database: Database, name: str, direction: str) -> None:
        """Open the study, or make it.

        Raises:
            StudyBusyError: Another process runs it.
            StorageError: The database cannot be used.
        """
        self.database, self.name, self.memory = database, name, InMemoryStorage()
        with storage_errors(database.url), _quiet():
            self._study_id = _study_id(database, name, direction)
            self._lease = leases.claim(database.engine, self._study_id, name)
            try:
                self._load()
            except BaseException:
                leases.release(database.engine, self._lease)
                raise

    def study(self, **options: Any) -> optuna.Study:
        """Optuna's study over the memory; `options` are `sampler` and `pruner`."""
        return optuna.load_study(study_name=self.name, storage=self.memory, **options)

    def add_recipe(self, number: int, recipe: Mapping[str, Any]) -> None:
        """Keep the recipe of a trial, to be written with the next `flush`."""
        self._rows.append(Rows(tables.recipes, number, [{"recipe": dict(recipe)}], replace=True))

    def add_epoch(self, number: int, record: Mapping[str, Any]) -> None:
        """Keep the record of one epoch, to be written with the next `flush`.  An epoch that is there is kept."""
        seen = self._epochs.setdefault(number, set())
        key = (record["fold"], record["epoch"])
        if key not in seen:
            seen.add(key)
            self._rows.append(Rows(tables.epochs, number, [_row(record)]))
            for probe in record.get("probes", ()):
                at = {"fold": record["fold"], "epoch": probe["epoch"]}
                self._rows.append(Rows(tables.probes, number, [{**at, **_row(probe)}]))
                found = [{**at, "position": i, **_row(layer)} for i, layer in enumerate(probe["layers"])]
                self._rows.append(Rows(tables.layers, number, found))

    def add_verdicts(self, number: int, findings: Sequence[Mapping[str, Any]]) -> None:
        """Keep what was found of the health of a trial, the verdict first, to be written with the next `flush`."""
        rows = [{"position": position, **_row(finding)} for position, finding in enumerate(findings)]
        self._rows.append(Rows(tables.verdicts, number, rows))

    def flush(self) -> None:
        """Write everything that changed, in one transaction.

        Raises:
            StorageError: Nothing was written; the next `flush` tries everything again.
        """
        changes, current = [], self.memory.get_all_trials(self._memory_id, deepcopy=False)
        for number in [*sorted(self._open), *range(self._known, len(current))]:
            trial = current[number]
            if trial is not self._seen.get(number):
                changes.append(Change(self._written.get(number), trial, self._ids.get(number)))
        attrs = self._changed_attrs()
        if not changes and not self._rows and not attrs:
            return
        with storage_errors(self.database.url):
            new_ids = write(self.database.engine, self._lease, changes, self._merged_rows(), self._ids, attrs)
        self._ids.update(new_ids)
        self._rows.clear()
        self._attrs = self._study_attrs()
        for change in changes:
            self._remember(change.new)
        self._known = len(current)

    def requeue(self, numbers: Sequence[int]) -> None:
        """Put running trials back into the queue of the database, without their reports.  Only before `close`."""
        self.flush()
        known = [number for number in numbers if number in self._ids]
        changes = [Change(self._written[n], _waiting(self._written[n]), self._ids[n]) for n in known]
        rows = [rows for number in known for rows in _nothing(number)]
        if changes:
            with storage_errors(self.database.url):
                write(self.database.engine, self._lease, changes, rows, self._ids, {})

    def restart(self, number: int) -> int:
        """Forget what a running trial has reported: it is trained again from its beginning.

        Returns:
            Its id in `memory`: an `optuna.Trial` remembers reports, so a new one is needed.
        """
        trial_id = self.memory.get_trial_id_from_study_id_trial_number(self._memory_id, number)
        trial, fresh = self.memory.get_trial(trial_id), _waiting(self.memory.get_trial(trial_id))
        trial.intermediate_values, trial.system_attrs = fresh.intermediate_values, fresh.system_attrs
        self._seen.pop(number, None)
        self._epochs.pop(number, None)
        self._rows = [entry for entry in self._rows if entry.number != number or entry.table not in tables.OF_A_RUN]
        self._rows += _nothing(number)
        return trial_id

    def keep_alive(self) -> None:
        """Say to other processes that this one still runs the study; every `flush` that writes says it too."""
        with storage_errors(self.database.url), self.database.engine.begin() as connection:
            leases.renew(connection, self._lease)

    def close(self) -> None:
        """Give the study back."""
        with storage_errors(self.database.url):
            leases.release(self.database.engine, self._lease)

    def _load(self) -> None:
        """Bring the study into memory; what a dead process left running waits again, with its parameters."""
        backend = self.database.optuna
        frozen = next(s for s in backend.get_all_studies() if s._study_id == self._study_id)
        self._memory_id = self.memory.create_new_study(frozen.directions, self.name)
        for key, value in frozen.user_attrs.items():
            self.memory.set_study_user_attr(self._memory_id, key, value)
        for key, value in frozen.system_attrs.items():
            self.memory.set_study_system_attr(self._memory_id, key, value)
        self._attrs = self._study_attrs()
        self._ids: dict[int, int] = {}
        self._seen: dict[int, FrozenTrial] = {}  # the very object that memory held at the last flush
        self._written: dict[int, FrozenTrial] = {}  # what the database holds
        self._open: set[int] = set()
        self._epochs: dict[int, set[tuple[int, int]]] = {}
        self._rows: list[Rows] = []
        self.requeued: list[int] = []
        trials = backend.get_all_trials(self._study_id, deepcopy=False)
        if [trial.number for trial in trials] != list(range(len(trials))):
            raise StorageError(
                f"The trials of a study must be numbered from 0 without gaps, but those of {self.name!r} are not: "
                "another program has written to it as well. Run the study under another name: --fork NEW_NAME."
            )
        for trial in trials:
            self._ids[trial.number] = trial._trial_id
            template = trial
            if trial.state == TrialState.RUNNING:
                template = _waiting(trial)
                self.requeued.append(trial.number)
                self._rows += _nothing(trial.number)
            self.memory.create_new_trial(self._memory_id, template_trial=template)
            self._written[trial.number] = trial
            if not trial.state.is_finished():
                self._open.add(trial.number)
        self._known = len(trials)
        for number in set(self._ids) - self._open:
            del self._written[number]  # a finished trial does not change any more
        self.flush()

    def _remember(self, trial: FrozenTrial) -> None:
        if trial.state.is_finished():
            self._open.discard(trial.number)
            for by_number in (self._seen, self._written, self._epochs):
                by_number.pop(trial.number, None)
        else:
            self._open.add(trial.number)
            self._seen[trial.number] = trial
            self._written[trial.number] = _snapshot(trial)

    def _merged_rows(self) -> list[Rows]:
        """The rows of one trial in one table as one insert."""
        merged: dict[tuple[str, int], Rows] = {}
        for entry in self._rows:
            key = (entry.table.name, entry.number)
            last = merged.get(key)
            if last is None or entry.replace:
                merged[key] = entry
            else:
                merged[key] = Rows(last.table, last.number, [*last.rows, *entry.rows], last.replace)
        return list(merged.values())

    def _study_attrs(self) -> dict[str, dict[str, Any]]:
        return {
            "user": dict(self.memory.get_study_user_attrs(self._memory_id)),
            "system": dict(self.memory.get_study_system_attrs(self._memory_id)),
        }

    def _changed_attrs(self) -> dict[str, dict[str, Any]]:
        changed = {}
        for kind, values in self._study_attrs().items():
            before = self._attrs[kind]
            fresh = {key: value for key, value in values.items() if key not in before or before[key] != value}
            if fresh:
                changed[kind] = fresh
        return changed


def _study_id(database: Database, name: str, direction: str) -> int:
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    backend = database.optuna
    directions: list[StudyDirection] = [StudyDirection[direction.upper()]]
    try:
        return backend.get_study_id_from_name(name)
    except KeyError:
        pass
    began = leases.now()
    try:
        study_id = backend.create_new_study(directions, name)
    except DuplicatedStudyError:
        return backend.get_study_id_from_name(name)
    leases.forget(database.engine, study_id, began)
    return study_id


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves that Optuna makes a study in the database, and another one in memory."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _snapshot(trial: FrozenTrial) -> FrozenTrial:
    """A copy that stays as it is: memory replaces a trial when it changes, but `optuna.Trial` shares its dicts."""
    fresh = copy.copy(trial)
    fresh.params, fresh.distributions = dict(trial.params), dict(trial.distributions)
    fresh.user_attrs, fresh.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
    fresh.intermediate_values = dict(trial.intermediate_values)
    return fresh


def _waiting(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it was before it ran: number and parameters stay, what it reported goes."""
    fresh = copy.copy(trial)
    fresh.state, fresh.datetime_start, fresh.intermediate_values = TrialState.WAITING, None, {}
    fresh.system_attrs = {k: v for k, v in trial.system_attrs.items() if not k.startswith(_RUNG_PREFIX)}
    return fresh


def _nothing(number: int) -> list[Rows]:
    """Rows that take away what an earlier run of a trial has left."""
    return [Rows(table, number, [], replace=True) for table in tables.OF_A_RUN]


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a record: what is no list."""
    return {name: _finite(value) for name, value in record.items() if not isinstance(value, list | tuple)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
