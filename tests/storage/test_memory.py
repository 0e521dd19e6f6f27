"""Trials that are put into Optuna's memory are what Optuna's public calls give."""

from __future__ import annotations

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from tuner.storage.memory_mirror import MirrorStorage


def test_trials_that_are_put_in() -> None:
    memory = MirrorStorage()
    study = optuna.create_study(storage=memory, study_name="s", direction="maximize")
    space = {"x": FloatDistribution(0, 1)}
    for number, value in enumerate([0.25, 0.5]):
        trial = create_trial(params={"x": value}, distributions=space, value=value)
        trial.number = number
        held = memory.put(0, trial)
        assert held is memory.get_trial(number) is not trial
    assert (memory.count(0), study.best_value) == (2, 0.5)
    running = create_trial(state=TrialState.RUNNING, params={"x": 0.75}, distributions=space)
    running.number = 2
    memory.put(0, running)
    running.params["x"] = 0.0
    assert study.trials[2].params == {"x": 0.75}
    assert study.ask().number == 3
    waiting = create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 0.875}})
    waiting.number = 2
    memory.put(0, waiting)
    asked = study.ask()
    assert (asked.number, asked.suggest_float("x", 0, 1)) == (2, 0.875)
    better = create_trial(params={"x": 1.0}, distributions=space, value=1.0)
    better.number = 2
    memory.put(0, better)
    assert study.best_trial.number == 2
