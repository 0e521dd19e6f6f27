"""The chosen recipe trained on all rows but those of the test, which are then scored, once."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.catalog import BuildableRecipe, TrialState
from tuner.data import HeldOut, held_out, read_options, save_held_out
from tuner.errors import StudyFailedError
from tuner.export import find_seed
from tuner.protocol import Job, Member, ModelCost
from tuner.refit.baseline import constants
from tuner.refit.handover_candidates import Contender
from tuner.refit.intervals import ErrorWidths, Interval, interval_around, seeds_width
from tuner.refit.refit_result import MemberRow, TestScore
from tuner.refit.refit_session import RefitSession
from tuner.refit.score_uncertainty import Answers, Measure, held_out_measure, standard_error
from tuner.refit.seed_ensemble import Estimate, average, estimate_ensemble
from tuner.refit.selection import Candidate, p_above
from tuner.refit.temperature import calibrate
from tuner.refit.worker_final_fit import watches_validation
from tuner.storage import TEST_USES

_FIRST = 1_000_000
"""Number of the first final training; those of the leaders are far below."""
_ASSEMBLY = 2 * _FIRST
MAX_MEMBERS = 20
"""Networks of an ensemble: more make a larger and slower file, and hardly a better one."""


@dataclass(frozen=True)
class FinalFit:
    """The last trainings.

    Attributes:
        recipe: Of the first network that is kept, with its seed.
        members: The networks that are kept.
        model: The Keras file, in the folder of the work.
        own: Classes of its layers that are not Keras's.
        cost: What it costs.
        held: What it was trained on, and the test part.
        scored: The scores on the test part, or None without one.
        constant: Objective of the constant answer on the test part, or None without one.
        p: p-value of the model against it, or None without one.
    """

    recipe: BuildableRecipe
    members: tuple[MemberRow, ...]
    model: Path
    own: tuple[str, ...]
    cost: ModelCost
    held: HeldOut
    scored: TestScore | None = None
    constant: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class _Training:
    """A final training.

    Attributes:
        number: Number of its job.
        trial: Its trial.
        seed: Index of its seed.
        recipe: With its seed.
        answers: To the test rows; None without any, or if it diverged.
        complete: Whether it did not diverge.
    """

    number: int
    trial: int
    seed: int
    recipe: BuildableRecipe
    answers: Answers | None
    complete: bool


def expected_on_test(handed: Contender, seeds: int, measure: Measure, rows: int) -> Interval | None:
    """Return the prediction interval of the test score, or None without a test part.

    It comes from the validation part alone, and allows for the sampling of rows and seeds of both, and for how far the
    periods of expanding folds are apart.
    """
    found = handed.estimate
    if not rows or len(found.values) < 2:
        return None
    widths = [
        measure.widths(found.score, found.error),
        measure.widths(found.score, found.error, rows),
        ErrorWidths(*[seeds_width(found.values, seeds)] * 2),
        measure.period_widths(found.trainings),
    ]
    return interval_around(found.score, widths, *measure.limits)


def fit_final(work: RefitSession, leaders: Mapping[int, Candidate], handed: Contender, answer: str) -> FinalFit:
    """Train the chosen recipes with each seed on all rows but the test, make the model, and score the test part.

    Of a single network the first seed is kept, whichever scores best: so its score is unbiased.

    Args:
        work: The work.
        leaders: The recipes by trial.
        handed: The model that is saved.
        answer: Name of the constant answer that it is compared with.

    Raises:
        StudyFailedError: All trainings diverged.
    """
    recipe = next(leaders[trial].leader.recipe for trial in handed.shares)
    single = handed.name == "single"
    held = held_out(
        read_options(recipe.data),
        work.project,
        find_seed(work.study),
        work.prepared.facts.sha256,
        keep_validation=watches_validation(recipe),
    )
    file = _held_out_file(held, work.folder)
    jobs, recipes = _jobs(work, leaders, handed, file)
    ended = work.run(jobs)
    trainings = []
    for job, (trial, seed, seeded) in zip(jobs, recipes, strict=True):
        training = ended[job.number].training
        complete = training.state == TrialState.COMPLETE
        answers = work.answers(job.number, training, [held], seeded) if len(held.validation) else None
        trainings.append(_Training(job.number, trial, seed, seeded, answers, complete))
    kept = [one for one in trainings if one.complete][: 1 if single else None]
    if not kept:
        raise StudyFailedError(
            f"A model needs a training that does not diverge, but with all rows each of {len(jobs)} diverged: "
            f"{ended[jobs[0].number].training.reason}. Search at lower learning rates."
        )
    final = _assembled(work, kept, handed, held, file)
    return _score_test(final, trainings, kept, handed, answer, work) if len(held.validation) else final


def _jobs(
    work: RefitSession, leaders: Mapping[int, Candidate], handed: Contender, held_out_file: str | None
) -> tuple[list[Job], list[tuple[int, int, BuildableRecipe]]]:
    """Return a job for each recipe and seed, with its trial, seed and recipe."""
    seeds = work.seeds if handed.name == "single" else max(1, min(work.seeds, MAX_MEMBERS // len(handed.shares)))
    recipes = [
        (trial, seed, work.seeded(leaders[trial].leader.recipe, seed))
        for seed in range(seeds)
        for trial in handed.shares
    ]
    work.progress.add(len(recipes) - work.seeds)
    jobs = [
        Job(_FIRST + number, recipe.to_json(), purpose="final_fit", folder=str(work.folder), held_out=held_out_file)
        for number, (_, _, recipe) in enumerate(recipes)
    ]
    return jobs, recipes


def _weights(kept: Sequence[_Training], handed: Contender) -> list[float]:
    """Return the weight of each network: the share of its recipe, over those that are kept of it."""
    counts = {trial: sum(one.trial == trial for one in kept) for trial in handed.shares}
    total = sum(share for trial, share in handed.shares.items() if counts[trial])
    return [handed.shares[one.trial] / total / counts[one.trial] for one in kept]


def _assembled(
    work: RefitSession, kept: Sequence[_Training], handed: Contender, held: HeldOut, file: str | None
) -> FinalFit:
    """Have a worker make one model of the networks."""
    weights = _weights(kept, handed)
    members = [Member(one.number, one.recipe.to_json(), weight) for one, weight in zip(kept, weights, strict=True)]
    job = Job(
        _ASSEMBLY,
        kept[0].recipe.to_json(),
        purpose="assemble",
        folder=str(work.folder),
        held_out=file,
        members=tuple(members),
        temperature=handed.temperature,
    )
    work.assemble(job)
    made = work.artifacts(_ASSEMBLY)
    cost = made.cost()
    assert cost is not None
    rows = tuple(MemberRow(one.trial, one.recipe.seed, weight) for one, weight in zip(kept, weights, strict=True))
    return FinalFit(kept[0].recipe, rows, made.model, made.own(), cost, held)


def _held_out_file(held: HeldOut, folder: Path) -> str | None:
    """Write the rows for the workers; None if there is no room, and they must read the data."""
    try:
        return str(save_held_out(held, folder))
    except OSError:
        return None


def _score_test(
    final: FinalFit,
    trainings: Sequence[_Training],
    kept: Sequence[_Training],
    handed: Contender,
    answer: str,
    work: RefitSession,
) -> FinalFit:
    measure = held_out_measure(final.held, final.recipe)
    values = [None if one.answers is None else _finite(measure.score(one.answers)) for one in trainings]
    finite = [one for one, value in zip(trainings, values, strict=True) if value is not None]
    complete = [value for value in values if value is not None]
    mean, interval = float(np.mean(complete)) if complete else None, None
    draws = measure.draws([one.answers for one in finite if one.answers is not None])
    if mean is not None and len(complete) > 1:
        rows = measure.widths(mean, standard_error(draws.mean(axis=1)))
        interval = interval_around(mean, [rows, ErrorWidths(*[seeds_width(complete)] * 2)], *measure.limits)
    model = _estimate(kept, finite, handed, measure)
    own = None
    if model is not None:
        own = interval_around(model.score, [measure.widths(model.score, model.error)], *measure.limits)
    single = handed.name == "single"
    scored = TestScore(
        values=tuple(values),
        mean=mean,
        interval=interval,
        seed=kept[0].seed if single else None,
        value=None if model is None else model.score,
        value_interval=own,
        score=mean if single else None if model is None else model.score,
        before=len(work.study.record.attrs.test_uses),
    )
    seen = (complete, draws) if single or model is None else (list(model.values), model.draws)
    constant = p = None
    named = {one.name: one for one in constants((final.held,), measure.task, work.prepared.facts.classes)}
    if answer in named and len(seen[0]) > 1:
        given = named[answer].answers(measure)
        constant, p = _finite(measure.score_if_defined(given)), _finite(p_above(*seen, given, measure))
    return FinalFit(**{**vars(final), "scored": scored, "constant": constant, "p": p})


def _estimate(
    kept: Sequence[_Training], finite: Sequence[_Training], handed: Contender, measure: Measure
) -> Estimate | None:
    """Score the model that is saved, and, over seeds, what it would be without one of them."""
    if any(one not in finite for one in kept):
        return None

    def combine(seeds: Sequence[int]) -> Answers:
        some = [one for one in kept if one.seed in seeds]
        found = average([one.answers for one in some if one.answers is not None], _weights(some, handed))
        return found if handed.temperature is None else calibrate(found, handed.temperature, measure.task)

    return estimate_ensemble(combine, sorted({one.seed for one in kept}), measure)


def record_test_use(work: RefitSession, chosen: Candidate, scored: TestScore) -> None:
    """Record with the study that its test part was scored.

    Raises:
        StorageError: It cannot be written.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {"when": now, "trial": chosen.leader.trial, "mean": scored.mean}
    record = work.study.record
    work.study.database.set_study_attr(record.study_id, TEST_USES, [*record.attrs.test_uses, entry])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
