"""Successive halving and Hyperband over a bounded number of trials."""

from __future__ import annotations

import random

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from optuna.trial import TrialState

from tuner.search import PRUNERS
from tuner.search.pruners.bracket_pruner import BracketPruner

STEPS = 20


def outcomes(pruner: BasePruner, trials: int = 80) -> list[int | None]:
    """The step at which each of some trials is ended, two at a time; None if it is not."""
    study = optuna.create_study(study_name="s", direction="maximize", pruner=pruner)
    draw, ended = random.Random(0), []
    for _ in range(trials // 2):
        pair = [study.ask(), study.ask()]
        for trial in reversed(pair):
            final, last = draw.random(), None
            for step in range(1, STEPS + 1):
                trial.report(final * step, step)
                if trial.should_prune():
                    last = step
                    break
            ended.append(last)
            study.tell(trial, None if last else final, state=TrialState.PRUNED if last else None)
    return ended


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("hyperband", HyperbandPruner(2, STEPS, 3)), ("successive_halving", SuccessiveHalvingPruner(2, 3))],
)
def test_up_to_its_count_it_decides_as_optuna_does(name: str, theirs: BasePruner) -> None:
    expected = outcomes(theirs)
    assert len(set(expected)) > 3
    assert outcomes(PRUNERS[name].build(STEPS)) == expected


def test_a_trial_competes_with_some_finished_trials_of_its_bracket_and_with_those_that_run() -> None:
    seen: list[list[int]] = []

    class Noted(BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            seen.append([one.number for one in study.get_trials()])
            return False

    pruner = BracketPruner([Noted(), Noted()], lambda study, trial: trial.number % 2, count=4)
    study = optuna.create_study(pruner=pruner)
    trials = [study.ask() for _ in range(26)]
    for trial in trials[:21]:
        study.tell(trial, 0.0)
    trials[21].should_prune()
    assert seen == [[3, 9, 13, 19, 21, 23, 25]]
