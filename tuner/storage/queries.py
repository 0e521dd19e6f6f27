"""Read a study without holding it: for show, best, list and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial
from sqlalchemy import select

from tuner.errors import StudyNotFoundError, UsageError, nearest
from tuner.storage import leases, tables
from tuner.storage.database import Database
from tuner.storage.migrations import as_stored
from tuner.storage.stored_value_validation import check_rows, check_study, stored_values

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Select, Table


@dataclass(frozen=True)
class StudyRecord:
    """A study as it lies in the database.

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
    attrs: dict[str, Any]
    trials: tuple[FrozenTrial, ...]
    alive: bool


def study_names(database: Database) -> list[str]:
    """Names of all studies with one objective, sorted.  Those of plain Optuna may have several; they are not ours."""
    with stored_values(database.url):
        return sorted(study.study_name for study in database.optuna.get_all_studies() if len(study.directions) == 1)


def read_study_record(database: Database, name: str) -> StudyRecord:
    """The study of this name with all its trials.

    Raises:
        StudyNotFoundError: There is none; the message names the nearest.
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
        check_study(name, frozen.user_attrs, trials)
        return StudyRecord(
            study_id=frozen._study_id,
            name=name,
            direction=frozen.directions[0].name.lower(),
            attrs=frozen.user_attrs,
            trials=trials,
            alive=database.has(tables.owners)
            and leases.is_running(database.engine, frozen._study_id, _as_stored(database, tables.owners)),
        )


def read_recipe(database: Database, trial_id: int) -> dict[str, Any] | None:
    """The recipe of a trial; None for a trial that no coordinator of ours has asked."""
    return read_recipes(database, [trial_id]).get(trial_id)


def read_recipes(database: Database, trial_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The recipes of these trials by their ids, as far as there are any."""
    recipes = tables.recipes
    query = select(recipes.c.trial_id, recipes.c.recipe).where(recipes.c.trial_id.in_(trial_ids))
    return {int(row["trial_id"]): row["recipe"] for row in _rows(database, recipes, query)}


def read_epochs(database: Database, trial_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The records of every epoch of these trials, in order."""
    query = (
        select(tables.epochs)
        .where(tables.epochs.c.trial_id.in_(trial_ids))
        .order_by(tables.epochs.c.trial_id, tables.epochs.c.fold, tables.epochs.c.epoch)
    )
    return [dict(row) for row in _rows(database, tables.epochs, query)]


def epochs_run(database: Database, study_id: int) -> dict[int, int]:
    """How many epochs each trial of a study has trained, by Optuna's trial id."""
    from optuna.storages._rdb import models
    from sqlalchemy import func

    query = (
        select(tables.epochs.c.trial_id, func.count().label("count"))
        .join(models.TrialModel, models.TrialModel.trial_id == tables.epochs.c.trial_id)
        .where(models.TrialModel.study_id == study_id)
        .group_by(tables.epochs.c.trial_id)
    )
    return {int(row["trial_id"]): int(row["count"]) for row in _rows(database, tables.epochs, query)}


def read_probes(database: Database, trial_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Every look at the health of these trials, in order.

    Returns:
        `{"trial_id", "fold", "epoch", "loss", "constant_loss", "layers"}`; `layers` from input to output, each
        `{"layer", "gradient_norm", "update_ratio", "dead_share", "saturated_share"}`; None if not measured or not
        finite.
    """
    probes = tables.probes
    keys = (probes.c.trial_id, probes.c.fold, probes.c.epoch)
    query = select(probes).where(keys[0].in_(trial_ids)).order_by(*keys)
    found = {
        (row["trial_id"], row["fold"], row["epoch"]): {**row, "layers": []} for row in _rows(database, probes, query)
    }
    layers = _as_stored(database, tables.layers)
    place = (layers.c.trial_id, layers.c.fold, layers.c.epoch, layers.c.position)
    query = select(*(column.label(column.key) for column in layers.c)).where(place[0].in_(trial_ids)).order_by(*place)
    for row in _rows(database, tables.layers, query):
        layer = {
            name: row[name] for name in ("layer", "gradient_norm", "update_ratio", "dead_share", "saturated_share")
        }
        probe = found.get((row["trial_id"], row["fold"], row["epoch"]))
        if probe is not None:  # a layer without a probe was not written by us
            probe["layers"].append(layer)
    return list(found.values())


def read_verdicts(database: Database, study_id: int) -> dict[int, list[dict[str, Any]]]:
    """What was found of the health of each trial of a study, by Optuna's trial id; the verdict first.

    Returns:
        For each trial that was judged a list of `{"verdict", "layer", "fold", "epoch", "value", "threshold", "text"}`.
    """
    from optuna.storages._rdb import models

    table = _as_stored(database, tables.verdicts)
    query = (
        select(*(column.label(column.key) for column in table.c))
        .join(models.TrialModel, models.TrialModel.trial_id == table.c.trial_id)
        .where(models.TrialModel.study_id == study_id)
        .order_by(table.c.trial_id, table.c.position)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in _rows(database, tables.verdicts, query):
        finding = {name: value for name, value in row.items() if name not in ("trial_id", "position")}
        found.setdefault(int(row["trial_id"]), []).append(finding)
    return found


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
