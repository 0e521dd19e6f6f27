"""Read Optuna's tables in plain SQL.

Optuna's own storage gives the same, but imports Optuna and the ORM of SQLAlchemy first: half of the CPU time of
`tuner list`.  Only a SQLite file is read without these imports: any other database is connected to by Optuna's storage.
A test compares what is read with what Optuna reads.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from tuner.search import OUTCOME, StoredDistribution, StoredState, StoredTrial

Query: TypeAlias = Callable[..., Sequence[Sequence[Any]]]
"""Runs a SELECT with named values, `:name`, and returns its rows.

A column follows its table and a period, for which even a reserved word (`key`) is allowed everywhere.
"""

_DIRECTIONS = {"MINIMIZE": "minimize", "MAXIMIZE": "maximize", "NOT_SET": "not_set"}
_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


@dataclass(frozen=True)
class OptunaStudy:
    """A study.

    Attributes:
        study_id: Optuna's id.
        name: Its name.
        directions: "minimize" or "maximize", one for each objective.
    """

    study_id: int
    name: str
    directions: tuple[str, ...]


def read_studies(query: Query) -> list[OptunaStudy]:
    """Read all studies, sorted by name.

    Raises:
        ValueError, LookupError: One has no direction, or an unknown one.
    """
    directions: dict[tuple[int, str], list[str]] = defaultdict(list)
    for study_id, name, direction in query(
        "SELECT s.study_id, s.study_name, d.direction FROM studies s "
        "LEFT JOIN study_directions d ON d.study_id = s.study_id ORDER BY s.study_id, d.objective"
    ):
        if direction is None:
            raise ValueError(f"study {name!r} has no direction")
        directions[study_id, name].append(_DIRECTIONS[direction])
    found = [OptunaStudy(study_id, name, tuple(each)) for (study_id, name), each in directions.items()]
    return sorted(found, key=lambda study: study.name)


def read_study_attrs(query: Query, study_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Read the user attributes of these studies, by Optuna's id of the study."""
    found: dict[int, dict[str, Any]] = {study_id: {} for study_id in study_ids}
    for study_id, key, text in query(
        f"SELECT a.study_id, a.key, a.value_json FROM study_user_attributes a WHERE a.study_id {in_list(found)}"
    ):
        found[study_id][key] = json.loads(text)
    return found


def in_list(ids: Iterable[int]) -> str:
    """Return SQL that selects these ids, to follow the name of a column."""
    return f"IN ({', '.join(str(int(one)) for one in ids) or 'NULL'})"


def read_outcomes(query: Query) -> dict[int, list[StoredTrial]]:
    """Read number, state, value and outcome of every trial, by Optuna's id of its study, in order."""
    rows = query(
        "SELECT t.study_id, t.trial_id, t.number, t.state, v.value, v.value_type, a.value_json FROM trials t "
        "LEFT JOIN trial_values v ON v.trial_id = t.trial_id AND v.objective = 0 "
        "LEFT JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = :outcome "
        "ORDER BY t.study_id, t.number",
        outcome=OUTCOME,
    )
    found: dict[int, list[StoredTrial]] = defaultdict(list)
    for study_id, trial_id, number, state, value, kind, said in rows:
        known = None if kind is None else _number(value, kind)
        attrs = {} if said is None else {OUTCOME: json.loads(said)}
        found[study_id].append(StoredTrial(number, trial_id, StoredState[state], known, {}, {}, attrs, {}))
    return found


def read_trials(query: Query, study_id: int) -> list[StoredTrial]:
    """Read the trials of a study with one objective, in order."""

    def parts(columns: str, table: str, order: str) -> dict[int, list[Sequence[Any]]]:
        """Read rows of all trials from a table, by Optuna's id of the trial."""
        rows = query(
            f"SELECT p.trial_id, {columns} FROM {table} p JOIN trials t ON t.trial_id = p.trial_id "
            f"WHERE t.study_id = :study ORDER BY p.{order}",
            study=study_id,
        )
        found: dict[int, list[Sequence[Any]]] = defaultdict(list)
        for row in rows:
            found[row[0]].append(row[1:])
        return found

    distributions: dict[str, StoredDistribution] = {}  # a study has a few, and its trials repeat them

    def distribution(text: str) -> StoredDistribution:
        if text not in distributions:
            distributions[text] = StoredDistribution.from_json(text)
        return distributions[text]

    trials = query(
        "SELECT t.trial_id, t.number, t.state, t.datetime_start, t.datetime_complete FROM trials t "
        "WHERE t.study_id = :study ORDER BY t.number",
        study=study_id,
    )
    values = parts("p.value, p.value_type", "trial_values", "objective")
    params = parts("p.param_name, p.param_value, p.distribution_json", "trial_params", "param_id")
    attrs = parts("p.key, p.value_json", "trial_user_attributes", "trial_user_attribute_id")
    reports = parts(
        "p.step, p.intermediate_value, p.intermediate_value_type",
        "trial_intermediate_values",
        "trial_intermediate_value_id",
    )
    found = []
    for trial_id, number, state, began, ended in trials:
        kinds = {name: distribution(text) for name, _, text in params[trial_id]}
        found.append(
            StoredTrial(
                number=number,
                trial_id=trial_id,
                state=StoredState[state],
                value=next((_number(*row) for row in values[trial_id]), None),
                params={name: kinds[name].value(stored) for name, stored, _ in params[trial_id]},
                distributions=kinds,
                user_attrs={key: json.loads(text) for key, text in attrs[trial_id]},
                intermediate_values={step: _number(value, kind) for step, value, kind in reports[trial_id]},
                datetime_start=_local_time(began),
                datetime_complete=_local_time(ended),
            )
        )
    return found


def read_last_times(query: Query) -> dict[int, datetime]:
    """Read when a trial of each study began or ended last, by Optuna's id, without empty studies."""
    rows: Iterable[Sequence[Any]] = query(
        "SELECT t.study_id, MAX(COALESCE(t.datetime_complete, t.datetime_start)) FROM trials t GROUP BY t.study_id"
    )
    return {study_id: when for study_id, stored in rows if (when := _local_time(stored)) is not None}


def _local_time(stored: datetime | str | None) -> datetime | None:
    """Return a stored time, naive and in UTC, with the local time zone.

    Raises:
        ValueError: It is not one: SQLite stores any text.
    """
    if stored is None:
        return None
    utc = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return utc.replace(tzinfo=UTC).astimezone()


def _number(value: float | None, kind: str) -> float:
    """Return a stored number; `kind` says what one is that is not finite."""
    if kind in _SPECIAL and value is None:
        return _SPECIAL[kind]
    if kind != "FINITE" or value is None:
        raise ValueError(f"{value} is not a number of kind {kind}")
    return value
