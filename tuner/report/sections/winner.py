"""What `tuner train` found: the models that it compared, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.report.html_components import table
from tuner.report.study_view import StudyView
from tuner.text import Html, duration, element, number, significant
from tuner.untrusted_files import nested

_HEADER = ("model", "what it is", "score", "95 % interval", "weights", "1 row, ms", "256 rows, ms", "trained in")
_NOTE = (
    "Networks and controls are compared on the validation rows, each row predicted by models that were not trained on "
    "it. The test part is scored once, for the model that is saved."
)


def winner(results: StudyView) -> Html:
    """Show the sentences of `tuner train`, and its table of models."""
    found = results.refit
    rows = [_cells(row) for row in _list(found, "models") if isinstance(row, Mapping)]
    return element(
        "div",
        [element("p", str(sentence)) for sentence in _list(found, "meaning")],
        table("Models on the validation rows", _HEADER, rows, numbers=(2, 4, 5, 6, 7)),
        element("p", _NOTE, class_="note"),
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    interval, times, seconds = nested(row, "interval"), nested(row, "predict_ms"), row.get("seconds")
    score = row.get("score")
    return [
        str(row.get("name")),
        str(row.get("about")),
        f"none: {row.get('note')}" if score is None else number(score),
        f"{number(interval.get('low'))} … {number(interval.get('high'))}" if interval else "–",
        number(row.get("weights")),
        _milliseconds(times.get("one_row")),
        _milliseconds(times.get("rows_256")),
        duration(seconds if isinstance(seconds, int | float) else None),
    ]


def _milliseconds(value: Any) -> str:
    return significant(float(value), 3) if isinstance(value, int | float) else number(value)


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    found = content.get(key)
    return found if isinstance(found, list) else []
