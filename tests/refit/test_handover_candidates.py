"""Which model is handed over, and which controls are as good: on answers that are made up."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.catalog import BuildableRecipe, Choice, ModelChoice, Task
from tuner.protocol import ModelCost
from tuner.refit.finalists import Leader
from tuner.refit.handover_candidates import MIN_ROWS_FOR_TEMPERATURE, Contender, find_contenders, select_contender
from tuner.refit.model_table import ControlFit, control_rows, control_text, good_controls
from tuner.refit.refit_result import Baseline
from tuner.refit.score_uncertainty import Measure
from tuner.refit.selection import Candidate, evaluate

ROWS, SEEDS = 400, 5
COST = ModelCost(10, 0.1, 0.2)


def leader(trial: int, schedule: str = "constant") -> Leader:
    recipe = BuildableRecipe(
        task=Task.REGRESSION,
        model=ModelChoice(reference="models/mlp.py:build", sha256=""),
        head="linear",
        loss=Choice(name="mean_squared_error"),
        optimizer=Choice(name="adam"),
        learning_rate=0.01,
        schedule=Choice(name=schedule),
        metric="mean_squared_error",
    )
    return Leader(trial, 1.0, {}, recipe)


@pytest.fixture(scope="module")
def measure() -> Measure:
    truth = np.random.default_rng(0).normal(size=(ROWS, 1))
    return Measure("mean_squared_error", Task.REGRESSION, (truth,), (None,))


def candidate(measure: Measure, trial: int, shared: float, own: float = 0.2, schedule: str = "constant") -> Candidate:
    """A recipe whose trainings share an error on each row, and have one of their own."""
    truth, random = measure.truths[0], np.random.default_rng(trial)
    common = shared * random.normal(size=truth.shape)
    answers = [[truth + common + own * random.normal(size=truth.shape)] for _ in range(SEEDS)]
    return evaluate(leader(trial, schedule), answers, measure)


def found(measure: Measure, *candidates: Candidate) -> dict[str, Contender]:
    return {one.name: one for one in find_contenders(candidates, candidates[0], measure)}


def test_the_ensemble_is_better_than_its_members(measure):
    by_name = found(measure, candidate(measure, 1, 0.1, 0.5))
    assert set(by_name) == {"single", "ensemble"}
    assert by_name["single"].estimate.score == pytest.approx(0.26, abs=0.03)
    assert by_name["ensemble"].estimate.score == pytest.approx(0.01 + 0.25 / SEEDS, abs=0.01)
    assert select_contender(list(by_name.values()), measure, single=False).name == "ensemble"
    assert select_contender(list(by_name.values()), measure, single=True).name == "single"


def test_a_mixture_that_helps_is_taken(measure):
    by_name = found(measure, candidate(measure, 1, 0.5), candidate(measure, 2, 0.5), candidate(measure, 3, 3.0))
    assert by_name["mixture"].shares == {1: pytest.approx(0.5, abs=0.11), 2: pytest.approx(0.5, abs=0.11)}
    assert select_contender(list(by_name.values()), measure, single=False).name == "mixture"


def test_a_mixture_that_does_not_help_is_not(measure):
    by_name = found(measure, candidate(measure, 1, 0.1), candidate(measure, 2, 3.0))
    assert "mixture" not in by_name
    same = candidate(measure, 1, 0.5)
    assert "mixture" not in found(measure, same, Candidate(leader(2), *list(vars(same).values())[1:]))


def test_a_mixture_is_of_recipes_that_train_on_the_same_rows(measure):
    plateau = candidate(measure, 2, 0.5, schedule="reduce_on_plateau")
    assert "mixture" not in found(measure, candidate(measure, 1, 0.5), plateau)


def test_few_rows_and_values_have_no_temperature(measure):
    assert found(measure, candidate(measure, 1, 0.1))["ensemble"].temperature is None
    assert MIN_ROWS_FOR_TEMPERATURE >= 200


def probabilities(rows: int, sure: float) -> tuple[Measure, Candidate]:
    random = np.random.default_rng(3)
    logits = random.normal(size=(rows, 1)) * 1.5
    truth = (random.random((rows, 1)) < 1 / (1 + np.exp(-logits))).astype(float)
    measure = Measure("log_loss", Task.BINARY, (truth,), (None,))
    answers = [[1 / (1 + np.exp(-sure * logits - 0.1 * random.normal(size=(rows, 1))))] for _ in range(SEEDS)]
    return measure, evaluate(leader(1), answers, measure)


def test_probabilities_that_are_too_sure_are_calibrated():
    measure, one = probabilities(600, 3.0)
    ensemble = found(measure, one)["ensemble"]
    assert ensemble.temperature == pytest.approx(3.0, rel=0.2)
    assert ensemble.estimate.score < 0.9 * found(measure, one)["single"].estimate.score
    assert found(*probabilities(600, 1.0))["ensemble"].temperature is None, "they are right as they are"
    assert found(*probabilities(MIN_ROWS_FOR_TEMPERATURE - 1, 3.0))["ensemble"].temperature is None


def controls(measure: Measure, linear: float, boosting: float) -> list[ControlFit]:
    truth, random = measure.truths[0], np.random.default_rng(9)
    return [
        ControlFit(name, [truth + error * random.normal(size=truth.shape)], COST, 0.1)
        for name, error in (("linear", linear), ("boosting", boosting))
    ]


@pytest.mark.parametrize(
    ("linear", "boosting", "says"),
    [
        (1.0, 0.7, None),
        (1.0, 0.1, "A control is better: gradient boosting"),
        (0.1, 0.1, " The same is true of the "),
    ],
)
def test_a_control_that_is_as_good_is_said(measure, linear, boosting, says):
    handed = found(measure, candidate(measure, 1, 0.55))["ensemble"]
    constant = [np.zeros((ROWS, 1))]
    baseline = Baseline("the mean of the training part", 1.0, 1e-9, 10)
    fits = controls(measure, linear, boosting)
    rows = control_rows(baseline, constant, fits, handed, measure)
    assert [row.name for row in rows] == ["constant", "linear", "boosting"]
    assert all(row.interval is not None and row.cost is not None for row in rows)
    text = control_text(good_controls(rows, fits, constant, measure, has_winner=True), handed, measure)
    assert text is None if says is None else says in str(text)


def test_without_a_winner_a_control_must_beat_the_constant_answer(measure):
    handed = found(measure, candidate(measure, 1, 1.0))["ensemble"]
    constant, baseline = [np.zeros((ROWS, 1))], Baseline("the mean of the training part", 1.0, 0.6, 10)
    for error, good in ((1.2, []), (0.3, ["linear"])):
        fits = controls(measure, error, 3.0)
        rows = control_rows(baseline, constant, fits, handed, measure)
        names = [row.name for row in good_controls(rows, fits, constant, measure, has_winner=False)]
        assert names == good


def test_a_control_that_was_not_trained_says_why(measure):
    handed = found(measure, candidate(measure, 1, 0.5))["ensemble"]
    fits = [ControlFit("linear", None, note="out of memory"), ControlFit("boosting", None, note="out of memory")]
    rows = control_rows(Baseline("0", 1.0, 0.01, 3), [np.zeros((ROWS, 1))], fits, handed, measure)
    assert [row.note for row in rows] == [None, "out of memory", "out of memory"]
    assert good_controls(rows, fits, [np.zeros((ROWS, 1))], measure, has_winner=True) == []
