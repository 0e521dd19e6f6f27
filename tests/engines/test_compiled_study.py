"""A whole study by the default engine: worker processes, pruning at rungs, programs counted, the same twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

import tuner

pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def test_a_study_by_compiled_programs(tmp_path: Path) -> None:
    """One network, loss and optimizer: a gradient, an update, outputs, a loss and what is timed, for all trials."""
    content: dict[str, Any] = {
        "name": "s",
        "model": "models/mlp.py",
        "data": {"source": "iris"},
        "search": {
            "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "optimizer": "adam",
            "loss": "kl_divergence",
        },
        "budget": {"trials": 8, "epochs": 6},
        "pruner": {"name": "successive_halving"},
        "workers": 1,
    }
    found = [tuner.run(content, storage=f"sqlite:///{tmp_path}/{n}.db", seed=3).summary() for n in range(2)]
    assert found[0]["counts"]["complete"] + found[0]["counts"]["pruned"] == 8
    assert found[0]["counts"]["pruned"] > 0
    assert [found[n]["programs"]["traced"] for n in range(2)] == [6, 6]
    assert found[0]["programs"]["seconds"] > 0
    rows = [[(row["state"], row["value"], row["epochs"], row["params"]) for row in each["trials"]] for each in found]
    assert rows[0] == rows[1]


def test_whether_xla_is_faster_is_measured_once_in_a_study(tmp_path: Path) -> None:
    """A study that may have many trials of a kind; a later run knows what an earlier one has measured."""
    content: dict[str, Any] = {
        "name": "s",
        "model": "models/mlp.py",
        "data": {"source": "iris"},
        "search": {
            "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "optimizer": "adam",
            "loss": "kl_divergence",
        },
        "budget": {"trials": 100_000, "epochs": 3, "patience": 3},
        "pruner": {"name": "none"},
        "workers": 1,
    }
    found = []
    for patience in (3, 6):
        content["budget"]["patience"] = patience
        url = f"sqlite:///{tmp_path}/s.db"
        trials = len(tuner.run(content, storage=url, seed=3).summary()["trials"])
        found.append((optuna.load_study(study_name="s", storage=url).user_attrs["tuner:step_times"], trials))
    (measured, trials), (again, more) = found
    assert more > trials
    assert measured == again
    (times,) = measured.values()
    assert all(time > 0 for time in times)
