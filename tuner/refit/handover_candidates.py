"""The networks that could be saved: one, the ensemble of its seeds, a mixture of the leading recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tuner.refit.cross_fitting import cross_fit
from tuner.refit.ensemble_selection import greedy_shares
from tuner.refit.score_uncertainty import Answers, Measure, standard_error
from tuner.refit.seed_ensemble import Combine, Estimate, average, estimate_ensemble
from tuner.refit.selection import Candidate
from tuner.refit.temperature import calibrate, fit_temperature
from tuner.refit.worker_final_fit import watches_validation

MIN_ROWS_FOR_TEMPERATURE = 200
"""Fewer validation rows say too little of the temperature; docs/honest-winner.md has the numbers."""


@dataclass(frozen=True)
class Contender:
    """A model that could be saved, by the validation rows.

    Attributes:
        name: What it is.
        shares: Trial → share of its recipe in the average.
        estimate: Its score; of a single network, the mean over its seeds.
        temperature: Divides its logits; None if its probabilities are left as they are.
    """

    name: Literal["single", "ensemble", "mixture"]
    shares: Mapping[int, float]
    estimate: Estimate
    temperature: float | None = None


def find_contenders(candidates: Sequence[Candidate], chosen: Candidate, measure: Measure) -> list[Contender]:
    """Return the chosen recipe with one seed, with all of them, and the mixture if it has other recipes.

    What the mixture and the calibration fit, they fit on validation rows; each row is answered by what was fitted
    without it.
    """
    mean = Estimate(
        float(np.mean(chosen.complete)),
        tuple(chosen.complete),
        chosen.draws,
        chosen.interval,
        chosen.bound,
        tuple(given for given in chosen.answers if given is not None),
    )
    found = [Contender("single", {chosen.leader.trial: 1.0}, mean)]
    seeds = [index for index, answers in enumerate(chosen.answers) if answers is not None]

    def together(some: Sequence[int]) -> Answers:
        return _averaged(chosen, some)

    found += _contender("ensemble", {chosen.leader.trial: 1.0}, together, seeds, measure)
    return found + _mixture(candidates, chosen, seeds, measure)


def select_contender(contenders: Sequence[Contender], measure: Measure, *, single: bool) -> Contender:
    """Return the single network if it is asked for; else the ensemble, unless the mixture has the better bound."""
    by_name = {one.name: one for one in contenders}
    ensemble, mixture = by_name.get("ensemble"), by_name.get("mixture")
    if single or ensemble is None:
        return by_name["single"]
    if mixture is None or mixture.estimate.bound is None or ensemble.estimate.bound is None:
        return ensemble
    return mixture if measure.objective.better(mixture.estimate.bound, ensemble.estimate.bound) else ensemble


def _averaged(candidate: Candidate, seeds: Sequence[int]) -> Answers:
    return average([given for given in (candidate.answers[seed] for seed in seeds) if given is not None])


def _mixture(
    candidates: Sequence[Candidate], chosen: Candidate, seeds: Sequence[int], measure: Measure
) -> list[Contender]:
    """Return the mixture of the chosen recipe and those that trained with the same seeds on the same rows, if any."""
    watches = watches_validation(chosen.leader.recipe)
    library = [chosen]
    for one in candidates:
        complete = all(one.answers[seed] is not None for seed in seeds)
        if one is not chosen and complete and watches_validation(one.leader.recipe) == watches:
            library.append(one)
    recipes = [_averaged(one, seeds) for one in library]
    shares = greedy_shares(recipes, measure) if len(library) > 1 else (1.0,)
    if shares[0] == 1.0:
        return []

    def choose(some: Measure, rows: list[np.ndarray]) -> tuple[float, ...]:
        return greedy_shares([[part[r] for part, r in zip(given, rows, strict=True)] for given in recipes], some)

    crossed = cross_fit(measure, choose)

    def mixed(some: Sequence[int]) -> Answers:
        stacked = [np.stack(parts, axis=-1) for parts in zip(*(_averaged(one, some) for one in library), strict=True)]
        return crossed.answers(stacked, lambda parts, found: [part @ np.array(found) for part in parts])

    named = {one.leader.trial: share for one, share in zip(library, shares, strict=True) if share}
    return _contender("mixture", named, mixed, seeds, measure)


def _contender(
    name: Literal["ensemble", "mixture"],
    shares: Mapping[int, float],
    combine: Combine,
    seeds: Sequence[int],
    measure: Measure,
) -> list[Contender]:
    combine, temperature = _calibrated(combine, seeds, measure)
    estimate = estimate_ensemble(combine, seeds, measure)
    return [] if estimate is None else [Contender(name, shares, estimate, temperature)]


def _calibrated(combine: Combine, seeds: Sequence[int], measure: Measure) -> tuple[Combine, float | None]:
    """Return the calibrated answers with the temperature, if there are enough rows and it helps.

    It helps if the log loss of rows that it was not fitted on is lower, by more than the standard error of that.
    """
    if not measure.task.classifies or measure.rows < MIN_ROWS_FOR_TEMPERATURE:
        return combine, None
    answers = combine(seeds)

    def fit(some: Measure, rows: list[np.ndarray]) -> float:
        return fit_temperature([part[chosen] for part, chosen in zip(answers, rows, strict=True)], some)

    crossed, loss = cross_fit(measure, fit), replace(measure, metric="log_loss")

    def calibrated(some: Sequence[int]) -> Answers:
        return crossed.answers(combine(some), lambda part, found: calibrate(part, found, measure.task))

    better = calibrated(seeds)
    draws = loss.draws([answers, better])
    if not loss.score(answers) - loss.score(better) > standard_error(draws[:, 0] - draws[:, 1]):
        return combine, None
    return calibrated, fit_temperature(answers, measure)
