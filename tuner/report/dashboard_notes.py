"""A study and its trials as short notes in Markdown: what optuna-dashboard shows next to its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.export import recipe_toml
from tuner.report.cost import sum_cost
from tuner.report.failures import failures
from tuner.report.health_counts import count_verdicts
from tuner.report.markdown_escaping import fenced, plain, table
from tuner.report.narrative import answer_text, caveats, question_text, status_text
from tuner.report.study_view import StudyView, TrialView
from tuner.report.trial_outcome import ending_text
from tuner.results import epochs_table
from tuner.text import count, duration, number, percent, tuner_command

_LEADERS = 5
_COLUMNS = 6
_ROWS = 12


def study_note(results: StudyView) -> str:
    """Write question, answer, leading trials, what mattered, failures, cost."""
    parts = [
        f"**{plain(question_text(results))}**",
        plain(str(results.refit.get("control") or "")),
        plain(answer_text(results)),
        plain(" ".join(caveats(results))),
        plain(results.importance["meaning"]) if results.best else "",
        f"*{plain(status_text(results))}*",
        _leaders(results),
        _verdicts(results),
        _failures(results),
        plain(_cost(results)),
        _next(results),
    ]
    return "\n\n".join(part for part in parts if part)


def trial_note(results: StudyView, seen: TrialView, recipe: Mapping[str, Any] | None, picture: str | None) -> str:
    """Write how a trial ended, its curves as a picture and a table, its recipe.

    Args:
        results: Its study.
        seen: The trial.
        recipe: As stored, or None for a trial of plain Optuna.
        picture: URL of the image of its curves, or None.
    """
    parts = [
        f"**{plain(ending_text(results, seen))}**",
        plain(seen.reason) if seen.reason and seen.reason != seen.state else "",
        *(f"Health: **{plain(one.verdict)}**, {plain(one.text)}" for one in seen.findings),
        f"![Curves of trial {seen.number}]({picture})" if picture else "",
        _epochs(results, seen),
        fenced(recipe_toml({"recipe": recipe}, results.info.facts.classes), "toml") if recipe else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _epochs(results: StudyView, seen: TrialView) -> str:
    header, rows = epochs_table(results.metric, seen.curve)
    if not rows:
        return ""
    return table(header, [[number(value) for value in row] for row in _some(rows)], len(header))


def _some(rows: Sequence[Any]) -> list[Any]:
    """Return all rows, or at most `_ROWS` of them, the first and the last included."""
    if len(rows) <= _ROWS:
        return list(rows)
    return [rows[round(at * (len(rows) - 1) / (_ROWS - 1))] for at in range(_ROWS)]


def _leaders(results: StudyView) -> str:
    leaders = results.ranking[:_LEADERS]
    if not leaders:
        return ""
    names = results.by_importance[:_COLUMNS]
    rows = [
        [seen.number, number(seen.value), *(number(seen.params.get(name)) for name in names)]
        for seen in leaders
    ]  # fmt: skip
    return table(["trial", results.metric, *names], rows, 2)


def _verdicts(results: StudyView) -> str:
    rows = [[one.verdict, number(len(one.trials)), one.text] for one in count_verdicts(results)]
    return table(["health", "trials", "for example"], rows) if rows else ""


def _failures(results: StudyView) -> str:
    found = failures(results)
    rows = [[one.state, number(len(one.trials)), one.reason] for one in found]
    return table(["ended", "trials", "reason"], rows) if rows else ""


def _cost(results: StudyView) -> str:
    cost = sum_cost(results)
    saved = f", {percent(cost.saved_share)} of the planned ones saved by ending trials early" if cost.saved else ""
    time = f"; {duration(cost.wall_s)} in all" if cost.wall_s else ""
    return f"{count(cost.epochs, 'epoch')} trained{saved}{time}."


def _next(results: StudyView) -> str:
    if results.best is None or not results.study.metric:
        return ""
    name = results.study.record.name
    lines = (
        tuner_command("best", name),
        tuner_command("compare", name),
        tuner_command("report", name, "-o", "report.html"),
    )
    return fenced("\n".join(lines), "sh")
