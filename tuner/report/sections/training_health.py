"""Training health: the verdicts and what they rest on."""

from __future__ import annotations

from tuner.report.health_counts import NOT_MEASURED, count_verdicts
from tuner.report.html_components import table
from tuner.report.study_view import StudyView
from tuner.text import Html, count, element, listed_first, number, percent

_NAMED = 12


def health(results: StudyView) -> Html:
    """Show the count of trials per verdict, with an example; or a sentence if nothing was measured."""
    found = count_verdicts(results)
    if not found:
        return element("p", NOT_MEASURED)
    judged = sum(len(one.trials) for one in found)
    rows = [
        (
            one.verdict,
            number(len(one.trials)),
            percent(len(one.trials) / judged),
            one.text,
            listed_first([str(seen.number) for seen in one.trials], _NAMED),
        )
        for one in found
    ]
    header = ("verdict", "trials", "share", "for example", "which")
    return table(
        f"Verdicts on {count(judged, 'trial that has', 'trials that have')} ended",
        header,
        rows,
        numbers=(1, 2),
        stacked=True,
    )
