"""How much of a space a narrower one holds."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from tuner.analysis.refinement.narrowed_parameter import Narrowed
from tuner.analysis.refinement.narrowed_space import TrialValues, fits, narrow_space
from tuner.analysis.refinement.remaining_volume import remaining_share, remaining_volume
from tuner.space import Categorical, Condition, Dimension, Fixed, Float, Int, Space, Value

SPACE = Space(
    [
        Dimension("optimizer", Categorical(("sgd", "adam", "adagrad"))),
        Dimension("learning_rate", Float(1e-4, 1.0, log=True)),
        Dimension("momentum", Float(0.0, 1.0), (Condition("optimizer", ("sgd", "adam")),)),
        Dimension("model.units", Int(1, 10)),
        Dimension("model.depth", Fixed(2)),
    ]
)


def test_a_range_counts_by_its_length_on_its_scale() -> None:
    assert remaining_share(Float(1e-4, 1.0, log=True), Float(1e-2, 1e-1, log=True)) == pytest.approx(1 / 4)
    assert remaining_share(Float(0.0, 2.0), Float(0.5, 1.0)) == 0.25
    assert remaining_share(Int(1, 10), Int(3, 5)) == pytest.approx(3 / 10)
    assert remaining_share(Int(1, 1000, log=True), Int(10, 100, log=True)) == pytest.approx(1 / 3)
    assert remaining_share(Categorical(("a", "b", "c", "d")), Categorical(("a",))) == 0.25


def test_the_volume_is_that_of_settings_drawn_evenly() -> None:
    rates = {"sgd": Float(1e-2, 1.0, log=True)}
    narrowed = {
        "optimizer": Narrowed(Categorical(("sgd", "adagrad")), ""),
        "learning_rate": Narrowed(Float(1e-4, 1.0, log=True), "", "optimizer", rates, {"sgd": ""}),
        "momentum": Narrowed(Float(0.5, 1.0), ""),
        "model.units": Narrowed(Int(1, 5), ""),
    }
    exact = (1 / 3 * 1 / 2 * 1 / 2 + 1 / 3) * 1 / 2
    assert remaining_volume(SPACE, narrowed) == pytest.approx(exact)
    drawn = random.Random(0)

    def draw(dimension: Dimension) -> Value:
        match dimension.parameter:
            case Float(low, high, log):
                return low * (high / low) ** drawn.random() if log else drawn.uniform(low, high)
            case parameter:
                return parameter.at(drawn.randrange(int(parameter.size)))

    inside = sum(fits(SPACE.resolve(draw), narrowed) for _ in range(4000)) / 4000
    assert inside == pytest.approx(exact, abs=0.03)


def trial(rank: int, optimizer: str, rate: float, momentum: float, units: int) -> TrialValues:
    values: Mapping[str, Value] = {"optimizer": optimizer, "learning_rate": rate, "model.units": units}
    return TrialValues(values if optimizer == "adagrad" else {**values, "momentum": momentum}, rank, True)


def test_rates_are_narrowed_for_each_optimizer() -> None:
    drawn = random.Random(1)
    best = {"sgd": 0.1, "adam": 1e-3, "adagrad": 1e-2}
    trials = []
    for rank in range(60):  # each optimizer has its best rates first
        optimizer = ("sgd", "adam", "adagrad")[rank % 3]
        rate = best[optimizer] * 10 ** (drawn.choice((-1, 1)) * rank / 60)
        trials.append(trial(rank, optimizer, min(rate, 1.0), drawn.random(), drawn.randint(1, 10)))
    found = narrow_space(SPACE, trials, 12, 0.2)["learning_rate"]
    for optimizer, rate in best.items():
        own = found.by_choice[optimizer]
        assert isinstance(own, Float)
        assert own.low < rate < own.high < 20 * own.low


def test_what_says_nothing_is_halved_around_the_best_trial() -> None:
    drawn = random.Random(2)
    trials = [
        trial(rank, ("sgd", "adam", "adagrad")[rank % 3], 10 ** -drawn.uniform(0, 4), drawn.random(), rank % 10 + 1)
        for rank in range(20)
    ]
    trials = trials[:3] + [trial(3, "sgd", 1.0, 0.0, 10), trial(4, "adam", 1e-4, 1.0, 1)] + trials[3:]
    narrowed = narrow_space(SPACE, trials, 5, 0.2)
    assert 0.25 < remaining_volume(SPACE, narrowed) <= 0.5
    assert fits(trials[0].values, narrowed)
    assert any("to halve the space" in one.why for one in narrowed.values())


def test_a_space_of_choices_that_all_do_well_is_kept() -> None:
    space = Space([Dimension("model.a", Categorical((1, 2))), Dimension("model.b", Categorical((1, 2)))])
    trials = [TrialValues({"model.a": rank % 2 + 1, "model.b": rank // 2 % 2 + 1}, rank, True) for rank in range(20)]
    assert remaining_volume(space, narrow_space(space, trials, 5, 0.2)) == 1.0
