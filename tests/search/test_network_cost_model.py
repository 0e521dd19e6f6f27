"""Sizes of networks are predicted from those of other settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tuner.search import NetworkCostModel, to_optuna_params
from tuner.space import Categorical, Condition, Dimension, Float, Int, Space

LIMIT = 20_000
SPACE = Space(
    [
        Dimension("optimizer", Categorical(("sgd", "adam"))),
        Dimension("model.units", Int(16, 512, log=True)),
        Dimension("model.layers", Int(1, 4)),
        Dimension("model.dropout", Float(0.0, 0.5)),
        Dimension("model.norm", Categorical((False, True))),
        Dimension("model.scale", Float(0.1, 1.0), (Condition("model.norm", (True,)),)),
    ]
)


def violation(params: dict[str, Any]) -> float:
    units = params["model.units"]
    weights = 64 * units + (params["model.layers"] - 1) * units**2 + 10 * units + 2 * units * params["model.norm"]
    return math.log(weights / LIMIT)


def drawn(count: int, seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    found = list[dict[str, Any]]()
    for _ in range(count):
        values = {
            "optimizer": "sgd",
            "model.units": round(16 * 32 ** random.uniform()),
            "model.layers": int(random.integers(1, 5)),
            "model.dropout": random.uniform(0, 0.5),
            "model.norm": bool(random.integers(2)),
        }
        found.append(to_optuna_params(values | ({"model.scale": 0.5} if values["model.norm"] else {}), SPACE))
    return found


def test_only_keywords_of_the_model_count() -> None:
    model, params = NetworkCostModel(SPACE), drawn(1, 0)[0]
    assert "optimizer" not in model.names
    model.add(params, 0.5)
    assert model.exceeds({**params, "optimizer": "adam"})
    assert not model.exceeds({**params, "model.units": 17})  # one network predicts no other


def test_nine_of_ten_other_networks_are_told_right() -> None:
    model = NetworkCostModel(SPACE)
    for params in drawn(30, 1):
        model.add(params, violation(params))
    others = drawn(300, 2)
    right = sum(model.exceeds(params) == (violation(params) > 0) for params in others)
    assert right > 270
    assert 60 < sum(violation(params) > 0 for params in others) < 240


def test_nothing_is_predicted_while_every_network_was_within_its_limits() -> None:
    model = NetworkCostModel(SPACE)
    for params in drawn(60, 3):
        if violation(params) <= 0:
            model.add(params, violation(params))
    assert not any(model.exceeds(params) for params in drawn(60, 4))


def test_of_several_times_of_a_network_the_least_counts() -> None:
    model, params = NetworkCostModel(SPACE), drawn(1, 0)[0]
    for measured, exceeds in [(0.4, True), (0.6, True), (-0.1, False), (0.3, False)]:
        model.add(params, measured)
        assert model.exceeds(params) is exceeds


def test_costs_that_are_no_product_leave_settings_that_are_allowed() -> None:
    """A quarter of the networks is over the limit, where two keywords are large: each alone predicts nothing."""

    def lumpy(params: dict[str, Any]) -> float:
        return 1.0 if params["model.units"] > 90 and params["model.layers"] > 2 else -0.3

    model = NetworkCostModel(SPACE)
    for params in drawn(40, 5):
        model.add(params, lumpy(params))
    allowed = [params for params in drawn(400, 6) if lumpy(params) < 0]
    assert sum(map(model.exceeds, allowed)) < 0.2 * len(allowed)
