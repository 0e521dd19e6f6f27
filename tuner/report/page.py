"""The page: sections in their order, style, scripts and the data of the figures, all in one file."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

import tuner
from tuner.report.cost import Cost, sum_cost
from tuner.report.figure_element import figure_element
from tuner.report.html_components import script, section
from tuner.report.narrative import answer_text
from tuner.report.plots import PLOTS
from tuner.report.sections.best_recipe import recipe
from tuner.report.sections.comparisons import comparisons
from tuner.report.sections.failures_and_cost import failed, spent
from tuner.report.sections.overview import summary
from tuner.report.sections.provenance import provenance
from tuner.report.sections.setup import asked
from tuner.report.sections.study_code import study_code
from tuner.report.sections.training_health import health
from tuner.report.sections.trials import trials
from tuner.report.sections.winner import winner
from tuner.report.study_view import StudyView, load_view
from tuner.results import StoredStudy
from tuner.text import Html, element, joined


@dataclass(frozen=True)
class _Section:
    """A part of the page."""

    key: str
    title: str
    body: list[Html]


def report_page(study: StoredStudy) -> str:
    """Return the report of a study as one HTML page, without external resources.

    It holds everything that is drawn, in its own content security policy: no other script runs in it, and it loads
    nothing from anywhere.
    """
    results = load_view(study)
    library, own = get_plotlyjs(), page_script()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(library, own)),
        element("meta", name="description", content=answer_text(results)),
        page_head(f"{study.record.name} · study report"),
    )
    made = f"Created {time.strftime('%Y-%m-%d %H:%M %Z')} by keras-studies {tuner.__version__}."
    body = element("body", study_body(results), element("footer", made), script(library), script(own))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def page_head(title: str) -> Html:
    """Return what the head of each of our pages holds: its title and style."""
    return joined(
        (
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            Html(f"<style>{_file('page.css')}</style>"),
        )
    )


def page_script() -> str:
    """Return the script of our pages: it draws the figures, sorts tables and copies code."""
    return _file("page.js")


def study_body(results: StudyView, trial_address: str | None = None) -> Html:
    """Return everything about a study: its summary, links to the sections, and these.

    Args:
        results: The study.
        trial_address: What the page of a trial has before its number, or None if there are no such pages.
    """
    cost = sum_cost(results)
    sections = list(_sections(results, cost, trial_address))
    links = [element("a", part.title, href=f"#{part.key}") for part in sections]
    return joined(
        (
            element("a", "Skip to the results", href="#best", class_="skip"),
            summary(results, cost),
            element("nav", links, aria_label="Sections"),
            element("main", [section(part.key, part.title, part.body) for part in sections]),
        )
    )


def _sections(results: StudyView, cost: Cost, trial_address: str | None) -> Iterator[_Section]:
    yield _Section("question", "Question and data", [asked(results), *filter(None, [study_code(results)])])
    yield _Section("best", "Best recipe", [recipe(results)])
    if results.refit:
        yield _Section("winner", "Retrained", [winner(results)])
    yield _Section("trials", "Trials", [trials(results, trial_address)])
    yield _Section("history", PLOTS["history"].title, _plots(results, "history", heading=False))
    yield _Section("curves", "Curves", _plots(results, "learning_curves", "rate_curves"))
    yield _Section(
        "dimensions",
        "What mattered",
        [
            *_plots(results, "importances", "values"),
            element("h3", "Comparison by dimension"),
            comparisons(results),
            *_plots(results, "parallel"),
        ],
    )
    cost_of_network = _plots(results, "cost", heading=False)
    if cost_of_network:
        yield _Section("cost", PLOTS["cost"].title, cost_of_network)
    heat = _plots(results, "trials_by_epoch", "layers_by_epoch") if results.probes else []
    yield _Section("health", "Training health", [health(results), *heat])
    yield _Section("failures", "Failures", [failed(results)])
    yield _Section("budget", "Budget", [spent(cost), *_plots(results, "epochs_spent")])
    versions = {"keras-studies": tuner.__version__, **{name: version(name) for name in ("optuna", "plotly")}}
    yield _Section("origin", "Versions and fingerprint", [provenance(results, versions)])


def _plots(results: StudyView, *names: str, heading: bool = True) -> list[Html]:
    """Return plots one below the other, without those that would say nothing about this study."""
    return [_plot(name, PLOTS[name].build(results), heading) for name in names if PLOTS[name].tells(results)]


def _plot(name: str, drawn: Figure | str, heading: bool) -> Html:
    plot = PLOTS[name]
    title = element("h3", plot.title) if heading else None
    if isinstance(drawn, str):
        return element("div", title, element("p", drawn, class_="note"))
    return figure_element(name, drawn, f"{plot.title}. {plot.says}", title, element("figcaption", plot.says))


def _file(name: str) -> str:
    return files("tuner.report").joinpath(name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Only these scripts run; nothing is loaded.  Plotly sets styles."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
