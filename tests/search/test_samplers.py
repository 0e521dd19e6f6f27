"""Every sampler, over a space with conditions."""

from __future__ import annotations

import importlib.util
import pickle

import optuna
import pytest

from tuner.errors import UsageError
from tuner.search import SAMPLERS, Outcome, params_from_trial, suggest, tell, to_optuna_params
from tuner.space import Categorical, Condition, Dimension, Float, Int, Space

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="gp needs torch")
BUILT = [name for name in SAMPLERS if name not in ("grid", "gp")] + [
    pytest.param("gp", marks=[needs_torch, pytest.mark.slow])
]


def fill(name, space, seed=3, trials=30, **options):
    """Ask and tell: most trials complete, some diverge, some are pruned, some fail."""
    study = optuna.create_study(direction="maximize", sampler=SAMPLERS[name].build(seed, space, trials, **options))
    for number in range(trials):
        trial = study.ask()
        values = suggest(trial, space)
        match number % 10:
            case 3:
                tell(study, trial, Outcome("diverged", reason="loss is not finite"))
            case 6:
                trial.report(0.1, 1)
                tell(study, trial, Outcome("pruned"))
            case 9:
                tell(study, trial, Outcome("failed", reason="out of memory"))
            case _:
                tell(study, trial, Outcome("complete", -abs(values.get("learning_rate", 0.0) - 0.01)))
    return [params_from_trial(trial, space) for trial in study.trials]


@pytest.mark.parametrize("name", BUILT)
def test_it_fills_a_conditional_space(name, space, capfd):
    settings = fill(name, space)
    assert len(settings) == 30
    for values in settings:
        assert all(d.is_active(values) == (d.name in values) for d in space)
        assert all(values[d.name] in d.parameter for d in space if d.name in values)
    assert len({values["optimizer"] for values in settings}) >= 3
    assert "independent" not in capfd.readouterr().err


@pytest.mark.parametrize("name", BUILT)
def test_the_same_seed_gives_the_same_settings(name, space):
    assert fill(name, space, seed=5, trials=20) == fill(name, space, seed=5, trials=20)
    assert fill(name, space, seed=5, trials=20) != fill(name, space, seed=6, trials=20)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_its_row_is_complete(name):
    row = SAMPLERS[name]
    assert row.summary
    assert row.source
    assert hasattr(optuna.samplers, row.optuna_class) or name == "quasi_random"
    for option in row.options:
        assert option.default is None or option.default in option.allowed


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tpe", {"n_startup_trials": 4, "n_ei_candidates": 8, "group": True, "window": 250, "random_fraction": 0.5}),
        ("quasi_random", {"qmc_type": "halton"}),
        ("cmaes", {"n_startup_trials": 4, "popsize": 6}),
        ("nsga2", {"population_size": 6, "mutation_prob": 0.2}),
    ],
)
def test_its_options_are_taken(name, options, space):
    assert set(options) == set(SAMPLERS[name].defaults())
    assert len(fill(name, space, **options)) == 30


class TestGrid:
    def test_it_tries_every_setting_once(self, finite):
        settings = fill("grid", finite, trials=int(finite.size))
        assert sorted(map(str, settings)) == sorted(map(str, finite.enumerate_grid()))

    def test_it_goes_on_where_it_stopped_whatever_the_seed(self, finite):
        storage = optuna.storages.InMemoryStorage()
        for seed, trials in ((1, 4), (2, 5)):
            study = optuna.create_study(
                storage=storage, study_name="s", load_if_exists=True, sampler=SAMPLERS["grid"].build(seed, finite, 9)
            )
            for _ in range(trials):
                trial = study.ask()
                suggest(trial, finite)
                tell(study, trial, Outcome("complete", 0.0))
        settings = [params_from_trial(trial, finite) for trial in study.trials]
        assert sorted(map(str, settings)) == sorted(map(str, finite.enumerate_grid()))

    def test_running_and_enqueued_trials_are_not_repeated(self, finite):
        study = optuna.create_study(sampler=SAMPLERS["grid"].build(0, finite, 9))
        study.enqueue_trial(to_optuna_params({"optimizer": "sgd", "learning_rate": 0.3}, finite))
        study.enqueue_trial(to_optuna_params({"optimizer": "adam", "learning_rate": 0.5}, finite))
        settings = [suggest(study.ask(), finite) for _ in range(9)]
        assert (settings[0]["optimizer"], settings[0]["learning_rate"]) == ("sgd", pytest.approx(0.3))
        assert len({str({**s, "learning_rate": round(s["learning_rate"], 6)}) for s in settings}) == 9

    def test_a_trial_run_anew_takes_no_other_setting(self, finite):
        study = optuna.create_study(sampler=SAMPLERS["grid"].build(0, finite, 9))
        first = study.ask()
        before = suggest(first, finite)
        study._storage.set_trial_state_values(first._trial_id, optuna.trial.TrialState.WAITING)
        assert suggest(study.ask(), finite) == before
        settings = [before, *(suggest(study.ask(), finite) for _ in range(8))]
        assert len({str(setting) for setting in settings}) == 9

    def test_it_knows_the_trials_of_all_brackets(self, finite):
        pruner = optuna.pruners.HyperbandPruner(1, 27, 3)
        study = optuna.create_study(sampler=SAMPLERS["grid"].build(0, finite, 9), pruner=pruner)
        for _ in range(5):
            trial = study.ask()
            trial.report(0.0, 1)
            trial.should_prune()
            suggest(trial, finite)
            tell(study, trial, Outcome("complete", 0.0))
        study.sampler = SAMPLERS["grid"].build(1, finite, 9)
        for _ in range(4):
            suggest(study.ask(), finite)
        assert len({str(params_from_trial(trial, finite)) for trial in study.trials}) == 9

    def test_values_off_the_grid_can_be_enqueued(self, finite):
        study = optuna.create_study(sampler=SAMPLERS["grid"].build(0, finite, 9))
        study.enqueue_trial({"optimizer": "sgd", "learning_rate": 0.1, "nothing": 1})
        assert suggest(study.ask(), finite)["optimizer"] == "sgd"

    def test_a_continuous_space_is_refused_by_name(self, space):
        reason = SAMPLERS["grid"].incompatible_because(space, 10)
        assert "learning_rate (0.0001 … 0.1 (log))" in reason
        assert "batch_size" not in reason
        with pytest.raises(UsageError, match="learning_rate"):
            SAMPLERS["grid"].build(0, space, 10)

    def test_too_large_a_space_is_refused(self):
        space = Space(Dimension(name, Int(1, 100)) for name in "abc")
        assert "100,000" in SAMPLERS["grid"].incompatible_because(space, 10)

    def test_a_grid_beyond_the_budget_is_advised_against(self, finite):
        assert "9 settings and only 5" in SAMPLERS["grid"].advice(finite, 5)
        assert SAMPLERS["grid"].advice(finite, 9) is None
        assert SAMPLERS["grid"].advice(finite, None) is None


class TestQuasiRandom:
    def test_it_covers_ranges_evenly(self):
        space = Space(
            [
                Dimension("kind", Categorical(("a", "b", "c", "d"))),
                Dimension("x", Float(1e-4, 1.0, log=True)),
                Dimension("n", Int(1, 16, log=True)),
                Dimension("step", Float(0.0, 1.0, step=0.25)),
                Dimension("only_a", Float(0.0, 1.0), (Condition("kind", ("a",)),)),
            ]
        )
        settings = fill("quasi_random", space, trials=64)
        for kind in "abcd":
            assert sum(s["kind"] == kind for s in settings) == 16
        for low in (1e-4, 1e-3, 1e-2, 1e-1):
            assert sum(low <= s["x"] < 10 * low for s in settings) == 16
        assert {s["step"] for s in settings} == {0.0, 0.25, 0.5, 0.75, 1.0}
        assert {1, 2, 16} <= {s["n"] for s in settings}
        assert sum(s["only_a"] < 0.5 for s in settings if "only_a" in s) in range(6, 11)

    def test_a_study_that_goes_on_stays_in_its_sequence(self, space):
        whole = fill("quasi_random", space, seed=1, trials=20)
        storage = optuna.storages.InMemoryStorage()
        for seed in (1, 2):
            sampler = SAMPLERS["quasi_random"].build(seed, space, 20)
            study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True, sampler=sampler)
            for _ in range(10):
                trial = study.ask()
                suggest(trial, space)
                tell(study, trial, Outcome("complete", 0.0))
        assert [params_from_trial(trial, space) for trial in study.trials] == whole


class TestCmaEs:
    def test_it_searches_the_numbers_although_some_dimensions_are_conditional(self, space):
        study = optuna.create_study(sampler=SAMPLERS["cmaes"].build(0, space, 60))
        for _ in range(60):
            trial = study.ask()
            values = suggest(trial, space)
            tell(study, trial, Outcome("complete", abs(values["learning_rate"] - 0.003) + values["batch_size"] * 1e-4))
        assert "cma:generation" in study.trials[-1].system_attrs
        late = [trial.params["batch_size"] for trial in study.trials[40:]]
        assert sum(late) / len(late) < 50

    def test_the_state_is_the_one_that_optuna_would_have_pickled(self):
        """A study of an older version, which has the pickles, goes on where it was."""
        numbers = Space([Dimension("x", Float(0.0, 1.0)), Dimension("y", Int(1, 64, log=True))])
        theirs = optuna.samplers.CmaEsSampler(seed=4, popsize=5)
        study = optuna.create_study(direction="maximize", sampler=theirs)
        for _ in range(63):
            trial = study.ask()
            values = suggest(trial, numbers)
            tell(study, trial, Outcome("complete", -((values["x"] - 0.7) ** 2) - abs(values["y"] - 20)))
        expected = theirs._restore_optimizer(study.trials)
        sampler = SAMPLERS["cmaes"].build(0, numbers, 60, n_startup_trials=1, popsize=5)
        copy = optuna.create_study(direction="maximize", sampler=sampler)
        copy.add_trials(study.trials)
        suggest(copy.ask(), numbers)
        assert sampler._optimizer.generation == expected.generation == 12
        assert sampler._optimizer.mean == pytest.approx(expected.mean, abs=0.0)
        assert pytest.approx(expected._C) == sampler._optimizer._C

    def test_a_study_is_resumed_where_it_was_without_a_pickle(self, space, monkeypatch):
        """The state is computed from the trials; whatever else the database holds of it is not looked at."""
        monkeypatch.setattr(pickle, "loads", lambda data: pytest.fail("a pickle was read"))
        monkeypatch.setattr(pickle, "dumps", lambda thing: pytest.fail("a pickle was written"))
        study = optuna.create_study(sampler=SAMPLERS["cmaes"].build(0, space, 60, popsize=6))
        for _ in range(45):
            trial = study.ask()
            tell(study, trial, Outcome("complete", abs(suggest(trial, space)["learning_rate"] - 0.003)))
        before = study.sampler._optimizer
        hostile = study.trials[-1]
        hostile.system_attrs |= {"cma:optimizer:0": "80049500", "cma:population": "many"}
        copy = optuna.create_study(sampler=SAMPLERS["cmaes"].build(1, space, 60, popsize=9))
        copy.add_trials([*study.trials[:-1], hostile])
        suggest(copy.ask(), space)
        again = copy.sampler._optimizer
        assert again.generation == before.generation > 3
        assert again.population_size == 6
        assert again.mean == pytest.approx(before.mean, abs=0.0)

    def test_one_number_is_enough(self):
        space = Space([Dimension("x", Float(0.0, 1.0))])
        assert SAMPLERS["cmaes"].incompatible_because(space, 20) is None
        assert len(fill("cmaes", space)) == 30

    def test_a_space_without_unconditional_numbers_is_refused(self):
        space = Space(
            [
                Dimension("kind", Categorical(("a", "b"))),
                Dimension("x", Float(0.0, 1.0), (Condition("kind", ("a",)),)),
            ]
        )
        with pytest.raises(UsageError, match="use tpe"):
            SAMPLERS["cmaes"].build(0, space, 20)


class TestGaussianProcess:
    def test_without_torch_it_says_what_to_install(self, space, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert "pip install '.[gp]' in the checkout" in SAMPLERS["gp"].incompatible_because(space, 10)
        with pytest.raises(UsageError, match=r"pip install '\.\[gp\]'"):
            SAMPLERS["gp"].build(0, space, 10)

    def test_many_trials_are_advised_against(self, space):
        assert "1000" in SAMPLERS["gp"].advice(space, 1000)
        assert SAMPLERS["gp"].advice(space, 200) is None
