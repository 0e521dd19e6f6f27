"""Comparison of the values of each dimension, one table per dimension."""

from __future__ import annotations

from typing import Any

from tuner.analysis import compare
from tuner.errors import NoBestTrialError
from tuner.report.html_components import table
from tuner.report.study_view import StudyView
from tuner.text import Html, duration, element, number, percent

_OPEN = 3
_HEADER = (
    "complete",
    "best",
    "median",
    "spread",
    "epochs to goal",
    "diverged",
    "pruned",
    "health",
    "time per trial",
    "p",
)


def comparisons(results: StudyView) -> Html:
    """Show the tables, the most important dimension first; the first ones are open."""
    try:
        content = compare(results.study, results.by_importance)
    except NoBestTrialError:
        return element("p", "No trial has ended yet, so there is nothing to compare.")
    several = [one["test"]["limits"] for one in content["comparisons"]]
    common = [text for text in several[0] if all(text in limits for limits in several)] if several else []
    goal = content["goal"]
    return element(
        "div",
        [_dimension(one, common, at < _OPEN) for at, one in enumerate(content["comparisons"])],
        element("p", f"Goal: {results.metric} {number(goal['value'])}, {goal['rule']}. ", _COLUMNS, class_="note")
        if goal
        else None,
        element("ul", [element("li", text) for text in common], class_="notes"),
    )


_COLUMNS = (
    "Spread is the distance between the quartiles. p is the probability that chance alone puts a value that far behind "
    "the best one (bold)."
)


def _dimension(comparison: dict[str, Any], common: list[str], is_open: bool) -> Html:
    name, test = comparison["dimension"], comparison["test"]
    rows = [_row(row, test["leader"]) for row in comparison["groups"]]
    header = (element("code", name), *_HEADER)
    own = [text for text in test["limits"] if text not in common]
    meaning = test["meaning"].removeprefix(f"{name} ")
    return element(
        "details",
        element("summary", element("code", name), " ", element("span", meaning, class_="meaning")),
        table(f"Results by value of {name}", header, rows, numbers=range(1, len(header))),
        element("p", " ".join(own), class_="note") if own else None,
        open=is_open,
    )


def _commonest(row: dict[str, Any]) -> str:
    """Return the most common verdict, and its count among the trials with one."""
    verdicts = row["verdicts"]
    return f"{row['verdict']} ({verdicts[row['verdict']]} of {sum(verdicts.values())})" if verdicts else "–"


def _row(row: dict[str, Any], leader: str | None) -> list[Any]:
    name = "(inactive)" if row["value"] is None else str(row["value"])
    goal = "–" if row["epochs_to_goal"] is None else f"{row['epochs_to_goal']:g} (in {row['reached']})"
    return [
        element("strong", name) if leader is not None and name == leader else name,
        f"{row['complete']} of {row['trials']}",
        *(number(row[key]) for key in ("best", "median", "spread")),
        goal,
        percent(row["share_diverged"]),
        percent(row["share_pruned"]),
        _commonest(row),
        duration(row["seconds_a_trial"]),
        "–" if row["p_against_leader"] is None else f"{row['p_against_leader']:.2g}",
    ]
