"""All trials as a table that can be sorted."""

from __future__ import annotations

from typing import Any

from tuner.report.html_components import table
from tuner.report.study_view import StudyView, TrialView
from tuner.text import Html, count, duration, element, number

MOST_ROWS = 1000
"""More rows than this make the page slow; CSV has them all."""


def trials(results: StudyView, address: str | None = None) -> Html:
    """Show every trial, best first, then those without a final value by number.

    Args:
        results: The study.
        address: What the page of a trial has before its number, or None if there are no such pages.
    """
    if not results.trials:
        return element("p", "No trial has been run.")
    ranked = {seen.number for seen in results.ranking}
    ordered = [*results.ranking, *(seen for seen in results.trials if seen.number not in ranked)]
    names = results.by_importance
    header = ("trial", results.metric, "state", "epochs", "time", "health", *(element("code", name) for name in names))
    rows = [_row(seen, names, address) for seen in ordered[:MOST_ROWS]]
    numeric = [at for at, name in enumerate(names, 6) if _numeric(results, name)]
    many = count(len(ordered), "trial")
    caption = many if len(ordered) <= MOST_ROWS else f"The best {MOST_ROWS:,} of {many}; tuner export has them all"
    return table(
        f"{caption}. Click a column name to sort.",
        header,
        rows,
        numbers=(1, 3, 4, *numeric),
        sortable=True,
    )


def _row(seen: TrialView, names: list[str], address: str | None) -> list[Any]:
    link = seen.number if address is None else element("a", seen.number, href=f"{address}{seen.number}")
    return [
        element("data", link, value=seen.number),
        element("data", number(seen.value), value=seen.value),
        seen.state,
        element("data", number(seen.epochs), value=seen.epochs),
        element("data", duration(seen.seconds), value=seen.seconds),
        seen.verdict or "–",
        *(_cell(seen.params.get(name)) for name in names),
    ]


def _cell(value: Any) -> Any:
    """Return a value with what it is sorted by, if that is not its text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return element("data", number(value), value=value)
    return number(value)


def _numeric(results: StudyView, name: str) -> bool:
    values = [seen.params[name] for seen in results.trials if name in seen.params]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
