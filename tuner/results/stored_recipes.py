"""The recipes of a study, as its database holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tuner.catalog import BuildableRecipe, Recipe
from tuner.data import read_options
from tuner.errors import DataError, NoBestTrialError, RecipeError
from tuner.results.stored_study import StoredStudy
from tuner.search import StoredTrial
from tuner.storage import read_recipe, trial_attributes
from tuner.study import LATER_KEYS


def trial_recipe(study: StoredStudy, trial: StoredTrial) -> BuildableRecipe:
    """Read the recipe of a trial.

    Raises:
        NoBestTrialError: It has none: keras-studies did not make the study.
        RecipeError: No study can give it, or this one cannot.
    """
    content = read_recipe(study.database, trial.trial_id)
    where = f"trial {trial.number} of {study.record.name!r}"
    if content is None:
        raise NoBestTrialError(f"T{where[1:]} has no recipe: the study was not made by keras-studies.")
    try:
        recipe = BuildableRecipe.from_json(content)
        read_options(recipe.data)
        _check_question(recipe, study.record.attrs.fingerprint)
    except (RecipeError, DataError) as error:
        raise RecipeError(
            f"The database holds a recipe of {where} that cannot be used. {error} It was edited there: use another "
            "trial, or restore a backup of the database."
        ) from None
    return recipe


def selected_recipe(study: StoredStudy, trial: StoredTrial) -> BuildableRecipe:
    """Read the recipe that trains to the epoch of a trial's model: the median over its splits.

    It needs no validation rows.  The errors are those of `trial_recipe`.
    """
    recipe, epochs = trial_recipe(study, trial), trial_attributes(trial).selected_epochs
    return recipe.end_after(epochs) if epochs else recipe


def _check_question(recipe: Recipe, fingerprint: Mapping[str, Any]) -> None:
    """Refuse a recipe for another model, other data or another objective than its study is about."""
    if not fingerprint:
        return
    known = {**LATER_KEYS, **fingerprint}
    given = {
        "task": recipe.task.value,
        "model": recipe.model.reference,
        "model_sha256": recipe.model.sha256,
        **{f"data.{key}": value for key, value in recipe.data.items()},
        **{f"file.{path}": digest for path, digest in recipe.model.helpers.items()},
    }
    for key, value in given.items():
        if json.dumps(value, sort_keys=True) != json.dumps(known.get(key), sort_keys=True):
            raise RecipeError(f"`{key}` of the recipe is not that of its study.")
    if fingerprint.get("objective", "").partition(" ")[2] != recipe.metric:  # a path may have blanks
        raise RecipeError("`metric` of the recipe is not that of its study.")
