"""A study with `[limits]`: what is over them is told to the sampler, counted, and asked for less and less."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import mock_study
import pytest
from optuna import load_study
from optuna.trial import create_trial

from tuner.engines import EpochRecord, NetworkLimits, NetworkSize, TrainingResult
from tuner.engines.network_limits import NetworkLimitError
from tuner.errors import StudyChangedError
from tuner.executors import InlineExecutor
from tuner.results import read_study_results, summary
from tuner.runner.settings_within_limits import AffordableSettings
from tuner.runner.study_runner import StudyRunner
from tuner.search import SettingIndex, distribution, to_optuna_params
from tuner.storage import Database, open_database, trial_attributes

SECTIONS: dict[str, Any] = {
    "search": {
        "optimizer": ["sgd", "adam"],
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "model": {"units": {"low": 16, "high": 512, "log": True}, "layers": [1, 2, 3, 4]},
    },
    "limits": {"weights": 10_000},
    "budget": {"trials": 100, "epochs": 1},
}


def size_of(recipe: Mapping[str, Any]) -> NetworkSize:
    """The size of the multilayer perceptron of a recipe over the four columns of iris."""
    units, layers = recipe["model"]["options"]["units"], recipe["model"]["options"]["layers"]
    weights = 5 * units + (layers - 1) * (units + 1) * units + 3 * (units + 1)
    return NetworkSize(weights, weights, weights)


def limited(limits: NetworkLimits, recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    """Train no network that is over the limits."""
    try:
        limits.check(size_of(recipe))
    except NetworkLimitError as error:
        return TrainingResult.over_limit(error.reason, error.violation)
    return (yield from mock_study.trainer(recipe))


def run(folder: Path, database: Database, **sections: Any) -> dict[str, Any]:
    spec = mock_study.spec_of(folder, **{**SECTIONS, **sections})
    executor = InlineExecutor(partial(limited, spec.limits), network_size=size_of)
    StudyRunner(spec, database, executor).run()
    return summary(read_study_results(database, spec.name))


@pytest.fixture
def database(tmp_path: Path) -> Any:
    opened = open_database(f"sqlite:///{tmp_path}/tuner.db", create=True)
    yield opened
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_few_of_the_later_trials_are_over_the_limit(tmp_path: Path, database: Database, sampler: str) -> None:
    found = run(tmp_path, database, sampler={"name": sampler})
    over = [row["violation"] is not None for row in found["trials"]]
    assert [row["weights"] > 10_000 for row in found["trials"]] == over
    assert [row["state"] == "diverged" for row in found["trials"]] == over
    assert all(row["epochs"] == (0 if row["violation"] else 1) for row in found["trials"])
    assert sum(over) > 0
    assert sum(over[30:]) < 0.15 * 70
    assert found["over_limit"] == {
        "trials": sum(over),
        "text": f"{sum(over)} diverged trials were not trained, as the network was over a limit of [limits].",
    }


def test_tpe_is_told_by_how_much(tmp_path: Path, database: Database) -> None:
    run(tmp_path, database, budget={"trials": 10, "epochs": 1})
    trials = load_study(study_name="mock", storage=database.optuna).trials
    told = {trial.number: trial.constraints for trial in trials}
    known = {trial.number: trial_attributes(trial).outcome.violation for trial in trials}
    assert told == {number: {} if violation is None else {"limits": violation} for number, violation in known.items()}
    assert any(told.values())


def test_a_study_with_every_network_over_the_limit_says_how_near_it_came(tmp_path: Path, database: Database) -> None:
    found = run(tmp_path, database, limits={"weights": 50}, budget={"trials": 12, "epochs": 1})
    nearest = min(found["trials"], key=lambda row: row["weights"])
    assert found["best"] is None
    assert found["over_limit"]["text"] == (
        "No trial was trained: the network of each was over a limit of [limits]. The nearest, trial "
        f"{nearest['number']}, has {nearest['weights']:,} weights, more than the limit of 50. Search smaller networks, "
        "or raise the limit in a study of another name."
    )


def test_a_setting_that_the_user_enqueued_is_tried_whatever_it_costs(tmp_path: Path, database: Database) -> None:
    run(tmp_path, database, budget={"trials": 30, "epochs": 1})
    point = {"optimizer": "adam", "learning_rate": 0.01, "model": {"units": 512, "layers": 4}}
    found = run(tmp_path, database, budget={"trials": 31, "epochs": 1}, sampler={"initial_points": [point]})
    assert found["trials"][30]["params"]["model.units"] == 512
    assert found["trials"][30]["violation"] > 0


def test_a_network_is_not_left_out_for_a_time_that_may_be_noise(tmp_path: Path) -> None:
    spec = mock_study.spec_of(tmp_path, **{**SECTIONS, "limits": {"predict_ms": 1.0}})
    settings, trials = AffordableSettings(spec, SettingIndex(spec.space)), []
    dimensions = {dimension.name: distribution(dimension.parameter) for dimension in spec.space.searched}
    size = {"weights": 10, "trainable_weights": 10, "multiply_adds": 10}

    def is_left_out(units: int, one_row_ms: float) -> bool:
        """Whether it is after this measurement."""
        values = {"optimizer": "sgd", "learning_rate": 0.1, "model.units": units, "model.layers": 2}
        params = to_optuna_params({name: values[name] for name in dimensions}, spec.space)
        times = {"one_row_ms": one_row_ms, "batch_ms": 2.0}
        attrs = {"network_size": size, "predict_times": times}
        trials.append(create_trial(value=0.5, params=params, distributions=dimensions, user_attrs=attrs))
        trials[-1].number = len(trials) - 1
        settings.update(trials)
        return settings.nearest(params, "seed", ()) is not None

    assert not is_left_out(units=64, one_row_ms=1.1)
    assert is_left_out(units=128, one_row_ms=1.3)
    assert not is_left_out(units=128, one_row_ms=0.9), "the least time counts"


def test_another_limit_is_another_setup(tmp_path: Path, database: Database) -> None:
    run(tmp_path, database, budget={"trials": 2, "epochs": 1})
    with pytest.raises(StudyChangedError, match="limits.weights: 10000 before, 20000 now"):
        run(tmp_path, database, limits={"weights": 20_000}, budget={"trials": 3, "epochs": 1})
