"""Queries of a study, whether a process runs it or not; in plain SQL, as `optuna_reader` says."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tuner.engines import EpochRecord
from tuner.errors import StudyNotFoundError, UsageError, nearest
from tuner.health import Finding, LayerHealth, Probe
from tuner.search import StoredTrial
from tuner.storage import optuna_reader
from tuner.storage.database import Database
from tuner.storage.lease import CLOCKS, Lease, is_alive
from tuner.storage.optuna_reader import OptunaStudy, in_list
from tuner.storage.read_snapshot import DatabaseSnapshot
from tuner.storage.stored_value_validation import COLUMNS, checked_row, parse_study, stored_values
from tuner.storage.study_attributes import StudyAttributes
from tuner.storage.table_version import stored_name

_OF_STUDY = "JOIN trials t ON t.trial_id = p.trial_id WHERE t.study_id = :study"


@dataclass(frozen=True)
class StudyRecord:
    """A study as the database holds it.

    Attributes:
        study_id: Optuna's id.
        name: Its name.
        direction: "maximize" or "minimize".
        attrs: Its user attributes.
        trials: All trials by number.
        alive: Whether a process runs it now.
    """

    study_id: int
    name: str
    direction: str
    attrs: StudyAttributes
    trials: tuple[StoredTrial, ...]
    alive: bool


def read_study_outlines(database: Database) -> list[StudyRecord]:
    """Read all studies with one objective, sorted by name; plain Optuna makes some with several.

    Their trials have numbers, states, values and outcomes only: a few queries for all studies.
    """
    with stored_values(database.url):
        with database.reading() as query:
            trials = optuna_reader.read_outcomes(query)
            studies = [study for study in optuna_reader.read_studies(query) if len(study.directions) == 1]
            attrs, alive = _attrs_and_life(database, query, studies)
        return [_record(study, attrs, trials.get(study.study_id, []), alive) for study in studies]


def read_last_changes(database: Database) -> dict[int, datetime]:
    """Read when a trial of each study began or ended last, by Optuna's id, with a time zone; without empty studies."""
    with stored_values(database.url), database.reading() as query:
        return optuna_reader.read_last_times(query)


def study_names(database: Database) -> list[str]:
    """Return the names of all studies with one objective, sorted; plain Optuna makes some with several."""
    with stored_values(database.url), database.reading() as query:
        return [study.name for study in optuna_reader.read_studies(query) if len(study.directions) == 1]


def read_study_record(database: Database, name: str) -> StudyRecord:
    """Read the study of this name with all its trials.

    Raises:
        StudyNotFoundError: It does not exist; the message names the nearest.
        UsageError: It has several objectives.
    """
    with stored_values(database.url), database.reading() as query:
        study = _find(query, name)
        trials = optuna_reader.read_trials(query, study.study_id)
        attrs, alive = _attrs_and_life(database, query, [study])
        return _record(study, attrs, trials, alive)


def find_study(database: Database, name: str) -> OptunaStudy:
    """Find the study of this name, whose trials and attributes may be damaged.

    Raises:
        StudyNotFoundError, UsageError: As for `read_study_record`.
    """
    with stored_values(database.url), database.reading() as query:
        return _find(query, name)


def is_running(database: Database, study_id: int) -> bool:
    """Return whether a process runs a study now, as far as that can be known."""
    with stored_values(database.url), database.reading() as query:
        return study_id in _alive(database, query, [study_id])


def count_trials(database: Database, study_id: int) -> int:
    """Count all trials of a study, which may be damaged."""
    with stored_values(database.url), database.reading() as query:
        return int(query("SELECT COUNT(*) FROM trials t WHERE t.study_id = :study", study=study_id)[0][0])


def _find(query: DatabaseSnapshot, name: str) -> OptunaStudy:
    studies = {study.name: study for study in optuna_reader.read_studies(query)}
    if name not in studies:
        near = nearest(name, studies)
        hint = f" Did you mean {near!r}?" if near else ""
        known = ", ".join(studies) or "none"
        raise StudyNotFoundError(f"There is no study {name!r} in the database.{hint} It holds: {known}.")
    study = studies[name]
    if len(study.directions) > 1:
        raise UsageError(
            f"A study of keras-studies has one objective, but {name!r} has {len(study.directions)}: plain Optuna "
            "made it. Look at it with `tuner dashboard`."
        )
    return study


def _attrs_and_life(
    database: Database, query: DatabaseSnapshot, studies: Iterable[OptunaStudy]
) -> tuple[dict[int, dict[str, Any]], set[int]]:
    """Read the attributes of studies, by Optuna's id, and the ids of those that a process runs now."""
    study_ids = [study.study_id for study in studies]
    return optuna_reader.read_study_attrs(query, study_ids), _alive(database, query, study_ids)


def _record(
    study: OptunaStudy, attrs: Mapping[int, dict[str, Any]], trials: Sequence[StoredTrial], alive: Container[int]
) -> StudyRecord:
    return StudyRecord(
        study_id=study.study_id,
        name=study.name,
        direction=study.directions[0],
        attrs=parse_study(study.name, attrs[study.study_id], trials),
        trials=tuple(trials),
        alive=study.study_id in alive,
    )


def _alive(database: Database, query: DatabaseSnapshot, study_ids: Iterable[int]) -> set[int]:
    """Return which of these studies a process runs now, as far as that can be known."""
    rows = _select(database, query, "tuner_owners", f"WHERE p.study_id {in_list(study_ids)}")
    if not rows:
        return set()
    clock = CLOCKS.get(database.dialect)
    now = int(time.time() if clock is None else query(f"SELECT {clock}")[0][0])
    return {lease.study_id for lease in (Lease(**row) for row in rows) if is_alive(lease, now)}


def read_recipe(database: Database, trial_id: int) -> dict[str, Any] | None:
    """Read the recipe of a trial, or None for a trial of plain Optuna."""
    return read_recipes(database, [trial_id]).get(trial_id)


def read_recipes(database: Database, trial_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Read the recipes of these trials by their ids, without trials of plain Optuna."""
    return {row["trial_id"]: row["recipe"] for row in _rows(database, "tuner_recipes", _of_trials(trial_ids))}


def read_epochs(database: Database, trial_ids: Sequence[int]) -> dict[int, list[EpochRecord]]:
    """Read every epoch of these trials by Optuna's trial id, in order, without its probes.

    A number that was not finite is NaN.
    """
    found: dict[int, list[EpochRecord]] = defaultdict(list)
    for row in _rows(database, "tuner_epochs", f"{_of_trials(trial_ids)} ORDER BY p.trial_id, p.fold, p.epoch"):
        record: dict[str, Any] = {name: math.nan if value is None else value for name, value in row.items()}
        found[record.pop("trial_id")].append(EpochRecord(**record))
    return dict(found)


def epochs_run(database: Database, study_id: int) -> dict[int, int]:
    """Count the epochs that each trial of a study has trained, by Optuna's trial id."""
    with stored_values(database.url), database.reading() as query:
        if not database.has(query, "tuner_epochs"):
            return {}
        rows = query(f"SELECT p.trial_id, COUNT(*) FROM tuner_epochs p {_OF_STUDY} GROUP BY p.trial_id", study=study_id)
        return {int(trial_id): int(number) for trial_id, number in rows}


def read_probes(database: Database, trial_ids: Sequence[int]) -> dict[int, dict[int, list[Probe]]]:
    """Read every probe of these trials by Optuna's trial id and fold, in order.

    A loss that was not finite is NaN; a number of a layer is None if it was not finite or not measured.
    """
    where, order = _of_trials(trial_ids), "ORDER BY p.trial_id, p.fold, p.epoch"
    layers: dict[tuple[int, int, int], list[LayerHealth]] = defaultdict(list)
    with stored_values(database.url), database.reading() as query:
        of_layers = _select(database, query, "tuner_layers", f"{where} {order}, p.position")
        probes = _select(database, query, "tuner_probes", f"{where} {order}")
    for row in of_layers:
        values = {field.name: row[field.name] for field in dataclasses.fields(LayerHealth)}
        layers[row["trial_id"], row["fold"], row["epoch"]].append(LayerHealth(**values))
    found: dict[int, dict[int, list[Probe]]] = defaultdict(lambda: defaultdict(list))
    for row in probes:
        loss = math.nan if row["loss"] is None else row["loss"]
        key = (row["trial_id"], row["fold"], row["epoch"])
        probe = Probe(row["epoch"], loss, tuple(layers.get(key, ())), row["constant_loss"])
        found[row["trial_id"]][row["fold"]].append(probe)
    return found


def read_verdicts(database: Database, study_id: int) -> dict[int, list[Finding]]:
    """Read what was found of the health of each trial of a study, by Optuna's trial id; the verdict first."""
    found: dict[int, list[Finding]] = defaultdict(list)
    for row in _rows(database, "tuner_verdicts", f"{_OF_STUDY} ORDER BY p.trial_id, p.position", study=study_id):
        values = {field.name: row[field.name] for field in dataclasses.fields(Finding)}
        found[row["trial_id"]].append(Finding(**values))
    return dict(found)


def _columns(database: Database, table: str, names: Iterable[str]) -> str:
    """Return columns of a table of ours as its version has them, for a SELECT, quoted: `transaction`, `update`."""
    mark = '"' if database.dialect == "postgresql" else "`"
    return ", ".join(f"p.{mark}{stored_name(table, name, database.version)}{mark}" for name in names)


def _of_trials(trial_ids: Iterable[int]) -> str:
    return f"WHERE p.trial_id {in_list(trial_ids)}"


def _rows(database: Database, table: str, where: str, **values: Any) -> list[dict[str, Any]]:
    """Read rows of a table of ours in a snapshot of its own."""
    with stored_values(database.url), database.reading() as query:
        return _select(database, query, table, where, **values)


def _select(database: Database, query: DatabaseSnapshot, table: str, where: str, **values: Any) -> list[dict[str, Any]]:
    """Return rows of a table of ours, by the present names of its columns; none if the database is without it."""
    if not database.has(query, table):
        return []
    kinds = COLUMNS[table]
    found = query(f"SELECT {_columns(database, table, kinds)} FROM {table} p {where}", **values)
    return [checked_row(table, dict(zip(kinds, row, strict=True))) for row in found]
