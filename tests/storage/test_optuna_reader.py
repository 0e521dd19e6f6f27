"""What is read in plain SQL is what Optuna reads, on both kinds of database."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, create_trial
from sqlalchemy import JSON, Float, Integer, String

from tuner.search import StoredDistribution, StoredTrial
from tuner.storage import Database, migrations, optuna_reader, read_study_outlines, study_names, table_version, tables
from tuner.storage.read_snapshot import DatabaseSnapshot
from tuner.storage.stored_value_validation import COLUMNS

KINDS = {
    "x": FloatDistribution(1e-4, 1.0, log=True),
    "n": IntDistribution(1, 9, step=2),
    "c": CategoricalDistribution(("a", True, None, 0.5)),
}


def as_stored(trial: FrozenTrial) -> StoredTrial:
    """A trial of Optuna as the reader returns it."""
    return StoredTrial(
        number=trial.number,
        trial_id=trial._trial_id,
        state=optuna_reader.StoredState[trial.state.name],
        value=trial.value,
        params=trial.params,
        distributions={
            name: StoredDistribution.from_json(optuna.distributions.distribution_to_json(kind))
            for name, kind in trial.distributions.items()
        },
        user_attrs=trial.user_attrs,
        intermediate_values=trial.intermediate_values,
        datetime_start=None if trial.datetime_start is None else trial.datetime_start.astimezone(),
        datetime_complete=None if trial.datetime_complete is None else trial.datetime_complete.astimezone(),
    )


def fill(database: Database) -> optuna.Study:
    """A study with a trial of each state, numbers that are not finite, and another study beside it."""
    other = optuna.create_study(study_name="b", storage=database.optuna, directions=["minimize", "maximize"])
    other.enqueue_trial({})
    study = optuna.create_study(study_name="a", storage=database.optuna, direction="maximize")
    study.set_user_attr("text", {"ä": [1, None]})
    setting: dict[str, Any] = {"x": 0.1, "n": 3, "c": None}
    for state, value in {"COMPLETE": 0.25, "PRUNED": math.inf, "FAIL": None, "RUNNING": None, "WAITING": None}.items():
        reports = {3: 0.5, 1: -math.inf, 2: math.inf} if state == "PRUNED" else {}
        study.add_trial(
            create_trial(
                state=optuna.trial.TrialState[state],
                value=value,
                params=setting,
                distributions=KINDS,
                user_attrs={"outcome": {"state": "complete"}, "own": [1]},
                system_attrs={"private": 1},
                intermediate_values=reports,
            )
        )
        setting = {**setting, "c": True}
    study.add_trial(create_trial(value=1.0))
    return study


def test_trials_are_those_that_optuna_reads(database: Database) -> None:
    study = fill(database)
    with database.reading() as query:
        first, second = optuna_reader.read_studies(query)
        found = optuna_reader.read_trials(query, first.study_id)
        outcomes = optuna_reader.read_outcomes(query)
        attrs = optuna_reader.read_study_attrs(query, [first.study_id])
        times = optuna_reader.read_last_times(query)
    assert (first.name, first.directions) == ("a", ("maximize",))
    assert (second.name, second.directions) == ("b", ("minimize", "maximize"))
    assert found == [as_stored(trial) for trial in study.get_trials()]
    assert [type(trial.params["c"]) for trial in found[:2]] == [type(None), bool]
    assert attrs == {first.study_id: study.user_attrs}
    assert set(outcomes) == {first.study_id, second.study_id}
    for outline, trial in zip(outcomes[first.study_id], found, strict=True):
        assert (outline.number, outline.trial_id, outline.state) == (trial.number, trial.trial_id, trial.state)
        assert outline.value == trial.value
        assert outline.user_attrs == {name: trial.user_attrs[name] for name in trial.user_attrs if name == "outcome"}
    assert times[first.study_id] == max(trial.datetime_complete for trial in found if trial.datetime_complete)


def test_all_that_is_read_at_once_is_of_one_state(database: Database) -> None:
    """A study that is deleted between two SELECTs is still there for the second one, and a new one is not."""
    fill(database)
    with database.reading() as query:
        before = optuna_reader.read_studies(query)
        optuna.delete_study(study_name="a", storage=database.optuna)
        optuna.create_study(study_name="c", storage=database.optuna)
        assert optuna_reader.read_studies(query) == before
        assert len(optuna_reader.read_trials(query, before[0].study_id)) == 6
        assert optuna_reader.read_study_attrs(query, [before[0].study_id])[before[0].study_id]
    assert study_names(database) == ["c"]


def test_many_studies_take_as_many_queries_as_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    select = DatabaseSnapshot.__call__

    def count(self: DatabaseSnapshot, query: str, **values: Any) -> Any:
        asked.append(query)
        return select(self, query, **values)

    monkeypatch.setattr(DatabaseSnapshot, "__call__", count)
    numbers = []
    for names in ("a", "bcde"):
        for name in names:
            optuna.create_study(study_name=name, storage=database.optuna).set_user_attr("own", name)
        asked.clear()
        found = read_study_outlines(database)
        numbers.append(len(asked))
    assert len(found) == 5
    assert numbers == [4, 4]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "UniformDistribution", "attributes": {"low": 1.0, "high": 2.0}}',
        '{"name": "LogUniformDistribution", "attributes": {"low": 1.0, "high": 2.0}}',
        '{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 5, "step": 2}}',
        '{"name": "CategoricalDistribution", "attributes": {"choices": [1, "b"]}}',
        '{"type": "categorical", "choices": ["a", 1]}',
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_distributions_of_older_versions(text: str) -> None:
    kind, found = optuna.distributions.json_to_distribution(text), StoredDistribution.from_json(text)
    for stored in (0.0, 1.0):
        value = kind.to_external_repr(stored)
        assert (found.value(stored), type(found.value(stored))) == (value, type(value))
    if found.choices is None:
        assert (found.low, found.high, found.log) == (kind.low, kind.high, kind.log)  # type: ignore[attr-defined]


def test_the_columns_are_those_of_the_tables() -> None:
    kinds = ((Integer, int), (Float, int | float | None), (JSON, dict), (String, str))
    for name, columns in COLUMNS.items():
        table = tables.metadata.tables[name]
        assert set(columns) == set(table.columns.keys())
        for column in table.columns:
            kind = next(python for sql, python in kinds if isinstance(column.type, sql))
            assert columns[column.name] == (kind | None if column.nullable and kind is str else kind), column


def test_the_version_is_that_of_the_last_step() -> None:
    assert 1 + len(migrations.STEPS) == table_version.VERSION
