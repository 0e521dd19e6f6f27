"""The best setting, and code to use it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tuner.catalog import written_value
from tuner.errors import NoBestTrialError
from tuner.export import recipe_toml
from tuner.report.html_components import code, facts
from tuner.report.study_view import StudyView
from tuner.results import Best, best_trial
from tuner.storage import trial_attributes
from tuner.text import Html, element, number, python_text, size_text, tuner_command


def recipe(results: StudyView) -> Html:
    """Show the best parameters, and the recipe as code."""
    best = results.best
    if best is None:
        return element("p", "No trial is complete yet, so there is no best setting to show.")
    rows: list[tuple[Html | str, str]] = [
        (element("code", name), number(written_value(name, value))) for name, value in best.params.items()
    ]
    size = trial_attributes(best.trial).network_size
    if size is not None:
        rows.append(("Network", size_text(size.weights, size.multiply_adds)))
    return element("div", facts(rows), _code(results))


def _toml(best: Best, classes: Sequence[str]) -> str:
    content = best.to_json()
    searched = json.dumps(content.pop("params"), ensure_ascii=True, default=str)
    return f"# Searched: {searched}\n{recipe_toml(content, classes)}"


def _code(results: StudyView) -> list[Html]:
    try:
        best = best_trial(results.study)
    except NoBestTrialError:
        return [element("p", "The trial was not made by keras-studies, so there is no recipe to use it with.")]
    found = results.info.facts
    python = (
        "import tuner\n\n"
        f"best = tuner.best({python_text(best.study)})\n"
        f"model = best.build({tuple(found.input_shape)}, {found.outputs})  # a compiled Keras model\n"
        "model.fit(x, y, **best.fit_options())  # your data, prepared as the study's\n"
    )
    return [
        code(python, "In Python, next to the database"),
        code(
            tuner_command("export", best.study, "--format", "python", "-o", "best.py") + "\n",
            "As a script that needs Keras only",
        ),
        element(
            "details",
            element("summary", "The whole recipe, as TOML"),
            code(_toml(best, found.classes), 'Saved as best.toml, it is read by tuner.best("best.toml")'),
        ),
    ]
