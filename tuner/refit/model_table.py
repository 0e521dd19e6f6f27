"""The table of models: what could be saved, and the controls, all on the same validation rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.analysis import holm
from tuner.protocol import Job, ModelCost
from tuner.refit.finalists import Leader
from tuner.refit.handover_candidates import Contender
from tuner.refit.intervals import interval_around
from tuner.refit.refit_result import Baseline, CandidateRow, ModelRow
from tuner.refit.refit_session import RefitSession
from tuner.refit.scikit_learn_controls import CONTROLS, MOST_VALUES, training_values
from tuner.refit.score_uncertainty import Answers, Measure, standard_error
from tuner.refit.selection import ALPHA, p_above
from tuner.text import duration, listed, significant

_FIRST = 3_000_000
"""Number of the first job of a control."""


@dataclass(frozen=True)
class ControlFit:
    """A control that was trained, or why it was not.

    Attributes:
        name: Row of the table of controls.
        answers: To the validation rows; None without a model.
        cost: What it costs.
        seconds: Time to train it.
        note: Why it has no answers, or None.
    """

    name: str
    answers: Answers | None
    cost: ModelCost | None = None
    seconds: float | None = None
    note: str | None = None


def control_jobs(work: RefitSession, leader: Leader) -> list[Job]:
    """Return a job for each control, or none if there is too much data for them."""
    if training_values(work.prepared.facts, work.prepared) > MOST_VALUES:
        return []
    recipe, folder = leader.recipe.to_json(), str(work.folder)
    return [
        Job(_FIRST + number, recipe, purpose="control", folder=folder, control=name)
        for number, name in enumerate(CONTROLS)
    ]


def read_controls(work: RefitSession, seconds: Mapping[int, float], failures: Mapping[int, str]) -> list[ControlFit]:
    """Read what the controls answered.

    Args:
        work: The session.
        seconds: Number of a job that ended → its time.
        failures: Number of a job that failed → why.
    """
    found = []
    for number, name in enumerate(CONTROLS, _FIRST):
        if number in seconds:
            kept = work.artifacts(number)
            found.append(ControlFit(name, kept.outputs(), kept.cost(), seconds[number]))
        else:
            note = f"more than {MOST_VALUES:,} values to train on"
            found.append(ControlFit(name, None, note=failures.get(number, note)))
    return found


def network_row(one: Contender, costs: Mapping[int, CandidateRow], seeds: int) -> ModelRow:
    """Return the row of a model that could be handed over."""
    trials = listed([str(trial) for trial in one.shares])
    about = {
        "single": f"one network of trial {trials}",
        "ensemble": f"average of {seeds} seeds of trial {trials}",
        "mixture": f"mixture of trials {trials}, {seeds} seeds each"
        if len(one.shares) > 1
        else f"mixture that is trial {trials} alone, {seeds} seeds",
    }[one.name]
    count = 1 if one.name == "single" else seeds
    known = [cost for trial in one.shares if (cost := costs[trial].cost) is not None]
    cost = ModelCost(*(count * sum(part) for part in zip(*(vars(each).values() for each in known), strict=True)))
    seconds = sum((costs[trial].seconds or 0.0) * count for trial in one.shares)
    found = one.estimate
    return ModelRow(
        one.name, about, found.score, found.interval, found.bound, cost=cost, seconds=seconds, shares=one.shares
    )


def control_rows(
    baseline: Baseline, constant: Answers, controls: Sequence[ControlFit], handed: Contender, measure: Measure
) -> list[ModelRow]:
    """Return the rows of the constant answer and of the controls."""
    rows = [_answered("constant", f"constant: {baseline.answer}", constant, measure)]
    rows[0] = replace(rows[0], p=baseline.p, cost=ModelCost(0, 0.0, 0.0), seconds=0.0)
    scored = [one for one in controls if one.answers is not None]
    ps = holm([_p(handed, one.answers or [], measure) for one in scored])
    by_name = dict(zip((one.name for one in scored), ps, strict=True))
    for one in controls:
        if one.answers is None:
            rows.append(ModelRow(one.name, CONTROLS[one.name].text, None, note=one.note))
            continue
        row = _answered(one.name, CONTROLS[one.name].text, one.answers, measure)
        rows.append(replace(row, p=by_name[one.name], cost=one.cost, seconds=one.seconds))
    return rows


def good_controls(
    rows: Sequence[ModelRow], controls: Sequence[ControlFit], constant: Answers, measure: Measure, *, has_winner: bool
) -> list[ModelRow]:
    """Return the controls that are as good as the networks, the best one first.

    As good is what the networks do not beat by more than chance explains.  If they do not even beat a constant answer,
    a control must beat that.
    """
    named = {row.name: row for row in rows}
    found = []
    for one in controls:
        row = named[one.name]
        if one.answers is None or row.score is None or (row.p is not None and row.p < ALPHA):
            continue
        beats = p_above([row.score] * 2, measure.draws([one.answers]), constant, measure)
        if has_winner or beats < ALPHA:
            found.append(row)
    return sorted(found, key=lambda row: measure.objective.sort_key(row.score))


def control_text(good: Sequence[ModelRow], handed: Contender, measure: Measure) -> str | None:
    """Say that a control is as good as the networks, or None if none is."""
    if not good:
        return None
    best, others = good[0], [row.about for row in good[1:]]
    score, networks = best.score or 0.0, handed.estimate.score
    also = f" The same is true of the {listed(others)}." if others else ""
    seconds = "" if best.seconds is None else f", trained in {duration(best.seconds)}"
    what = {"single": "one network", "ensemble": "the ensemble", "mixture": "the mixture of networks"}[handed.name]
    p = "" if best.p is None else f" (p = {best.p:.2g}, over rows and seeds; Holm)"
    level = "better" if measure.objective.better(score, networks) else "as good"
    return (
        f"A control is {level}: {best.about} (scikit-learn{seconds}) has {measure.metric} {significant(score)} on the "
        f"validation part; {what} has {significant(networks)}, and is not better by more than chance explains{p}.{also}"
    )


def _answered(name: str, about: str, answers: Answers, measure: Measure) -> ModelRow:
    """Return a row of a model without seeds."""
    score = measure.score_if_defined(answers)
    if not math.isfinite(score):
        return ModelRow(name, about, None, note="its score is not finite")
    widths = [measure.widths(score, standard_error(measure.draws([answers])[:, 0]))]
    return ModelRow(name, about, score, interval_around(score, widths, *measure.limits))


def _p(handed: Contender, answers: Answers, measure: Measure) -> float:
    """Return the p-value that the networks are better than a control."""
    found = handed.estimate
    p = p_above(found.values, found.draws, answers, measure) if len(found.values) > 1 else 1.0
    return p if math.isfinite(p) else 1.0
