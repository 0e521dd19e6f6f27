"""Failures by reason, and the epochs and time that were spent and saved."""

from __future__ import annotations

from tuner.report.cost import Cost
from tuner.report.failures import failures
from tuner.report.html_components import facts, table
from tuner.report.study_view import StudyView
from tuner.results import rejected_text
from tuner.text import Html, count, duration, element, joined, listed_first, number, percent

_NAMED = 12


def failed(results: StudyView) -> Html:
    """Reasons for which trials diverged or failed."""
    found = failures(results)
    if not found:
        return element("p", "No trial diverged or failed.")
    many = len(results.trials)
    rows = [
        (
            "not trained" if one.trials[0].over_limit else one.state,
            one.reason,
            number(len(one.trials)),
            percent(len(one.trials) / many),
            listed_first([str(seen.number) for seen in one.trials], _NAMED),
        )
        for one in found
    ]
    caption = f"Why {sum(len(one.trials) for one in found)} of {count(many, 'trial')} gave no value"
    header = ("ended", "first such reason", "trials", "share", "which")
    rejected = rejected_text(results.study)
    return joined(
        (
            *([element("p", rejected)] if rejected else []),
            table(caption, header, rows, numbers=(2, 3), stacked=True),
        )
    )


def spent(cost: Cost) -> Html:
    """Epochs and time."""
    rows = [
        ("Epochs trained", number(cost.epochs)),
        *([("Epochs planned for finished trials", number(cost.planned))] if cost.planned else []),
        *([("Epochs saved", f"{number(cost.saved)}, {percent(cost.saved_share)}")] if cost.planned else []),
        ("Time in workers", duration(cost.seconds) if cost.seconds else "not recorded"),
        *([("Time saved, about", duration(cost.saved_s))] if cost.saved else []),
        ("Wall time of all runs", duration(cost.wall_s) if cost.wall_s else "not recorded"),
    ]
    return facts(rows)
