"""What `tuner train` found, as a Python session shows it: one line, or a cell of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.serving import networks_text, score_text
from tuner.text import Html, count, element, number, one_line, plain_table

if TYPE_CHECKING:
    from tuner.refit.refit_result import ModelRow, RefitResult

_VERDICTS = {
    "winner": "a winner, trial {}",
    "unconfirmed": "the test part does not confirm the winner, trial {}",
    "none": "no winner",
}


def result_line(found: RefitResult) -> str:
    """Return verdict, score and file in one line."""
    control = "; a control is at least as good" if found.control is not None else ""
    return one_line(f"<RefitResult of study {found.study}: {_verdict(found)}{control}; {_score_and_file(found)}>")


def result_html(found: RefitResult) -> Html:
    """Return verdict, score, file and a table of the models as HTML."""
    first = [found.control, found.baseline.meaning]
    more = [element("p", sentence) for sentence in found.meaning if sentence not in first]
    header = ("model", found.metric, "95 % interval", "weights")
    title = f"Models on {count(found.rows['validation'] or 0, 'validation row')}"
    saved = None if found.handed is None else found.handed.model
    return element(
        "div",
        element("p", element("strong", f"Study {found.study}: {_verdict(found)}"), f"; {_score_and_file(found)}."),
        [element("p", sentence) for sentence in first if sentence],
        plain_table(title, [_cells(row, row.name == saved) for row in found.models], header, numbers=(1, 3)),
        element("details", element("summary", "What the numbers say"), more) if more else None,
    )


def _verdict(found: RefitResult) -> str:
    return _VERDICTS[found.verdict].format(found.chosen)


def _score_and_file(found: RefitResult) -> str:
    handed, score = found.handed, score_text(found.to_json()) or f"no {found.metric}"
    if found.file is None or handed is None:
        return f"{score}; no model was saved"
    return f"{score}; {networks_text(len(handed.members), handed.model)} in {found.file}"


def _cells(row: ModelRow, saved: bool) -> tuple[str, str, str, str]:
    interval, cost = row.interval, row.cost
    return (
        f"{row.name} (saved)" if saved else row.name,
        "not trained" if row.score is None else number(row.score),
        "" if interval is None else f"{number(interval.low)} … {number(interval.high)}",
        "" if cost is None else f"{cost.weights:,}",
    )
