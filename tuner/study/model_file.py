"""`model`: find the model's file and function without running them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tuner import user_code
from tuner.errors import ContentError, nearest
from tuner.space import Categorical, Dimension, Fixed
from tuner.study.problems import Problems
from tuner.user_code import Reference, Signature


@dataclass(frozen=True)
class Model:
    """A model file and its function.

    Attributes:
        reference: File and function.
        sha256: Hash of the file.
        signature: Keyword arguments of the function.
        helpers: Path → hash of each file of the project that it imports, directly or not.
    """

    reference: Reference
    sha256: str
    signature: Signature
    helpers: Mapping[str, str]


def find_model(text: str, project: Path, problems: Problems) -> Model | None:
    """Find the model of a study, or return None after noting the problem; its file is parsed, not run."""
    known = [f"models/{file.name}" for file in user_code.list_files(project, "models")]
    try:
        reference = Reference.parse(text, "build")
        signature = user_code.read_signature(project, reference)
        missing = user_code.missing_helper(project, reference.path)
        if missing is not None:
            raise ContentError(f"{missing}.")
        helpers = user_code.helper_hashes(project, reference.path)
        return Model(reference, user_code.sha256(user_code.find_file(project, reference.path)), signature, helpers)
    except (ContentError, OSError, ValueError) as error:
        problems.add(
            "model",
            str(error),
            text,
            allowed=", ".join([*known, "a Python file of the project, with a function build"]),
            near=None if (path := text.partition(":")[0]) in known else nearest(path, known),
            next_step="Correct the path, which is relative to the project, or the function's name after the colon.",
        )
        return None


def find_keras_files(dimensions: Iterable[Dimension], project: Path, problems: Problems) -> dict[str, str]:
    """Return path → hash of each `.keras` file that a keyword of the model names; what is missing is a problem."""
    found: dict[str, str] = {}
    for dimension in dimensions:
        match dimension.parameter:
            case Fixed(value):
                values: tuple[object, ...] = (value,)
            case Categorical(choices):
                values = tuple(choices)
            case _:
                continue
        if dimension.name.startswith("model."):
            try:
                found |= user_code.keras_file_hashes(project, values)
            except (ContentError, OSError) as error:
                problems.add(f"search.{dimension.name}", str(error), next_step="Correct the path.")
    return found
