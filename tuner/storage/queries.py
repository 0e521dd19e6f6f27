"""Queries of a study, whether a process runs it or not."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial
from sqlalchemy import func, select

from tuner.engines import EpochRecord
from tuner.errors import StudyNotFoundError, UsageError, nearest
from tuner.health import Finding, LayerHealth, Probe
from tuner.optuna_internals import TrialModel, TrialUserAttributeModel, TrialValueModel
from tuner.search import OUTCOME
from tuner.storage import coordinator_leases, tables
from tuner.storage.database import Database
from tuner.storage.migrations import as_stored
from tuner.storage.stored_value_validation import check_rows, parse_study, stored_values
from tuner.storage.study_attributes import StudyAttributes

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Select, Table


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
    trials: tuple[FrozenTrial, ...]
    alive: bool


def read_study_outlines(database: Database) -> list[StudyRecord]:
    """Read all studies with one objective, sorted by name; plain Optuna makes some with several.

    Their trials have numbers, states, values and outcomes only: a few queries for all studies.
    """
    with stored_values(database.url):
        trials = _read_outcomes(database)
        studies = [study for study in database.optuna.get_all_studies() if len(study.directions) == 1]
        return [
            StudyRecord(
                study_id=study._study_id,
                name=study.study_name,
                direction=study.directions[0].name.lower(),
                attrs=parse_study(study.study_name, study.user_attrs, trials[study._study_id]),
                trials=tuple(trials[study._study_id]),
                alive=any(trial.state.name == "RUNNING" for trial in trials[study._study_id])
                and _is_alive(database, study._study_id),
            )
            for study in sorted(studies, key=lambda study: study.study_name)
        ]


def read_last_changes(database: Database) -> dict[int, datetime]:
    """Read when a trial of each study began or ended last, by Optuna's id, with a time zone; without empty studies."""
    trials = TrialModel.__table__.c  # its attributes of these names are converted for one trial, and no columns
    last = func.max(func.coalesce(trials.datetime_complete, trials.datetime_start))
    with database.engine.connect() as connection:
        rows = connection.execute(select(trials.study_id, last).group_by(trials.study_id))
        return {study_id: when.replace(tzinfo=UTC).astimezone() for study_id, when in rows if when is not None}


def _read_outcomes(database: Database) -> dict[int, list[FrozenTrial]]:
    """Read number, state, value and outcome of every trial, by Optuna's id of its study, in order."""
    trial, stored, outcome = TrialModel, TrialValueModel, TrialUserAttributeModel
    query = (
        select(
            *(trial.study_id, trial.trial_id, trial.number, trial.state),
            *(stored.value, stored.value_type, outcome.value_json),
        )
        .outerjoin(stored, (stored.trial_id == trial.trial_id) & (stored.objective == 0))
        .outerjoin(outcome, (outcome.trial_id == trial.trial_id) & (outcome.key == OUTCOME))
        .order_by(trial.study_id, trial.number)
    )
    found: dict[int, list[FrozenTrial]] = defaultdict(list)
    with database.engine.connect() as connection:
        for study_id, trial_id, number, state, value, kind, said in connection.execute(query):
            known = None if kind is None else stored.stored_repr_to_value(value, kind)
            attrs = {} if said is None else {OUTCOME: json.loads(said)}
            found[study_id].append(FrozenTrial(number, state, known, None, None, {}, {}, attrs, {}, {}, trial_id))
    return found


def study_names(database: Database) -> list[str]:
    """Return the names of all studies with one objective, sorted; plain Optuna makes some with several."""
    with stored_values(database.url):
        return sorted(study.study_name for study in database.optuna.get_all_studies() if len(study.directions) == 1)


def read_study_record(database: Database, name: str) -> StudyRecord:
    """Read the study of this name with all its trials.

    Raises:
        StudyNotFoundError: It does not exist; the message names the nearest.
        UsageError: It has several objectives.
    """
    with stored_values(database.url):
        studies = {study.study_name: study for study in database.optuna.get_all_studies()}
        if name not in studies:
            near = nearest(name, studies)
            hint = f" Did you mean {near!r}?" if near else ""
            known = ", ".join(sorted(studies)) or "none"
            raise StudyNotFoundError(f"There is no study {name!r} in the database.{hint} It holds: {known}.")
        frozen = studies[name]
        if len(frozen.directions) > 1:
            raise UsageError(
                f"A study of keras-studies has one objective, but {name!r} has {len(frozen.directions)}: plain Optuna "
                "made it. Look at it with `tuner dashboard`."
            )
        trials = tuple(database.optuna.get_all_trials(frozen._study_id, deepcopy=False))
        return StudyRecord(
            study_id=frozen._study_id,
            name=name,
            direction=frozen.directions[0].name.lower(),
            attrs=parse_study(name, frozen.user_attrs, trials),
            trials=trials,
            alive=_is_alive(database, frozen._study_id),
        )


def _is_alive(database: Database, study_id: int) -> bool:
    owners = tables.owners
    return database.has(owners) and coordinator_leases.is_running(
        database.engine, study_id, _as_stored(database, owners)
    )


def read_recipe(database: Database, trial_id: int) -> dict[str, Any] | None:
    """Read the recipe of a trial, or None for a trial of plain Optuna."""
    return read_recipes(database, [trial_id]).get(trial_id)


def read_recipes(database: Database, trial_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Read the recipes of these trials by their ids, without trials of plain Optuna."""
    recipes = tables.recipes
    query = select(recipes.c.trial_id, recipes.c.recipe).where(recipes.c.trial_id.in_(trial_ids))
    return {int(row["trial_id"]): row["recipe"] for row in _rows(database, recipes, query)}


def read_epochs(database: Database, trial_ids: Sequence[int]) -> dict[int, list[EpochRecord]]:
    """Read every epoch of these trials by Optuna's trial id, in order, without its probes.

    A number that was not finite is NaN.
    """
    found: dict[int, list[EpochRecord]] = defaultdict(list)
    for row in _trial_rows(database, tables.epochs, trial_ids):
        record: dict[str, Any] = {name: math.nan if value is None else value for name, value in row.items()}
        found[record.pop("trial_id")].append(EpochRecord(**record))
    return dict(found)


def epochs_run(database: Database, study_id: int) -> dict[int, int]:
    """Count the epochs that each trial of a study has trained, by Optuna's trial id."""
    from sqlalchemy import func

    query = (
        select(tables.epochs.c.trial_id, func.count().label("count"))
        .join(TrialModel, TrialModel.trial_id == tables.epochs.c.trial_id)
        .where(TrialModel.study_id == study_id)
        .group_by(tables.epochs.c.trial_id)
    )
    return {int(row["trial_id"]): int(row["count"]) for row in _rows(database, tables.epochs, query)}


def read_probes(database: Database, trial_ids: Sequence[int]) -> dict[int, dict[int, list[Probe]]]:
    """Read every probe of these trials by Optuna's trial id and fold, in order.

    A loss that was not finite is NaN; a number of a layer is None if it was not finite or not measured.
    """
    layers: dict[tuple[int, int, int], list[LayerHealth]] = defaultdict(list)
    for row in _trial_rows(database, tables.layers, trial_ids, "position"):
        values = {field.name: row[field.name] for field in dataclasses.fields(LayerHealth)}
        layers[row["trial_id"], row["fold"], row["epoch"]].append(LayerHealth(**values))
    found: dict[int, dict[int, list[Probe]]] = defaultdict(lambda: defaultdict(list))
    for row in _trial_rows(database, tables.probes, trial_ids):
        loss = math.nan if row["loss"] is None else row["loss"]
        key = (row["trial_id"], row["fold"], row["epoch"])
        probe = Probe(row["epoch"], loss, tuple(layers.get(key, ())), row["constant_loss"])
        found[row["trial_id"]][row["fold"]].append(probe)
    return found


def read_verdicts(database: Database, study_id: int) -> dict[int, list[Finding]]:
    """Read what was found of the health of each trial of a study, by Optuna's trial id; the verdict first."""
    table = _as_stored(database, tables.verdicts)
    query = (
        select(*(column.label(column.key) for column in table.c))
        .join(TrialModel, TrialModel.trial_id == table.c.trial_id)
        .where(TrialModel.study_id == study_id)
        .order_by(table.c.trial_id, table.c.position)
    )
    found: dict[int, list[Finding]] = defaultdict(list)
    for row in _rows(database, tables.verdicts, query):
        values = {field.name: row[field.name] for field in dataclasses.fields(Finding)}
        found[row["trial_id"]].append(Finding(**values))
    return dict(found)


def _trial_rows(database: Database, table: Table, trial_ids: Sequence[int], *order: str) -> Sequence[RowMapping]:
    """Read the rows of trials from a table with a fold and an epoch, in order, under the present names of columns."""
    stored = _as_stored(database, table)
    query = select(*(column.label(column.key) for column in stored.c)).where(stored.c.trial_id.in_(trial_ids))
    return _rows(database, table, query.order_by(*(stored.c[name] for name in ("trial_id", "fold", "epoch", *order))))


def _as_stored(database: Database, table: Table) -> Table:
    """Return a table of ours as the database has it."""
    return table if database.version is None else as_stored(table, database.version)


def _rows(database: Database, table: Table, query: Select[Any]) -> Sequence[RowMapping]:
    """Return what a query of a table of ours finds; nothing if the database is without it."""
    with stored_values(database.url):
        if not database.has(table):
            return []
        with database.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        check_rows(table, rows)
        return rows
