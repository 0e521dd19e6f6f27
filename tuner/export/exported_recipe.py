"""One trial as a file that needs no database: its recipe and what was fitted on its training data."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.catalog import BuildableRecipe, Recipe
from tuner.data import PreparedData, Preprocessing, prepare, read_options, unscaled_splits
from tuner.engines import repeat_seed
from tuner.errors import RecipeError, UsageError
from tuner.output_files import partial_file
from tuner.results import StoredStudy, best_trial, check_data_code, selected_recipe
from tuner.storage import trial_attributes
from tuner.text import listed_first, toml_text
from tuner.untrusted_files import MAX_JSON_BYTES, parse_toml, read_bytes, reading

FORMAT = "keras-studies recipe 1"
"""The first key of an exported file."""

_VERSIONS = ("keras", "tensorflow")
_RECIPE_SECTIONS = ("loss", "optimizer", "schedule", "initializer", "clipping", "loop", "model", "data", "code")
_SECTIONS = {"recipe", *(f"recipe.{name}" for name in _RECIPE_SECTIONS), "versions", "splits", "splits.preprocessing"}

_MOST_NAMED = 20
"""Classes that a comment names."""


@dataclass(frozen=True)
class SplitTraining:
    """One of the trainings of a trial on a split: one, or with `[budget] repeats` one a seed.

    Attributes:
        seed: Of initial weights, batch order and dropout.
        epochs: Epochs after which its model was selected; None for all of the recipe.
        value: Its objective; None in studies of older versions.
    """

    seed: int
    epochs: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class FittedSplit:
    """The preprocessing that was fitted on the training part of a split, and the trainings on it.

    Attributes:
        preprocessing: What the features go through.
        target_center, target_scale: `target = y * target_scale + target_center`, one number an output.
        trainings: At least one; the first has the seed of the recipe.
    """

    preprocessing: Preprocessing
    target_center: tuple[float, ...]
    target_scale: tuple[float, ...]
    trainings: tuple[SplitTraining, ...]

    @property
    def epochs(self) -> int | None:
        """Epochs after which the model of the first training was selected; None for all of the recipe."""
        return self.trainings[0].epochs

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "epochs": self.epochs,
            "trainings": [vars(training) for training in self.trainings],
            "target_center": list(self.target_center),
            "target_scale": list(self.target_scale),
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], seed: int) -> FittedSplit:
        """Read what `to_json` returned; TOML leaves out nulls, and older versions wrote no `trainings`."""
        trainings = content.get("trainings") or [{"seed": seed, "epochs": content.get("epochs")}]
        preprocessing = Preprocessing.from_json({"fill": None, **content["preprocessing"]})
        center, scale = tuple(content["target_center"]), tuple(content["target_scale"])
        return cls(preprocessing, center, scale, tuple(SplitTraining(**training) for training in trainings))


@dataclass(frozen=True)
class Export:
    """One trial, ready to be used without the database.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        metric, direction: The objective; "maximize" or "minimize".
        value: The objective of the trial: the mean over its trainings.
        engine: Row of the table of engines that trained the trial.
        recipe: Everything that one training needs.
        input_shape: Shape of one row as the model gets it.
        outputs: Number of raw outputs.
        classes: Names of the classes, in the order of the outputs; none for regression.
        splits: What was fitted and trained on each split: one for a hold-out, k for k folds.
        versions: Package → version, major and minor, with which the study was run.
    """

    study: str
    trial: int
    metric: str
    direction: str
    value: float
    engine: str
    recipe: Recipe
    input_shape: tuple[int, ...]
    outputs: int
    classes: tuple[str, ...]
    splits: tuple[FittedSplit, ...]
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON: the shape of `tuner export --format json`."""
        return {
            "format": FORMAT,
            **vars(self),
            "input_shape": list(self.input_shape),
            "classes": list(self.classes),
            "recipe": self.recipe.to_json(),
            "splits": [split.to_json() for split in self.splits],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Export:
        """Read what `to_json` returned."""
        known = {key: value for key, value in content.items() if key != "format"}
        known["recipe"] = Recipe.from_json(known["recipe"])
        seed = known["recipe"].seed
        known["splits"] = tuple(FittedSplit.from_json(split, seed) for split in known["splits"])
        known["input_shape"], known["classes"] = tuple(known["input_shape"]), tuple(known["classes"])
        return cls(**known)

    def to_toml(self) -> str:
        """Return the same as TOML; what is null in JSON is left out."""
        header = (
            f"# Trial {self.trial} of the study {self.study!r}: validation {self.metric} {self.value:.6g}.\n"
            f'# In Python: tuner.best("this file"). All keys: docs/json.md of keras-studies.\n\n'
        )
        return header + recipe_toml(self.to_json(), self.classes)


def recipe_toml(content: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Return a content with the key `recipe` as the TOML that `tuner.best(FILE)` reads.

    Args:
        content: Plain JSON.
        classes: Names of the classes, for a comment on their weights.
    """
    named = [f"{number} is {name}" for number, name in enumerate(classes)]
    about = {"recipe.class_weight": f"Weight of each class: {listed_first(named, _MOST_NAMED)}."}
    return toml_text(content, _SECTIONS, about if content["recipe"].get("class_weight") and named else None)


def export(study: StoredStudy, project: Path, trial: int | None = None, code: Collection[str] = ()) -> Export:
    """Return a trial with what was fitted on its training data, which are read for it.

    Args:
        study: The study.
        project: Folder that the data's paths are relative to.
        trial: Its number; None for the best one.
        code: Data functions that the user names, besides those that study files of the project name.

    Raises:
        NoBestTrialError: It is not complete, or was not made by keras-studies.
        CodeError: Only the database names the data function.
        DataError: The data cannot be read, or changed since the study was run.
    """
    number, value, recipe = _chosen(study, trial)
    check_data_code(recipe, project, code)
    prepared = prepare_for_export(study, recipe, project)
    fingerprint = study.record.attrs.fingerprint
    return Export(
        study=study.record.name,
        trial=number,
        metric=recipe.metric,
        direction=study.record.direction,
        value=value,
        engine=_trial_engine(study, number),
        recipe=recipe,
        input_shape=tuple(prepared.facts.input_shape),
        outputs=prepared.facts.outputs,
        classes=prepared.facts.classes,
        splits=tuple(
            FittedSplit(
                split.preprocessing, tuple(split.target_center.tolist()), tuple(split.target_scale.tolist()), trainings
            )
            for split, trainings in zip(
                prepared.splits, _trainings(study, number, value, recipe.seed, len(prepared.splits)), strict=True
            )
            if split.preprocessing is not None
        ),
        versions={name: version for name in _VERSIONS if (version := _version(fingerprint.get(f"version.{name}")))},
    )


def _chosen(study: StoredStudy, number: int | None) -> tuple[int, float, Recipe]:
    record = study.record
    if number is None or not record.trials:  # without a trial it says so
        best = best_trial(study)
        return best.trial, best.value, best.recipe
    trial = study.complete_trial(number)
    return trial.number, float(trial.value or 0.0), selected_recipe(study, trial)


def _version(text: Any) -> str | None:
    return text if isinstance(text, str) and re.fullmatch(r"\d+(\.\w+){0,3}", text, re.ASCII) else None


def _trial_engine(study: StoredStudy, number: int) -> str:
    """Return the engine that trained a trial; for older studies the one asked for, `compiled` for `auto`."""
    asked = str(study.record.attrs.info.source.get("engine", "auto"))
    return trial_attributes(study.record.trials[number]).engine or ("compiled" if asked == "auto" else asked)


def _trainings(
    study: StoredStudy, number: int, value: float, seed: int, splits: int
) -> list[tuple[SplitTraining, ...]]:
    """Return the trainings on each split: a trial trains all splits with one seed, then with the next.

    Studies of older versions have trained each split once, and may not know the epochs and values.
    """
    attributes = trial_attributes(study.record.trials[number])
    repeats = max(len(attributes.selected_epochs) // splits, 1)
    epochs: Sequence[int | None] = attributes.selected_epochs
    values: Sequence[float | None] = attributes.training_values or [value]
    count = splits * repeats
    epochs = epochs if len(epochs) == count else [None] * count
    values = values if len(values) == count else [None] * count
    seeds = [repeat_seed(seed, repeat) for repeat in range(repeats)]
    each = [SplitTraining(seeds[index // splits], epochs[index], values[index]) for index in range(count)]
    return [tuple(each[split::splits]) for split in range(splits)]


def find_seed(study: StoredStudy) -> int:
    """Return the seed of the data split."""
    return int(study.record.attrs.info.source.get("seed", 0))


def prepare_for_export(study: StoredStudy, recipe: Recipe, project: Path) -> PreparedData:
    """Prepare the data of a study as for its trainings.

    Raises:
        DataError: They cannot be read, or are others by now.
    """
    return prepare(read_options(recipe.data), project, find_seed(study), data_sha256(study))


def data_sha256(study: StoredStudy) -> str:
    """Return the hash of the data that a study was run with; no data have that of a study without one."""
    return study.record.attrs.info.facts.sha256


def save_rows(study: StoredStudy, export: Export, project: Path, file: Path) -> None:
    """Write the rows of the study as an exported script reads them: encoded, but neither imputed nor scaled.

    Args:
        study: The study.
        export: The trial.
        project: Folder that the data's paths are relative to.
        file: A `.npz` file; for k folds the names of its arrays end in _1 to _k.

    Raises:
        DataError: The data cannot be read, or are others by now.
        UsageError: The file cannot be written.
    """
    import numpy as np

    parts = unscaled_splits(read_options(export.recipe.data), project, find_seed(study), data_sha256(study))
    arrays: dict[str, Any] = {}
    for number, (train, validation) in enumerate(parts, start=1):
        end = "" if len(parts) == 1 else f"_{number}"
        for name, part in (("train", train), ("validation", validation)):
            arrays |= {f"x_{name}{end}": part.x, f"y_{name}{end}": part.y}
            arrays |= {} if part.weight is None else {f"weight_{name}{end}": part.weight}
    with partial_file(file) as partial, partial.open("wb") as rows:
        np.savez_compressed(rows, **arrays)


def read_export(file: Path) -> BuildableRecipe | None:
    """Read the recipe of a file that `tuner export` or `tuner best --json` wrote, or None if it holds none.

    Raises:
        UsageError: It cannot be read.
        RecipeError: Its recipe is broken.
    """
    with reading(str(file), "an exported recipe", "Export it again.", UsageError):
        text = read_bytes(file, MAX_JSON_BYTES).decode("utf-8")
        content = parse_toml(text) if file.suffix.lower() == ".toml" else json.loads(text)
    if not isinstance(content, Mapping) or not isinstance(content.get("recipe"), Mapping):
        return None
    try:
        return BuildableRecipe.from_json(content["recipe"])
    except RecipeError as error:
        raise RecipeError(f"The recipe in {file} is broken. {error} Export it again.") from None
