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
from tuner.text import count, duration, listed, number, percent, spread_text, tuner_command

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
        f"**{plain(ending(results, seen))}**",
        plain(seen.reason) if seen.reason and seen.reason != seen.state else "",
        *(f"Health: **{plain(one.verdict)}**, {plain(one.text)}" for one in seen.findings),
        f"![Curves of trial {seen.number}]({picture})" if picture else "",
        _epochs(results, seen),
        fenced(recipe_toml({"recipe": recipe}), "toml") if recipe else "",
    ]
    return "\n\n".join(part for part in parts if part)


def epochs_table(results: StudyView, seen: TrialView) -> tuple[list[str], list[list[float | int | None]]]:
    """Return the names of columns, and a row per epoch, without columns that were not measured."""
    curve = seen.curve
    columns = {
        results.metric: curve.metric,
        "training loss": curve.loss,
        "validation loss": curve.val_loss,
        "learning rate": curve.rate,
    }
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [[epoch, *values] for epoch, *values in zip(curve.epochs, *known.values(), strict=True)]
    return ["epoch", *known], rows


def is_best(results: StudyView, seen: TrialView) -> bool:
    """Return whether no trial is better."""
    return results.best is not None and results.best.number == seen.number


def ending(results: StudyView, seen: TrialView) -> str:
    """Say how a trial ended: its state, value, epochs and time."""
    state = seen.state.capitalize()
    parts = [state if seen.value is None else f"{state}: {results.metric} {number(seen.value)}"]
    parts += [spread_text(seen.training_values)] if len(seen.training_values) > 1 else []
    if is_best(results, seen):
        parts.append("the best")
    seconds = "" if seen.seconds is None else f" in {duration(seen.seconds)}"
    parts += [f"{count(seen.epochs, 'epoch')}{seconds}"] if seen.epochs or seconds else []
    ended = ", ".join(parts)
    if not seen.selected_epochs or sum(seen.selected_epochs) >= seen.epochs:
        return ended
    if len(seen.selected_epochs) == 1:
        return f"{ended}; epoch {seen.selected_epochs[0]} gave its model"
    return f"{ended}; epochs {listed([str(epoch) for epoch in seen.selected_epochs])} gave its models"


def _epochs(results: StudyView, seen: TrialView) -> str:
    header, rows = epochs_table(results, seen)
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
