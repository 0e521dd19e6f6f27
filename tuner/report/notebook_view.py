"""A study as a cell of a notebook shows it."""

from __future__ import annotations

from tuner.results import StoredStudy, failure_texts, summary
from tuner.text import element, listed_counts, plain_table, value_text


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
    rows = [(name, value_text(value)) for name, value in best["params"].items()]
    setting = plain_table(f"Best: {value_text(best['value'])} (trial {best['trial']})", rows)
    return str(element("div", element("p", lines, "."), failed, setting))
