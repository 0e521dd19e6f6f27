"""Everything about one trial, for a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plotly.graph_objects import Figure

from tuner.export import recipe_toml
from tuner.report.figure_element import figure_element
from tuner.report.html_components import code, facts, section, table
from tuner.report.plots.trial_curves import trial_curves
from tuner.report.study_view import StudyView, TrialView
from tuner.report.trial_outcome import ending_text
from tuner.results import epochs_table
from tuner.storage import trial_attributes
from tuner.text import Html, count, element, joined, number, size_text


def trial_body(results: StudyView, seen: TrialView, recipe: Mapping[str, Any] | None, files: Mapping[str, str]) -> Html:
    """Return how a trial ended, its curves as figures, its parameters and recipe, its epochs as a table, its files.

    Args:
        results: Its study.
        seen: The trial.
        recipe: As stored, or None for a trial of plain Optuna.
        files: Name of each file → its address.
    """
    said = [seen.reason] if seen.reason and seen.reason != seen.state else []
    health = [f"Health: {one.verdict}, {one.text}." for one in seen.findings]
    params: list[tuple[Html | str, str]] = [
        (element("code", name), number(value)) for name, value in seen.params.items()
    ]
    size = trial_attributes(seen.trial).network_size
    if size is not None:
        params.append(("Network", size_text(size.weights, size.multiply_adds)))
    header, rows = epochs_table(results.metric, seen.curve)
    sections = [
        ("curves", "Curves", _curves(results, seen)),
        ("params", "Parameters", [facts(params)] if params else []),
        ("recipe", "Recipe", [_recipe(recipe, results.info.facts.classes)] if recipe else []),
        ("epochs", "Epochs", [_table(header, rows)] if rows else []),
        ("files", "Files", [_links(files)] if files else []),
    ]
    return joined(
        (
            element(
                "header",
                element("p", "Trial", class_="eyebrow"),
                element("h1", f"Trial {seen.number} of {results.study.record.name}"),
                element("p", ending_text(results, seen), class_="answer"),
                [element("p", sentence, class_="trust") for sentence in [*said, *health]],
            ),
            element("main", [section(*part) for part in sections if part[2]]),
        )
    )


def _curves(results: StudyView, seen: TrialView) -> list[Html]:
    figures = [_figure(title, drawn) for title, drawn in trial_curves(results, seen).items()]
    if not figures:
        return []
    note = _curves_note(seen)
    return [
        *([element("p", note, class_="note")] if note else []),
        element("div", figures, class_="side"),
    ]


def _curves_note(seen: TrialView) -> str | None:
    """Say which epoch gave the model, or why the value of several trainings may be at none of the points."""
    if len(seen.training_values) > 1:
        means = f"Each epoch is the mean of {len(seen.training_values)} trainings, here and in the table below"
        return f"{means}. The value of the trial is the mean of what each has at the epoch that gave its model."
    if seen.marked_epoch is not None:
        return f"The dashed line marks epoch {seen.marked_epoch}, which gave the model."
    return None


def _recipe(recipe: Mapping[str, Any], classes: Sequence[str]) -> Html:
    written = code(recipe_toml({"recipe": recipe}, classes), "Everything that the training of this trial needed")
    return element("details", element("summary", "The whole recipe, as TOML"), written)


def _figure(title: str, drawn: Figure) -> Html:
    name = title.lower().replace(" ", "-")
    return figure_element(name, drawn, f"{title} of each epoch", element("h3", title))


def _table(header: list[str], rows: list[list[float | int | None]]) -> Html:
    cells = [[number(value) for value in row] for row in rows]
    return table(count(len(rows), "epoch"), header, cells, numbers=range(len(header)))


def _links(files: Mapping[str, str]) -> Html:
    return element("ul", [element("li", element("a", name, href=url, download=name)) for name, url in files.items()])
