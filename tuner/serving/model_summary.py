"""What a saved model takes, what it predicts, and how it scored, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.catalog import Task
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
    sizes = [str(size or "any") for size in shape] if shape is not None else ["…", str(len(given.center))]
    return f"an array ({', '.join(['rows', *sizes])})"


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


def score_text(found: Mapping[str, Any]) -> str:
    """Describe the score on the test part, else that on the validation part; return "" if there is neither.

    Args:
        found: The shape of `tuner train --json`, from a file whose content is not trusted.
    """
    test, metric = nested(found, "test"), found.get("metric")
    saved = nested(test, "saved")
    if saved and saved.get("seed") is None:
        text = _value_text(saved.get("value"), saved.get("interval"))
    else:
        text = _value_text(test.get("mean"), test.get("interval"))
        text += ", mean of the networks trained as the saved one" if text else ""
    if text:
        return f"test {metric} {text}"
    model = nested(found, "handed_over").get("model")
    rows = [row for row in _rows(found, "models") if row.get("name") == model]
    rows += [row for row in _rows(found, "recipes") if row.get("trial") == found.get("chosen")]
    for row in rows:
        text = _value_text(row.get("score", row.get("mean")), row.get("interval"))
        if text:
            return f"validation {metric} {text}"
    return ""


def _value_text(value: Any, interval: Any) -> str:
    """Format a value with its interval; empty if it is no number."""
    if not isinstance(value, int | float):
        return ""
    low, high = (interval.get("low"), interval.get("high")) if isinstance(interval, Mapping) else (None, None)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return value_text(float(value))
    return f"{value_text(float(value))} (95 % interval {value_text(float(low))} to {value_text(float(high))})"


def _rows(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = content.get(key)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
