"""What every row of every table must hold.  No Keras here."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tuner.catalog as training
from tuner.catalog import (
    ACTIVATIONS,
    CLIPPINGS,
    DIMENSIONS,
    EVERY_TASK,
    HEADS,
    INITIALIZERS,
    LOOPS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    SCHEDULES,
    ChoiceDimension,
    Entry,
    Option,
    Task,
)
from tuner.space import Categorical, Fixed, Parameter

TABLES = (LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS, ACTIVATIONS, CLIPPINGS, LOOPS)
ROWS = [pytest.param(row, id=f"{table.family}-{row.name}") for table in TABLES for row in table.values()]
OPTIONS = [
    pytest.param(option, id=f"{table.family}-{row.name}-{option.name}")
    for table in TABLES
    for row in table.values()
    for option in row.options
]


def within(parameter: Parameter, allowed: Parameter) -> bool:
    match parameter:
        case Fixed(value):
            return value in allowed
        case Categorical(choices):
            return all(choice in allowed for choice in choices)
        case _:
            return parameter.low in allowed and parameter.high in allowed


@pytest.mark.parametrize("row", ROWS)
def test_a_row_explains_itself_in_one_line_and_names_a_source(row: Entry) -> None:
    assert row.summary
    assert "\n" not in row.summary
    assert len(row.source) > 10
    assert callable(row.build)
    assert len(row.defaults()) == len(row.options)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_allows_its_default_and_what_auto_searches(option: Option) -> None:
    assert option.summary
    assert option.default in option.allowed
    assert within(option.auto, option.allowed)
    assert option.auto.size > 1


@pytest.mark.parametrize("row", LOSSES.values(), ids=list(LOSSES))
def test_a_loss_has_a_head_for_each_of_its_tasks(row: training.LossEntry) -> None:
    assert row.heads
    assert set(row.heads.values()) <= set(HEADS)
    assert set(row.warned) <= set(row.heads)
    assert row.default_for <= row.tasks


@pytest.mark.parametrize("row", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
def test_an_optimizer_searches_around_its_default_rate(row: training.OptimizerEntry) -> None:
    assert row.learning_rates is not None
    assert row.learning_rate in row.learning_rates
    assert within(row.learning_rates, DIMENSIONS["learning_rate"].allowed)


@pytest.mark.parametrize("task", Task)
def test_every_task_has_default_losses_and_one_default_metric(task: Task) -> None:
    assert len([row for row in LOSSES.values() if task in row.default_for]) >= 2
    assert len([row for row in METRICS.values() if task in row.default_for]) == 1


@pytest.mark.parametrize("table", [OPTIMIZERS, SCHEDULES, INITIALIZERS, ACTIVATIONS], ids=lambda table: table.family)
def test_the_default_search_takes_some_rows_and_not_all(table: training.Entry) -> None:
    chosen = [row for row in table.values() if row.default]
    assert 2 <= len(chosen) < len(table)


@pytest.mark.parametrize("row", METRICS.values(), ids=list(METRICS))
def test_a_metric_says_its_direction_and_tasks(row: training.MetricEntry) -> None:
    assert row.direction in ("maximize", "minimize")
    assert row.tasks
    assert row.tasks <= EVERY_TASK
    assert row.default_for <= row.tasks
    assert row.summary
    assert row.source.startswith("https://")
    assert row.best == (1.0 if row.direction == "maximize" else 0.0)


def test_aliases_are_no_names_and_stand_for_one_metric() -> None:
    aliases = [alias for row in METRICS.values() for alias in row.alias]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & set(METRICS)


def test_choice_dimensions_default_to_a_row_of_their_table() -> None:
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension):
            assert dimension.default is None or dimension.default in dimension.table
        else:
            assert dimension.auto is None or within(dimension.auto, dimension.allowed)
            assert dimension.default is None or dimension.default in dimension.allowed


def test_initializers_suit_known_activations() -> None:
    for row in INITIALIZERS.values():
        assert row.suits <= set(ACTIVATIONS)


def test_the_front_door_is_complete_and_imports_nothing_heavy() -> None:
    heavy = "('keras', 'tensorflow', 'sklearn', 'pandas', 'optuna')"
    code = f"import sys, tuner.catalog; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_the_front_door_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        training.nothing  # noqa: B018
