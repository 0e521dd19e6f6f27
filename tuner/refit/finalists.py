"""The recipes of a study that are trained again, and the seeds that they get."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from tuner.analysis import ranked
from tuner.catalog import BuildableRecipe, TrialState, seed_from
from tuner.results import StoredStudy, best_trial, trial_recipe
from tuner.search import searched_params


@dataclass(frozen=True)
class Leader:
    """A trial that led the search.

    Attributes:
        trial: Its number.
        value: The objective that the search saw.
        params: Its searched parameters, as plain JSON.
        recipe: Its recipe.
    """

    trial: int
    value: float
    params: dict[str, Any]
    recipe: BuildableRecipe = field(repr=False)


def leaders(study: StoredStudy, top: int, chosen: Collection[int] = ()) -> list[Leader]:
    """Return the best complete trials, best first.  Of trials that differ in their seed alone, the best one counts.

    Args:
        study: The study.
        top: How many at most, if none are chosen.
        chosen: Numbers of the trials to return instead.

    Raises:
        NoBestTrialError: No trial is complete, one that was chosen is not, or keras-studies did not make the study.
        UsageError: A trial that was chosen does not exist.
    """
    if chosen:
        trials = [study.complete_trial(number) for number in {*chosen}]
    else:
        best_trial(study)
        trials = [trial for trial in study.record.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    most = len(trials) if chosen else top
    found: list[Leader] = []
    known: list[BuildableRecipe] = []
    for trial in ranked(trials, study.objective):
        recipe = trial_recipe(study, trial)
        unseeded = recipe.model_copy(update={"seed": 0})
        if unseeded not in known:
            known.append(unseeded)
            found.append(Leader(trial.number, float(trial.value or 0.0), searched_params(trial), recipe))
        if len(found) == most:
            break
    return found


def derive_seed(seed: int, number: int) -> int:
    """Derive the seed of a retraining: not used by the search, and the same for every recipe."""
    return seed_from(f"train {seed}:{number}")
