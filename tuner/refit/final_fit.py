"""The chosen recipe trained on all rows but those of the test, which is then scored, once."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.catalog import BuildableRecipe, TrialState
from tuner.data import HeldOut, held_out, read_options, save_held_out
from tuner.errors import StudyFailedError
from tuner.export import find_seed
from tuner.protocol import Job
from tuner.refit.baseline import constants
from tuner.refit.final_training import watches_validation
from tuner.refit.intervals import ErrorWidths, Interval, interval_around, seeds_width
from tuner.refit.refit_result import TestScore
from tuner.refit.refit_session import RefitSession
from tuner.refit.scoring import Answers, Measure, held_out_measure, standard_error
from tuner.refit.selection import Candidate, p_above
from tuner.storage import TEST_USES

_FIRST = 1_000_000
"""Number of the first final training; those of the leaders are far below."""


@dataclass(frozen=True)
class FinalFit:
    """The last trainings.

    Attributes:
        recipe: Of the model that is kept, with its seed.
        model: The Keras file, in the folder of the work.
        own: Classes of its layers that are not Keras's.
        held: What it was trained on, and the test part.
        scored: The scores on the test part, or None without one.
        constant: Objective of the constant answer on the test part, or None without one.
        p: p-value of the recipe against it, or None without one.
    """

    recipe: BuildableRecipe
    model: Path
    own: tuple[str, ...]
    held: HeldOut
    scored: TestScore | None = None
    constant: float | None = None
    p: float | None = None


def expected_on_test(chosen: Candidate, measure: Measure, rows: int) -> Interval | None:
    """Return the prediction interval of the mean test score over as many seeds, or None without a part or a mean.

    It comes from the validation part alone, and allows for the sampling of rows and seeds of both means, and for how
    far the periods of expanding folds are apart.
    """
    if not rows or chosen.mean is None:
        return None
    mean, error = chosen.mean, chosen.error
    widths = [
        measure.widths(mean, error),
        measure.widths(mean, error, rows),
        ErrorWidths(*[seeds_width(chosen.complete, len(chosen.values))] * 2),
        measure.period_widths(chosen.answers),
    ]
    return interval_around(mean, widths, *measure.limits)


def fit_final(work: RefitSession, chosen: Candidate, answer: str) -> FinalFit:
    """Train the chosen recipe with each seed on all rows but the test, and score the test part.

    The first seed is kept, whichever scores best: so its score is unbiased.

    Args:
        work: The work.
        chosen: Its recipe is trained.
        answer: Name of the constant answer that it is compared with.

    Raises:
        StudyFailedError: All trainings diverged.
    """
    recipe = chosen.leader.recipe
    first = _FIRST
    held = held_out(
        read_options(recipe.data),
        work.project,
        find_seed(work.study),
        work.prepared.facts.sha256,
        keep_validation=watches_validation(recipe),
    )
    file, folder = _held_out_file(held, work.folder), str(work.folder)
    jobs = [
        Job(first + index, work.seeded(recipe, index).to_json(), purpose="final_fit", folder=folder, held_out=file)
        for index in range(work.seeds)
    ]
    ended = work.run(jobs, lambda number: None)
    complete = [index for index in range(work.seeds) if ended[first + index].state == TrialState.COMPLETE]
    if not complete:
        raise StudyFailedError(
            f"A model needs a training that does not diverge, but with all rows each of {work.seeds} diverged: "
            f"{ended[first].reason}. Search at lower learning rates."
        )
    kept, index = work.artifacts(first + complete[0]), complete[0]
    final = FinalFit(work.seeded(recipe, index), kept.model, kept.own(), held)
    if not len(held.validation):
        return final
    answers = [work.answers(first + i, ended[first + i], [held], recipe) for i in range(work.seeds)]
    return _score_test(final, answers, index, answer, work)


def _held_out_file(held: HeldOut, folder: Path) -> str | None:
    """Write the rows for the workers; None if there is no room, and they must read the data."""
    try:
        return str(save_held_out(held, folder))
    except OSError:
        return None


def _score_test(
    final: FinalFit, answers: Sequence[Answers | None], index: int, answer: str, work: RefitSession
) -> FinalFit:
    held, measure = final.held, held_out_measure(final.held, final.recipe)
    values = [None if given is None else _finite(measure.score(given)) for given in answers]
    complete = [value for value in values if value is not None]
    draws = measure.draws([given for given, value in zip(answers, values, strict=True) if given and value is not None])
    mean = float(np.mean(complete)) if complete else None
    interval = own = constant = p = None
    if mean is not None and len(complete) > 1:
        rows = measure.widths(mean, standard_error(draws.mean(axis=1)))
        interval = interval_around(mean, [rows, ErrorWidths(*[seeds_width(complete)] * 2)], *measure.limits)
        named = {one.name: one for one in constants((held,), measure.task, work.prepared.facts.classes)}
        if answer in named:
            given = named[answer].answers(measure)
            constant, p = _finite(measure.score(given)), _finite(p_above(complete, draws, given, measure))
    value = values[index]
    if value is not None:
        column = index - values[:index].count(None)
        own = interval_around(value, [measure.widths(value, standard_error(draws[:, column]))], *measure.limits)
    scored = TestScore(tuple(values), mean, interval, index, value, own, len(work.study.record.attrs.test_uses))
    return FinalFit(final.recipe, final.model, final.own, held, scored, constant, p)


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
