"""A study as a cell of a notebook shows it."""

from __future__ import annotations

from tuner.report.html import element
from tuner.results import StoredStudy, failure_texts, summary
from tuner.text import listed_counts, value_text


def notebook_html(study: StoredStudy) -> str:
    """Return the study as a few lines of HTML: objective, trials, and the best with its setting."""
    content = summary(study)
    best = content["best"]
    lines = [
        element("strong", f"Study {content['study']}"),
        f": {content['direction']} {content['metric'] or 'the objective'}; ",
        listed_counts(content["counts"]) or "no trials",
    ]
    failed = [element("p", sentence) for sentence in failure_texts(content["trials"])]
    if best is None:
        return str(element("div", element("p", lines, ". No trial is complete yet."), failed))
    rows = [
        element("tr", element("th", name, scope="row", style="text-align: left"), element("td", value_text(value)))
        for name, value in best["params"].items()
    ]
    head = element("caption", f"Best: {value_text(best['value'])} (trial {best['trial']})", style="text-align: left")
    return str(element("div", element("p", lines, "."), failed, element("table", head, element("tbody", rows))))
