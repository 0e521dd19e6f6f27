"""Every pruner, on simulated curves."""

from __future__ import annotations

import math
import random

import optuna
import pytest

from tuner.errors import UsageError
from tuner.search import PRUNERS, Outcome, tell, trial_state

STEPS = 20
DECIDING = [name for name in PRUNERS if name not in ("none", "wilcoxon")]
OPTIONS = {"threshold": {"lower": 0.12}}


def curve(final, steps=STEPS):
    """Values after steps 1 … `steps` that approach `final`."""
    return [final * (1 - math.exp(-step / 5)) for step in range(1, steps + 1)]


def train(study, values, rungs):
    """One trial: report every step, decide at rungs only; the step after which it was ended, or None."""
    trial = study.ask()
    for step, value in enumerate(values, start=1):
        trial.report(value, step)
        if step in rungs and trial.should_prune():
            tell(study, trial, Outcome("pruned"))
            return step
    tell(study, trial, Outcome("complete", values[-1]))
    return None


def opened(name, steps=STEPS, **options):
    row = PRUNERS[name]
    options = {**OPTIONS.get(name, {}), **options}
    study = optuna.create_study(
        study_name="s",
        direction="maximize",
        pruner=row.build(steps, **options),
        sampler=optuna.samplers.RandomSampler(0),
    )
    return study, row.rungs(steps, **options)


@pytest.mark.parametrize("name", DECIDING)
def test_a_bad_curve_is_ended_at_a_rung_and_a_good_one_goes_on(name):
    study, rungs = opened(name)
    for index in range(12):
        train(study, curve(0.6 + 0.01 * index), rungs)
    # Worse than all, and getting worse still: `patient` asks for that.
    ended = train(study, [0.1 - 0.004 * step for step in range(STEPS)], rungs)
    assert ended in rungs
    assert trial_state(study.trials[-1])[0] == "pruned"
    assert train(study, curve(0.99), rungs) is None


@pytest.mark.parametrize("name", DECIDING)
def test_first_trials_are_not_all_ended(name):
    study, rungs = opened(name)
    generator = random.Random(1)
    ended = [train(study, curve(generator.uniform(0.5, 0.9)), rungs) for _ in range(10)]
    assert ended[0] is None
    assert ended.count(None) >= 2


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 9, 10, 20, 27, 100])
@pytest.mark.parametrize("name", list(PRUNERS))
def test_rungs_ascend_and_stop_before_the_last_step(name, steps):
    options = OPTIONS.get(name, {})
    rungs = PRUNERS[name].rungs(steps, **options)
    assert list(rungs) == sorted(set(rungs))
    assert all(1 <= rung < steps for rung in rungs)
    assert len(rungs) <= 10 or name == "wilcoxon"
    assert isinstance(PRUNERS[name].build(steps, **options), optuna.pruners.BasePruner)


@pytest.mark.parametrize("name", list(PRUNERS))
def test_its_row_is_complete(name):
    row = PRUNERS[name]
    assert row.summary
    assert row.source
    given = {**row.defaults(), **OPTIONS.get(name, {})}
    row.build(STEPS, **given)
    row.rungs(STEPS, **given)
    assert row.incompatible_because(5, **given) is None
    for option in row.options:
        assert option.default is None or option.default in option.allowed


def test_none_ends_no_trial():
    study, rungs = opened("none")
    assert rungs == ()
    for _ in range(8):
        train(study, curve(0.9), rungs)
    trial = study.ask()
    trial.report(0.0, 1)
    assert not trial.should_prune()


@pytest.mark.parametrize("name", ["hyperband", "successive_halving"])
@pytest.mark.parametrize(
    ("given", "rungs"), [({}, (2, 6, 18)), ({"min_resource": 1, "reduction_factor": 4}, (1, 4, 16))]
)
def test_rungs_are_the_steps_at_which_optuna_decides(name, given, rungs):
    """At a rung Optuna notes the value of the trial; between rungs it notes nothing."""
    study, ours = opened(name, **given)
    assert ours == rungs
    noted = set()
    for _ in range(20):
        trial = study.ask()
        for step, value in enumerate(curve(0.9), start=1):
            trial.report(value, step)
            before = len(study.trials[-1].system_attrs)
            trial.should_prune()
            if len(study.trials[-1].system_attrs) > before:
                noted.add(step)
    assert noted == set(rungs)


def test_hyperband_has_one_bracket_for_each_rung():
    study, rungs = opened("hyperband")
    bad = {train(study, curve(0.9 if index < 3 else 0.1), rungs) for index in range(60)}
    assert bad == {None, *rungs}


def test_warmup_and_interval_set_the_rungs():
    assert PRUNERS["median"].rungs(20, n_warmup_steps=5, interval_steps=4) == (5, 9, 13, 17)
    assert PRUNERS["median"].rungs(20) == (7, 9, 11, 13, 15, 17, 19)
    assert PRUNERS["patient"].rungs(20, patience=6) == (9, 11, 13, 15, 17, 19)
    assert PRUNERS["threshold"].rungs(20) == (2, 4, 6, 8, 10, 12, 14, 16, 18)


def test_patient_spares_a_bad_curve_that_still_improves():
    study, rungs = opened("patient")
    for _ in range(6):
        train(study, curve(0.9), rungs)
    assert train(study, [0.1 + 0.01 * step for step in range(STEPS)], rungs) is None


@pytest.mark.parametrize(
    ("limits", "kept"), [({"lower": 0.2}, 0.5), ({"upper": 0.2}, 0.1), ({"lower": 0, "upper": 1}, 0)]
)
def test_threshold_keeps_what_lies_inside(limits, kept):
    study, rungs = opened("threshold", **{"lower": None, **limits})
    assert train(study, [kept] * STEPS, rungs) is None


@pytest.mark.parametrize(
    ("limits", "reason"), [({}, "needs `lower`, `upper` or both"), ({"lower": 1.0, "upper": 0.5}, "`lower < upper`")]
)
def test_threshold_without_sensible_limits_is_refused(limits, reason):
    assert reason in PRUNERS["threshold"].incompatible_because(None, **limits)
    with pytest.raises(UsageError, match=reason):
        PRUNERS["threshold"].build(STEPS, **limits)


class TestFolds:
    """The first fold is easy and the others are not; `shift` is how much better a trial is on all of them."""

    FOLDS = (0.9, 0.5, 0.52, 0.5, 0.51, 0.49)

    def values(self, name, shift):
        folds = [value + shift for value in self.FOLDS]
        return [PRUNERS[name].after_folds(folds[: index + 1]) for index in range(len(folds))]

    def opened(self, name, **options):
        row, steps = PRUNERS[name], len(self.FOLDS)
        options = {**OPTIONS.get(name, {}), **options}
        study = optuna.create_study(
            study_name="s",
            direction="maximize",
            pruner=row.build(steps, True, **options),
            sampler=optuna.samplers.RandomSampler(0),
        )
        return study, row.rungs(steps, **options)

    @pytest.mark.parametrize("name", ["median", "percentile", "hyperband", "successive_halving", "patient"])
    def test_a_trial_that_is_worse_on_each_fold_is_ended_and_a_better_one_goes_on(self, name):
        study, rungs = self.opened(name, **({"patience": 1} if name == "patient" else {}))
        for index in range(12):
            assert train(study, self.values(name, 0.001 * index), rungs if index > 5 else ()) is None
        assert train(study, self.values(name, -0.05), rungs) in rungs
        assert train(study, self.values(name, 0.05), rungs) is None

    def test_a_trial_that_is_lucky_with_its_first_fold_is_ended_when_its_mean_falls_behind(self):
        study, rungs = self.opened("median")
        for _ in range(6):
            train(study, self.values("median", 0.0), rungs)
        folds = [self.FOLDS[0] + 0.05, *(value - 0.1 for value in self.FOLDS[1:])]
        row = PRUNERS["median"]
        assert train(study, [row.after_folds(folds[: index + 1]) for index in range(len(folds))], rungs) == 2

    @pytest.mark.parametrize("name", list(PRUNERS))
    def test_what_is_reported_is_comparable(self, name):
        assert PRUNERS[name].after_folds([0.3, 0.9]) == (0.9 if name == "wilcoxon" else pytest.approx(0.6))


class TestWilcoxon:
    FOLDS = 8

    def test_it_ends_a_trial_that_is_worse_fold_by_fold(self):
        study, rungs = opened("wilcoxon", steps=self.FOLDS)
        assert rungs == (4, 5, 6, 7)
        best = [0.90, 0.84, 0.88, 0.91, 0.87, 0.86, 0.92, 0.89]
        assert train(study, best, rungs) is None
        assert train(study, [value - 0.02 - 0.001 * i for i, value in enumerate(best)], rungs) == 4
        assert train(study, [value + 0.01 * (-1) ** i for i, value in enumerate(best)], rungs) is None

    @pytest.mark.parametrize(
        ("folds", "reason"), [(None, "compares folds"), (4, "from 5 folds on, but the study has 4")]
    )
    def test_it_needs_folds_enough(self, folds, reason):
        assert reason in PRUNERS["wilcoxon"].incompatible_because(folds)

    @pytest.mark.parametrize(("p_threshold", "needed"), [(0.1, 5), (0.05, 6), (0.25, 4)])
    def test_the_fewest_folds_are_those_that_can_decide(self, p_threshold, needed):
        row = PRUNERS["wilcoxon"]
        assert row.incompatible_because(needed, p_threshold=p_threshold) is None
        assert row.incompatible_because(needed - 1, p_threshold=p_threshold) is not None
        study, rungs = opened("wilcoxon", steps=needed, p_threshold=p_threshold)
        best = [0.90, 0.84, 0.88, 0.91, 0.87, 0.86][:needed]
        train(study, best, rungs)
        worse = [value - 0.02 - 0.001 * i for i, value in enumerate(best)]
        assert train(study, worse, rungs) == needed - 1
