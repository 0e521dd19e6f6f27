"""Files that the dashboard offers for each trial, generated on request."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.export import recipe_toml
from tuner.health import LayerHealth
from tuner.report import StudyView, TrialView, trial_picture
from tuner.results import epochs_table
from tuner.text import csv_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_NAMESPACE = uuid.UUID("6f1dd1f5-2f1f-4b53-8d3e-8f0d4c4d7a11")

Recipe = Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """A row of the table of files.

    Attributes:
        kind: MIME type.
        make: Generates its content, or None if the trial has none.
        there: Tells if the trial has any, without generating it.
    """

    kind: str
    make: Callable[[StudyView, TrialView, Recipe | None], str | None]
    there: Callable[[TrialView, Recipe | None], bool]


def _measured(seen: TrialView, recipe: Recipe | None) -> bool:
    return bool(seen.curve.epochs)


def _judged(seen: TrialView, recipe: Recipe | None) -> bool:
    return bool(seen.findings and seen.curve.epochs)  # probes come with epochs


def _curves(results: StudyView, seen: TrialView, recipe: Recipe | None) -> str | None:
    return trial_picture(results, seen)


def _epochs(results: StudyView, seen: TrialView, recipe: Recipe | None) -> str | None:
    header, rows = epochs_table(results.metric, seen.curve)
    return csv_text([header, *rows]) if rows else None


def _layers(results: StudyView, seen: TrialView, recipe: Recipe | None) -> str | None:
    columns = [field.name for field in dataclasses.fields(LayerHealth)]
    rows = [
        [fold, probe.epoch, *(getattr(layer, name) for name in columns)]
        for fold, probes in results.probes.get(seen.number, {}).items()
        for probe in probes
        for layer in probe.layers
    ]
    return csv_text([["fold", "epoch", *columns], *rows]) if rows else None


def _recipe(results: StudyView, seen: TrialView, recipe: Recipe | None) -> str | None:
    return None if recipe is None else recipe_toml({"recipe": recipe}, results.info.facts.classes)


PICTURE = "curves.svg"

FILES: dict[str, File] = {
    PICTURE: File("image/svg+xml", _curves, _measured),
    "epochs.csv": File("text/csv; charset=utf-8", _epochs, _measured),
    "layers.csv": File("text/csv; charset=utf-8", _layers, _judged),
    "recipe.toml": File("application/toml", _recipe, lambda seen, recipe: recipe is not None),
}
"""Name → file, as the trial's page lists them."""


def study_csv(trials: Sequence[FrozenTrial], objectives: Sequence[str]) -> str:
    """Return trials as CSV, in the columns of optuna-dashboard; no cell is a spreadsheet formula.

    Args:
        trials: In the order of the rows.
        objectives: Their names.
    """
    params = sorted({name for trial in trials for name in trial.params})
    attributes = sorted({name for trial in trials for name in trial.user_attrs})
    named = [*(f"Param {name}" for name in params), *(f"UserAttribute {name}" for name in attributes)]
    rows = [
        [
            trial.number,
            trial.state.name,
            *(trial.values or [None] * len(objectives)),
            *(trial.params.get(name) for name in params),
            *(trial.user_attrs.get(name) for name in attributes),
        ]
        for trial in trials
    ]
    return csv_text([["Number", "State", *objectives, *named], *rows])


def file_id(study_id: int, trial_id: int, name: str) -> str:
    """Derive the id of a file of a trial."""
    return str(uuid.uuid5(_NAMESPACE, f"{study_id}/{trial_id}/{name}"))
