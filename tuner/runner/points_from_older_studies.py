"""The best recipes of older studies, as initial points of this one: `[sampler] from`.

They are settings to try, and no observations: an older study may have had other data, another objective, other epochs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tuner.catalog import DIMENSIONS, NumberDimension, Objective
from tuner.errors import StorageError, StudyNotFoundError, UsageError
from tuner.search import known_values, project, ranked_complete, to_optuna_params
from tuner.space import Space
from tuner.storage import (
    StoredPoint,
    hidden,
    open_read_only,
    read_recipes,
    read_study_record,
    same_database,
    sqlite_url,
)
from tuner.study import STUDY_SUFFIXES, StudySpec, study_name_in

POINTS_OF_STUDY = 5
"""Recipes taken of each older study."""

_TRIALS_OF_STUDY = 50
"""The best of them, among which these are looked for: on this space several may be the same."""


def older_points(spec: StudySpec, url: str, renamed: Mapping[str, str] | None = None) -> list[StoredPoint]:
    """Read the best recipes of the older studies that a study names, projected on its space.

    Values out of a range are moved into it, and choices that do not exist are left to the sampler.  The best of each
    study come first, in the order in which the study names them, then the second ones, and so on; none comes twice.

    Args:
        spec: The study.
        url: Its database, in which studies are that are named without one.
        renamed: Name that a study of this database is about to get → its name now.

    Raises:
        UsageError: An older study or its database does not exist, or has no complete trial; the message names it.
    """
    found: list[StoredPoint] = []
    for points in zip_longest(*(_points(spec, reference, url, renamed or {}) for reference in spec.older)):
        for point in points:
            if point is not None and all(point.params != other.params for other in found):
                found.append(point)
    return found


def _points(spec: StudySpec, reference: str, url: str, renamed: Mapping[str, str]) -> list[StoredPoint]:
    place, name = _locate(reference, spec.project, url)
    try:
        database = open_read_only(place)
        try:
            if renamed and same_database(database.url, url):
                name = renamed.get(name, name)
            record = read_study_record(database, name)
            best = ranked_complete(record.trials, Objective("", record.direction))[:_TRIALS_OF_STUDY]
            recipes = read_recipes(database, [trial.trial_id for trial in best])
        finally:
            database.close()
    except (StorageError, StudyNotFoundError) as error:
        raise UsageError(f"[sampler] from names {hidden(reference)!r}, which cannot be read. {error}") from error
    if not best:
        raise UsageError(
            f"[sampler] from names {hidden(reference)!r}, which has no complete trial yet. Run it first, or remove it."
        )
    points: list[StoredPoint] = []
    for trial in best:
        recipe = recipes.get(trial.trial_id, {})
        values = project(spec.space, _own_numbers(known_values(recipe, trial), spec.space), clip=True)
        params = to_optuna_params(values, spec.space)
        if params and all(params != point.params for point in points) and len(points) < POINTS_OF_STUDY:
            points.append(StoredPoint(study=hidden(reference), trial=trial.number, value=trial.value, params=params))
    return points


def _locate(reference: str, folder: Path, url: str) -> tuple[str, str]:
    """Return the URL of the database and the name of a study: `NAME`, `FILE.toml` or `DATABASE:NAME`."""
    if reference.endswith(STUDY_SUFFIXES):
        file = folder / reference
        return url, study_name_in(file if file.is_file() else reference)[0]
    place, colon, name = reference.rpartition(":")
    if not colon:
        return url, reference
    return place if re.match(r"[\w+]+://", place) else sqlite_url(folder / place), name


def _own_numbers(known: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Return the values without the numbers of a choice that the space does not have: a rate is its optimizer's."""
    foreign = set()
    for row in DIMENSIONS.values():
        choice = row.choice if isinstance(row, NumberDimension) and row.choice is not None else ""
        if choice in space and choice in known and known[choice] not in space[choice].parameter:
            foreign.add(row.name)
    return {name: value for name, value in known.items() if name not in foreign}
