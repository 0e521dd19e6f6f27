"""The rates at which the optimizers of a study learn, from one short ramp each, and whether the study searches them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tuner.catalog import OPTIMIZERS, Recipe, choice_dimension
from tuner.engines import POINTS, STEPS_A_POINT, find_rate_range
from tuner.protocol import EpochFinished, Executor, Job
from tuner.runner.job_list_runner import run_jobs
from tuner.runner.random_setting import draw_setting
from tuner.runner.shutdown import ShutdownSignal
from tuner.search import load_portfolio, portfolio_points
from tuner.space import Categorical, Fixed, Parameter
from tuner.study import StudySpec, resolve_recipe

MOST_SECONDS = 120.0
"""Ramps that take longer are left out: a check is a matter of minutes."""
ADVICE = "Search smaller models and batches, or raise the limits of a trial in [budget]."
"""Next step if a training of a check was ended for exceeding a limit."""


@dataclass(frozen=True)
class RateRange:
    """The rates at which an optimizer learns.

    Attributes:
        optimizer: Row of the table of optimizers.
        low, high: The range; None if the loss fell at no rate.
        searched_low, searched_high: The range that the study searches; equal if it has one rate only.
        missed: Whether these ranges have nothing in common.
    """

    optimizer: str
    low: float | None
    high: float | None
    searched_low: float
    searched_high: float
    missed: bool


def ramps_pay(spec: StudySpec, recipe: Recipe, epoch_s: float) -> bool:
    """Return whether the ramps of all optimizers take less than `MOST_SECONDS`.

    Args:
        spec: The study.
        recipe: What was trained.
        epoch_s: Wall time of its epochs.
    """
    steps = max(1, spec.facts.rows["train"] // recipe.batch_size)
    return len(_optimizers(spec)) * POINTS * STEPS_A_POINT * epoch_s / steps <= MOST_SECONDS


def find_rate_ranges(spec: StudySpec, executor: Executor, shutdown: ShutdownSignal) -> list[RateRange]:
    """Train a ramp with each optimizer that the study may choose.

    Args:
        spec: The study.
        executor: A started one.
        shutdown: Ctrl-C ends it at once.

    Raises:
        KeyboardInterrupt: It was interrupted.
        WorkerError: No worker can be started.
    """
    recipes = [_recipe(spec, optimizer) for optimizer in _optimizers(spec)]
    jobs = [Job(n, recipe.to_json(), purpose="rate_ramp") for n, recipe in enumerate(recipes)]
    curves: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)

    def on_epoch(event: EpochFinished) -> None:
        curves[event.number].append((event.record.learning_rate, event.record.loss))

    def tolerate(number: int, reason: str) -> bool:
        return True  # an optimizer whose ramp fails has no range; its trials say why

    run_jobs(executor, jobs, shutdown, on_epoch=on_epoch, tolerate=tolerate, advice=ADVICE)
    return [_range(spec, recipe, curves[number]) for number, recipe in enumerate(recipes)]


def _optimizers(spec: StudySpec) -> list[str]:
    if "optimizer" not in spec.space:
        return [str(choice_dimension("optimizer").default)]
    parameter = spec.space["optimizer"].parameter
    values = parameter.choices if isinstance(parameter, Categorical) else (parameter.at(0),)
    return [str(value) for value in values]


def _recipe(spec: StudySpec, optimizer: str) -> Recipe:
    """Return a setting with this optimizer: the known one that is best on average, or a random one."""
    chosen = {"optimizer": optimizer} if "optimizer" in {d.name for d in spec.space.searched} else {}
    points, portfolio = portfolio_points(spec.space, spec.facts.task)
    known = (points[index] for index in portfolio.mean_regrets().argsort(kind="stable"))
    point: dict[str, Any] = next((one for one in known if one.items() >= chosen.items()), chosen)
    return resolve_recipe(spec, draw_setting(spec, point), 0)


def _range(spec: StudySpec, recipe: Recipe, curve: list[tuple[float, float]]) -> RateRange:
    optimizer = recipe.optimizer.name
    rates, losses = [rate for rate, _ in curve], [loss for _, loss in curve]
    typical = load_portfolio(spec.facts.task).typical_rate(optimizer, recipe.momentum)
    found = find_rate_range(rates, losses, OPTIMIZERS[optimizer].proportional, typical)
    low, high = _searched(spec, optimizer, recipe.learning_rate)
    missed = found is not None and (found[1] < low or found[0] > high)
    first, last = found or (None, None)
    return RateRange(optimizer, first, last, low, high, missed)


def _searched(spec: StudySpec, optimizer: str, rate: float) -> tuple[float, float]:
    """Return the lowest and the highest rate that the study has for an optimizer; `rate` if it searches none."""
    for name in (f"optimizer.{optimizer}.learning_rate", "learning_rate"):
        if name in spec.space and spec.space[name].is_active({"optimizer": optimizer}):
            return _bounds(spec.space[name].parameter, rate)
    return rate, rate


def _bounds(parameter: Parameter, rate: float) -> tuple[float, float]:
    if isinstance(parameter, Fixed):
        return rate, rate
    if isinstance(parameter, Categorical):
        rates = [float(value) for value in parameter.choices if isinstance(value, int | float)]
        return min(rates), max(rates)
    return float(parameter.low), float(parameter.high)
