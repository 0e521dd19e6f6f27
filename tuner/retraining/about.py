"""What lies in a saved model beside Keras's own files: the recipe, and what its rows and answers mean."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.data import Preprocessing
from tuner.errors import RecipeError, UsageError
from tuner.training import Recipe

FORMAT = "keras-studies model 1"
MEMBER = "keras_studies.json"
"""Name of the file in the archive; Keras passes over it."""


@dataclass(frozen=True)
class About:
    """What a saved model is.

    Attributes:
        study: Name of the study.
        trial: Number of the trial whose recipe it is.
        metric, direction: The objective; "maximize" or "minimize".
        recipe: What it was trained by, with its seed.
        classes: Names of the classes or labels, in the order of the outputs; none for regression.
        preprocessing: What the layers in front of the model do; `features` and `vocabulary` say what a row is.
        own: Classes of layers that are not Keras's.
        scores: What was measured: the shape of `tuner train --json`, without this file.
        versions: Package → version that it was saved with.
    """

    study: str
    trial: int
    metric: str
    direction: str
    recipe: Recipe
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    own: tuple[str, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "format": FORMAT,
            **vars(self),
            "recipe": self.recipe.to_json(),
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_json(),
            "own": list(self.own),
            "scores": dict(self.scores),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> About:
        """What `to_json` gave."""
        known = {key: value for key, value in content.items() if key != "format"}
        known["recipe"] = Recipe.from_json(known["recipe"])
        known["preprocessing"] = Preprocessing.from_json(known["preprocessing"])
        known["classes"], known["own"] = tuple(known["classes"]), tuple(known["own"])
        return cls(**known)


def write_about(file: Path, about: About) -> None:
    """Put it into a `.keras` file that Keras has written."""
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, json.dumps(_plain(about.to_json()), indent=2, allow_nan=False))


def _plain(content: Any) -> Any:
    """What JSON knows: numbers that are not finite become null."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def read_about(file: Path) -> About:
    """What lies in a `.keras` file; Keras is not needed for it.

    Raises:
        UsageError: It is no such file, or was not saved by `tuner train`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            content = json.loads(archive.read(MEMBER)) if MEMBER in archive.namelist() else None
        if content is not None:
            return About.from_json(content)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, RecipeError) as error:
        raise UsageError(
            f"{file} cannot be read as a saved model: {' '.join(str(error).split())[:200]}. Train it again."
        ) from error
    raise UsageError(
        f"{file} was not saved by `tuner train`: it holds no recipe. Load it with keras.saving.load_model."
    )
