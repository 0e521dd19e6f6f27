"""What a saved model holds besides Keras's own files: the recipe, and what its rows and answers mean."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.catalog import BuildableRecipe
from tuner.data import Preprocessing
from tuner.errors import RecipeError, UsageError
from tuner.serving.model_summary import input_text, networks_text, output_text, score_text
from tuner.text import json_text, one_line
from tuner.untrusted_files import MAX_JSON_BYTES, open_zip, read_member, reading

FORMAT = "keras-studies model 1"
MEMBER = "keras_studies.json"
"""Name of the file in the archive; Keras passes over it."""

_KINDS: Mapping[str, type] = {
    "study": str,
    "trial": int,
    "metric": str,
    "direction": str,
    "classes": list,
    "own": list,
    "members": list,
    "scores": dict,
    "versions": dict,
}


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata of a saved model.

    Attributes:
        study: Name of the study.
        trial: Number of the trial whose recipe it is.
        metric: Name of the objective.
        direction: "maximize" or "minimize".
        recipe: The recipe that it was trained by, with its seed; of an ensemble, that of its first network.
        classes: Names of the classes or labels, in the order of the outputs; none for regression.
        preprocessing: What the layers in front of the model do; its `features` and `encoders` describe a row.
        own: Classes of layers that are not Keras's.
        members: The networks of an ensemble: `{"trial", "seed", "weight"}` each; none for a single network.
        temperature: Divides the logits; None if the probabilities are left as they are.
        scores: All measurements: the shape of `tuner train --json`, without this file.
        versions: Package → version at the time of saving.
    """

    study: str
    trial: int
    metric: str
    direction: str
    recipe: BuildableRecipe
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    own: tuple[str, ...] = ()
    members: tuple[Mapping[str, Any], ...] = ()
    temperature: float | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def warning(self) -> str | None:
        """What is to be known before the model is used, or None."""
        if self.scores.get("verdict") != "none":
            return None
        return (
            f"This model of study {self.study!r} was saved although no recipe beats a constant answer by more than "
            "chance explains (--save-anyway): do not rely on its predictions."
        )

    def __repr__(self) -> str:
        facts = "; ".join(f"{name} {text}" for name, text in self.facts().items())
        return one_line(f"<ModelMetadata: {facts}>")

    def facts(self, shape: Sequence[int] | None = None) -> dict[str, str]:
        """Return in words what the model is of, what it takes and predicts, and its score.

        Args:
            shape: Of a row, if it is known.
        """
        trials = {str(member.get("trial")) for member in self.members}
        networks = networks_text(len(self.members), "mixture" if len(trials) > 1 else "ensemble")
        facts = {
            "study": f"{self.study} (trial {self.trial}, {networks})",
            "takes": input_text(self, shape),
            "predicts": output_text(self),
        }
        score = score_text(self.scores)
        return facts | ({"score": score} if score else {})

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "format": FORMAT,
            **vars(self),
            "recipe": self.recipe.to_json(),
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_json(),
            "own": list(self.own),
            "members": [dict(member) for member in self.members],
            "scores": dict(self.scores),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelMetadata:
        """Read what `to_json` gave, or somebody made up.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: It is something else.
        """
        known = {key: value for key, value in content.items() if key != "format"}
        for key, kind in _KINDS.items():
            if not isinstance(known.get(key, kind()), kind):
                raise ValueError(f"`{key}` is of type {type(known[key]).__name__}")
        if not all(isinstance(name, str) for name in (*known["classes"], *known["own"])):
            raise ValueError("`classes` and `own` must hold names")
        try:
            known["recipe"] = BuildableRecipe.from_json(known["recipe"])
        except RecipeError as error:
            raise ValueError(str(error)) from None
        known["preprocessing"] = Preprocessing.from_json(known["preprocessing"])
        known["classes"], known["own"] = tuple(known["classes"]), tuple(known["own"])
        known["members"] = tuple(dict(member) for member in known.get("members", []))
        return cls(**known)


def write_about(file: Path, about: ModelMetadata) -> None:
    """Put it into a `.keras` file that Keras has written."""
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, json_text(about.to_json()))


def read_about(file: Path) -> ModelMetadata:
    """Read the metadata of a `.keras` file, without Keras.

    Raises:
        UsageError: It is no such file, or was not saved by `tuner train`.
    """
    with (
        reading(str(file), "a saved model", "Name a file that `tuner train` wrote.", UsageError),
        open_zip(file) as archive,
    ):
        if MEMBER in archive.namelist():
            return ModelMetadata.from_json(json.loads(read_member(archive, MEMBER, MAX_JSON_BYTES)))
    raise UsageError(
        f"{file} was not saved by `tuner train`: it holds no recipe. Load it with keras.saving.load_model."
    )
