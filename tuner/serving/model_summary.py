"""What a saved model takes, what it predicts, and how it scored, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.catalog import Task
from tuner.data import is_image_shape, was_folder
from tuner.text import count, listed_first, value_text
from tuner.untrusted_files import nested

if TYPE_CHECKING:
    from tuner.serving.model_metadata import ModelMetadata

_SHOWN = 10
"""Columns and classes that are named; the others are counted."""


def input_text(about: ModelMetadata, shape: Sequence[int] | None = None) -> str:
    """Say what rows a model takes.

    Args:
        about: Its metadata.
        shape: Of a row; None if it is not known.
    """
    given = about.preprocessing
    names = (*given.numbers, *given.encoders)
    if names:
        return f"{count(len(names), 'column')}: {listed_first(names, _SHOWN)}"
    if takes_images(about):
        height, width, channels = given.shape
        grey = " in grey" if channels == 1 else ""
        return f"images of {width} x {height} pixels{grey}, or an array (rows, {height}, {width}, {channels})"
    sizes = [str(size or "any") for size in shape] if shape is not None else ["…", str(len(given.center))]
    return f"an array ({', '.join(['rows', *sizes])})"


def takes_images(about: ModelMetadata) -> bool:
    """Return whether the rows of the study were files of images."""
    source, given = about.recipe.data.get("source"), about.preprocessing
    return isinstance(source, str) and was_folder(source) and is_image_shape(given.shape) and not given.features


def output_text(about: ModelMetadata) -> str:
    """Say what `predict` returns for a row."""
    names = listed_first(about.classes, _SHOWN)
    match about.recipe.task:
        case Task.REGRESSION:
            return "the target, in its unit"
        case Task.MULTILABEL:
            return f"0 or 1 for each of {count(len(about.classes), 'label')}: {names}"
    return f"one of {count(len(about.classes), 'class', 'classes')}: {names}"


def networks_text(many: int, model: str) -> str:
    """Say what is in the file: "one network", "ensemble of 5 networks"."""
    return "one network" if many <= 1 else f"{model} of {many} networks"


@dataclass(frozen=True)
class HeldOutScore:
    """A score on the test part.

    Attributes:
        value: The objective.
        interval: Its 95 % interval, or None if that is not known.
        of_saved: Whether it is that of the saved model, else the mean of networks trained as the saved one.
    """

    value: float
    interval: tuple[float, float] | None
    of_saved: bool

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> HeldOutScore | None:
        """Read the score from what `score_text` takes; None if nothing was scored on the test part."""
        test = nested(found, "test")
        saved = nested(test, "saved")
        of_saved = bool(saved) and saved.get("seed") is None
        value, interval = (saved.get("value"), saved) if of_saved else (test.get("mean"), test)
        if not isinstance(value, int | float):
            return None
        return cls(float(value), _bounds(interval), of_saved)


def score_text(found: Mapping[str, Any]) -> str:
    """Describe the score on the test part, else that on the validation part; return "" if there is neither.

    Args:
        found: The shape of `tuner train --json`, from a file whose content is not trusted.
    """
    test, metric = HeldOutScore.read(found), found.get("metric")
    if test is not None:
        mean = "" if test.of_saved else ", mean of the networks trained as the saved one"
        return f"test {metric} {_value_text(test.value, test.interval)}{mean}"
    model = nested(found, "handed_over").get("model")
    rows = [row for row in _rows(found, "models") if row.get("name") == model]
    rows += [row for row in _rows(found, "recipes") if row.get("trial") == found.get("chosen")]
    for row in rows:
        value = row.get("score", row.get("mean"))
        if isinstance(value, int | float):
            return f"validation {metric} {_value_text(float(value), _bounds(row))}"
    return ""


def _bounds(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the ends of the interval in a row, or None if it has none."""
    interval = nested(row, "interval")
    low, high = interval.get("low"), interval.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return float(low), float(high)


def _value_text(value: float, interval: tuple[float, float] | None) -> str:
    """Format a value with its interval."""
    if interval is None:
        return value_text(value)
    low, high = interval
    return f"{value_text(value)} (95 % interval {value_text(low)} to {value_text(high)})"


def _rows(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = content.get(key)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
