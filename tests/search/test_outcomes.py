"""How trials end, and that the sampler learns from it."""

from __future__ import annotations

import importlib.util
import math
import statistics

import optuna
import pytest

from tuner.catalog import Objective
from tuner.search import SAMPLERS, Outcome, find_best, suggest, tell, trial_state
from tuner.space import Categorical, Condition, Dimension, Float, Space

ENDINGS = [
    (Outcome("complete", 0.5), "COMPLETE"),
    (Outcome("pruned", reason="behind at epoch 3"), "PRUNED"),
    (Outcome("diverged", reason="loss is not finite"), "PRUNED"),
    (Outcome("failed", reason="out of memory"), "FAIL"),
]


def study_of(sampler="tpe", direction="maximize", seed=0):
    space = Space([Dimension("x", Float(0.0, 1.0)), Dimension("y", Float(0.0, 1.0))])
    return optuna.create_study(direction=direction, sampler=SAMPLERS[sampler].build(seed, space, 10)), space


def ended(study, space, outcome, report=None):
    trial = study.ask()
    suggest(trial, space)
    if report is not None:
        trial.report(report, 1)
    assert tell(study, trial, outcome)
    return study.trials[-1]


@pytest.mark.parametrize(("outcome", "optuna_state"), ENDINGS)
def test_an_outcome_is_recovered_from_the_stored_trial(outcome, optuna_state):
    study, space = study_of()
    trial = ended(study, space, outcome, report=0.25)
    assert trial.state.name == optuna_state
    assert trial_state(trial) == (outcome.state, outcome.reason)


def test_trials_that_have_not_ended_have_a_state_too():
    study, space = study_of()
    study.enqueue_trial({"x": 0.5})
    assert trial_state(study.trials[0]) == ("waiting", None)
    suggest(study.ask(), space)
    assert trial_state(study.trials[0]) == ("running", None)


def test_a_trial_can_be_told_by_its_number():
    study, space = study_of()
    suggest(study.ask(), space)
    assert tell(study, 0, Outcome("diverged", reason="exploding"))
    assert trial_state(study.trials[0]) == ("diverged", "exploding")


def test_a_late_result_changes_nothing():
    study, space = study_of()
    trial = study.ask()
    suggest(trial, space)
    assert tell(study, trial, Outcome("failed", reason="worker lost"))
    assert not tell(study, trial, Outcome("complete", 1.0))
    assert trial_state(study.trials[0]) == ("failed", "worker lost")


@pytest.mark.parametrize(
    ("state", "value"),
    [("complete", None), ("complete", math.nan), ("complete", math.inf), ("pruned", 0.5), ("diverged", 0.5)],
)
def test_an_outcome_that_cannot_be_is_refused(state, value):
    with pytest.raises(ValueError, match="value"):
        Outcome(state, value)


@pytest.mark.parametrize(("direction", "worst", "best"), [("maximize", 0.25, 0.75), ("minimize", 0.75, 0.25)])
def test_samplers_that_see_values_only_get_the_worst_one(direction, worst, best):
    study, space = study_of("nsga2", direction)
    assert ended(study, space, Outcome("diverged", reason="x")).state.name == "PRUNED"
    for value in (0.5, 0.25, 0.75):
        ended(study, space, Outcome("complete", value))
    trial = ended(study, space, Outcome("diverged", reason="x"))
    assert (trial.state.name, trial.value) == ("COMPLETE", worst)
    assert trial_state(trial)[0] == "diverged"
    assert trial.constraints == {}
    assert study.best_trial.value == best


def test_samplers_that_see_feasibility_get_a_constraint():
    study, space = study_of("tpe")
    ended(study, space, Outcome("complete", 0.5))
    trial = ended(study, space, Outcome("diverged", reason="x"), report=0.9)
    assert trial.state.name == "PRUNED"
    assert trial.constraints == {"finite": 1.0}
    assert study.best_trial.number == 0


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
@pytest.mark.parametrize(("direction", "best"), [("maximize", 2), ("minimize", 1)])
def test_the_best_trial_is_complete_and_the_earliest_of_equals(sampler, direction, best):
    study, space = study_of(sampler, direction)
    assert find_best(study.trials, Objective("accuracy", direction)) is None
    ended(study, space, Outcome("diverged", reason="x"), report=5.0)
    for value in (0.1, 0.9, 0.9, 0.1):
        ended(study, space, Outcome("complete", value))
    ended(study, space, Outcome("diverged", reason="x"), report=-5.0)
    ended(study, space, Outcome("pruned"), report=7.0)
    assert find_best(study.trials, Objective("accuracy", direction)).number == best
    assert study.best_value == study.trials[best].value


RATES = Space(
    [
        Dimension("optimizer", Categorical(("sgd", "adam", "rmsprop"))),
        Dimension("learning_rate", Float(1e-4, 10.0, log=True)),
        Dimension("momentum", Float(0.0, 0.99), (Condition("optimizer", ("sgd", "rmsprop")),)),
        Dimension("schedule", Categorical(("constant", "step"))),
        Dimension("schedule.step.every", Float(0.1, 0.5), (Condition("schedule", ("step",)),)),
    ]
)


def wasted(sampler: str, seed: int, ending: str, **options: float) -> float:
    """Share of trials 21 … 100 at a learning rate above 0.5, where the training diverges and is told as `ending`."""
    study = optuna.create_study(direction="maximize", sampler=SAMPLERS[sampler].build(seed, RATES, 100, **options))
    count = 0
    for number in range(100):
        trial = study.ask()
        values = suggest(trial, RATES)
        if values["learning_rate"] > 0.5:
            count += number >= 20
            tell(study, trial, Outcome(ending, reason="loss is not finite"))
        else:
            best_rate = -1.0 if values["optimizer"] == "sgd" else -2.5
            value = -abs(math.log10(values["learning_rate"]) - best_rate) - 0.3 * abs(values.get("momentum", 0.9) - 0.9)
            tell(study, trial, Outcome("complete", value - 0.1 * (values["schedule"] == "step")))
    assert trial_state(study.best_trial)[0] == "complete"
    return count / 80


@pytest.mark.slow
def test_tpe_learns_from_diverged_trials():
    """Measured over seven seeds: 6 % of the later trials diverge, and 81 % where divergence is told as failure.

    Without random trials, which learn nothing.
    """
    ours = statistics.median(wasted("tpe", seed, "diverged", random_fraction=0) for seed in range(5))
    failed = statistics.median(wasted("tpe", seed, "failed", random_fraction=0) for seed in range(3))
    assert ours <= 0.15
    assert failed >= 0.5


@pytest.mark.parametrize(("sampler", "seeds"), [("cmaes", 1), ("nsga2", 5)])
def test_samplers_that_learn_from_values_are_not_misled(sampler, seeds):
    """Both replace a population, in which failures merely lack: measured 0 % and 11 %, as failure 0 % and 15 %."""
    assert statistics.median(wasted(sampler, seed, "diverged") for seed in range(seeds)) <= 0.15


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="gp needs torch")
def test_gp_learns_from_diverged_trials():
    """Measured: 6 % of the later trials diverge, and all of them where divergence is told as failure."""
    assert wasted("gp", 0, "diverged") <= 0.15
