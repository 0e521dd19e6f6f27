"""TPE that looks at a part of the trials, against Optuna's own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tuner.optuna_internals import default_gamma, split_trials
from tuner.search import Outcome, suggest, tell
from tuner.search.samplers.tpe_sampler import TPESampler
from tuner.space import Categorical, Condition, Dimension, Float, Int, Space, Value


@pytest.fixture
def space() -> Space:
    return Space(
        [
            Dimension("optimizer", Categorical(("sgd", "adam"))),
            Dimension("nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),)),
            Dimension("learning_rate", Float(1e-4, 1e-1, log=True)),
            Dimension("batch_size", Int(16, 128, step=16)),
        ]
    )


def search(sampler: optuna.samplers.BaseSampler, space: Space, trials: int) -> Iterator[tuple[optuna.Study, Any]]:
    """Two or three trials run at a time and end out of order, in each of the ways; gives each setting."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    running: list[tuple[optuna.Trial, dict[str, Value]]] = []
    for number in range(trials):
        trial = study.ask()
        running.append((trial, suggest(trial, space)))
        yield study, running[-1][1]
        if len(running) == 3:
            trial, values = running.pop(1 if number % 5 else 0)
            rate = float(values["learning_rate"])  # type: ignore[arg-type]
            if trial.number % 7 == 3:
                trial.report(-rate, trial.number % 4)
                tell(study, trial, Outcome("pruned"))
            elif rate > 0.05:
                tell(study, trial, Outcome("diverged", reason="nan"))
            elif trial.number % 11 == 5:
                tell(study, trial, Outcome("failed", reason="no memory"))
            else:
                tell(study, trial, Outcome("complete", round(-abs(rate - 0.01), 3)))  # some are equal


def settings(sampler: optuna.samplers.BaseSampler, space: Space, trials: int) -> list[Any]:
    return [values for _, values in search(sampler, space, trials)]


@pytest.mark.parametrize("group", [False, True])
def test_with_few_trials_it_is_optunas(group: bool, space: Space) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        own, theirs = TPESampler(window=250, seed=1, group=group), optuna.samplers.TPESampler(seed=1, group=group)
    assert settings(own, space, 60) == settings(theirs, space, 60)


def test_it_looks_at_the_best_a_spread_of_the_others_and_what_runs(space: Space) -> None:
    sampler = TPESampler(window=40, seed=2)
    for study, _ in search(sampler, space, 100):
        assert sampler._shown is not None
        trials, shown = study.get_trials(deepcopy=False), sampler._shown[1]
        learnt = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        if len(learnt) <= 40:
            assert numbers(shown) == numbers(trials)
            continue
        assert numbers(shown) == sorted(set(numbers(shown)))
        good, _ = split_trials(study, learnt, default_gamma(1000))
        assert set(numbers(good)) <= set(numbers(shown)), "the density of the good ones is Optuna's"
        running = [t.number for t in trials if t.state == TrialState.RUNNING]
        assert set(running) <= set(numbers(shown))
        assert 40 <= len(shown) <= 40 + 25 + len(running)
        assert numbers(learnt)[-1] in numbers(shown), "the last one is looked at"
    assert len(learnt) > 80, "or nothing was left out"


def test_what_the_trials_have_in_common_is_what_optuna_finds(space: Space) -> None:
    sampler = TPESampler(window=20, seed=3)
    for study, _ in search(sampler, space, 40):
        frozen = study.trials[-1]
        own = sampler.infer_relative_search_space(study, frozen)
        assert own == optuna.samplers.TPESampler().infer_relative_search_space(study, frozen)
    assert "batch_size" in own
    assert "nesterov" not in own


def test_beyond_the_window_the_same_seed_gives_the_same_settings(space: Space) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        first, again = [settings(TPESampler(window=30, seed=4, group=True), space, 60) for _ in range(2)]
    assert first == again
    assert all(d.is_active(v) == (d.name in v) for d in space for v in first)


def test_the_window_is_not_smaller_than_what_is_drawn_at_random(space: Space) -> None:
    *_, (study, _) = search(TPESampler(window=10, n_startup_trials=50, seed=6), space, 70)
    assert any(key.startswith("tpe:") for key in study.trials[-1].system_attrs), "the model was never used"


def test_a_share_of_the_trials_is_drawn_at_random(space: Space) -> None:
    *_, (study, _) = search(TPESampler(window=250, n_startup_trials=5, seed=7, random_fraction=0.25), space, 60)
    modeled = [t.number for t in study.trials if any(key.startswith("tpe:") for key in t.system_attrs)]
    assert {number % 4 for number in modeled} == {0, 1, 2}
    assert set(range(20, 60)) - set(modeled) == set(range(23, 60, 4)), "evenly spread"
    drawn = [study.trials[number].params["learning_rate"] for number in range(3, 60, 4)]
    assert max(drawn) / min(drawn) > 100, "of the whole range"
    assert len({trial.params["learning_rate"] for trial in study.trials}) == 60, "no draw of a startup trial again"


def numbers(trials: list[FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials]
