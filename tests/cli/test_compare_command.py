"""`tuner compare` as a person reads it."""

from __future__ import annotations

import re

import mock_study
import optuna
import pytest
from click.testing import CliRunner

from tuner.cli.group import tuner as command
from tuner.errors import UsageError
from tuner.storage import open_database


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    spec = mock_study.spec_of(folder, sampler={"name": "random"}, budget={"trials": 40, "epochs": 3})
    mock_study.run(spec, database, diverges_above=1.0)
    return database.url


def compare(*arguments):
    return CliRunner().invoke(command, ["compare", "mock", *arguments])


def test_without_a_dimension_it_shows_what_mattered(url):
    result = compare("--storage", url)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[1].split()[:2] == ["dimension", "share"]
    assert result.output.splitlines()[2].startswith("learning_rate")
    assert "What mattered: learning_rate (" in result.output


def test_the_next_command_is_named_only_if_it_would_answer(call, project):
    """A study whose trials only wait has nothing to compare."""
    url = f"sqlite:///{project}/tuner.db"
    study = optuna.create_study(storage=url, study_name="waiting")
    study.enqueue_trial({"rate": 0.5})
    shown = call("compare", "waiting", "--storage", url)
    assert (shown.code, "none has one" in shown.out, "Next:" in shown.out) == (0, True, False)
    assert call("compare", "waiting", "--by", "rate", "--storage", url).code != 0

    study.optimize(lambda trial: trial.suggest_float("rate", 0.0, 1.0), n_trials=1)
    assert "Next: tuner compare waiting --by DIMENSION" in call("compare", "waiting", "--storage", url).out
    assert call("compare", "waiting", "--by", "rate", "--storage", url).code == 0


def test_each_value_is_a_line_and_the_limits_stand_once_at_the_end(url):
    result = compare("--by", "optimizer", "--by", "schedule", "--storage", url)
    assert result.exit_code == 0, result.output
    lines = [line.split()[0] for line in result.output.splitlines() if line.strip()]
    assert {"sgd", "adam", "adagrad", "constant", "cosine"} <= set(lines)
    assert result.output.count("note: Best, median and spread") == 1
    assert "1 trial: the training loss became nan" in result.output or "trials: the training loss" in result.output


def test_a_dimension_without_by_is_told_where_it_goes(url):
    result = compare("optimizer", "schedule", "--storage", url)
    assert "one study, but got 'mock', 'optimizer' and 'schedule'" in str(result.exception)
    assert str(result.exception).endswith("Write `tuner compare mock --by optimizer --by schedule`.")
    assert isinstance(result.exception, UsageError)


def test_two_studies_are_told_where_they_stand_together(url):
    result = compare("other", "--storage", url)
    assert isinstance(result.exception, UsageError)
    assert "`tuner compare mock --by DIMENSION`" in str(result.exception)
    assert "stand together in `tuner list`" in str(result.exception)


def test_bins(url):
    result = compare("--by", "learning_rate", "--bins", "3", "--storage", url)
    assert len(re.findall(r"^\S+ … \S+ +\d+ of \d+", result.output, re.MULTILINE)) == 3
