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
from tuner.report.cost import sum_cost
from tuner.report.html import Html, data, element, script
from tuner.report.narrative import answer_text
from tuner.report.plots import PLOTS
from tuner.report.sections.best_recipe import recipe
from tuner.report.sections.comparisons import comparisons
from tuner.report.sections.failures_and_cost import failed, spent
from tuner.report.sections.overview import summary
from tuner.report.sections.provenance import origin
from tuner.report.sections.setup import asked
from tuner.report.sections.training_health import health
from tuner.report.sections.winner import winner
from tuner.report.study_view import StudyView, load_view
from tuner.results import StoredStudy

_HEIGHT_PX = 440
_AXIS_PX = 104


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
    cost = sum_cost(results)
    sections = list(_sections(results))
    library, own = get_plotlyjs(), _file("page.js")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(library, own)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="description", content=answer_text(results)),
        element("title", f"{study.record.name} · study report"),
        Html(f"<style>{_file('page.css')}</style>"),
    )
    links = [element("a", section.title, href=f"#{section.key}") for section in sections]
    body = element(
        "body",
        element("a", "Skip to the results", href="#best", class_="skip"),
        summary(results, cost),
        element("nav", links, aria_label="Sections"),
        element("main", [_section(section) for section in sections]),
        element("footer", f"Made {time.strftime('%Y-%m-%d %H:%M %Z')} by keras-studies {tuner.__version__}."),
        script(library),
        script(own),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _sections(results: StudyView) -> Iterator[_Section]:
    cost = sum_cost(results)
    yield _Section("question", "Question and data", [asked(results)])
    yield _Section("best", "Best recipe", [recipe(results)])
    if results.refit:
        yield _Section("winner", "Trained again", [winner(results)])
    yield _Section("history", PLOTS["history"].title, [_plot("history", results, heading=False)])
    yield _Section("curves", "Curves", [_plot("learning_curves", results), _plot("rate_curves", results)])
    yield _Section(
        "dimensions",
        "What mattered",
        [
            _plot("importances", results),
            _plot("values", results),
            element("h3", "Comparison by dimension"),
            comparisons(results),
            _plot("parallel", results),
        ],
    )
    yield _Section(
        "health",
        "Training health",
        [health(results), _plot("trials_by_epoch", results), _plot("layers_by_epoch", results)]
        if results.probes
        else [health(results)],
    )
    yield _Section("failures", "Failures", [failed(results)])
    yield _Section("budget", "Budget", [spent(cost), _plot("epochs_spent", results)])
    versions = {"keras-studies": tuner.__version__, **{name: version(name) for name in ("optuna", "plotly")}}
    yield _Section("origin", "Versions and fingerprint", [origin(results, versions)])


def _section(section: _Section) -> Html:
    return element(
        "section",
        element("h2", section.title, id=f"{section.key}-title"),
        section.body,
        id=section.key,
        aria_labelledby=f"{section.key}-title",
    )


def _plot(name: str, results: StudyView, *, heading: bool = True) -> Html:
    plot = PLOTS[name]
    drawn = plot.build(results)
    title = element("h3", plot.title) if heading else None
    if isinstance(drawn, str):
        return element("div", title, element("p", drawn, class_="note"))
    canvas = element(
        "div",
        class_="plot",
        id=f"plot-{name}",
        data_plot=f"data-{name}",
        style=f"height: {int(drawn.layout.height or _HEIGHT_PX)}px; min-width: {_least_width(drawn)}px",
        role="img",
        aria_label=f"{plot.title}. {plot.says}",
    )
    drawn.layout.height = None
    return element(
        "figure",
        title,
        element("figcaption", plot.says),
        element("div", canvas, class_="scroll"),
        data(f"data-{name}", drawn.to_json()),
    )


def _least_width(drawn: Figure) -> int:
    """Below this the axes of parallel coordinates would overlap; all other plots fit into any window."""
    return max((_AXIS_PX * (len(trace.dimensions) + 1) for trace in drawn.data if trace.type == "parcoords"), default=0)


def _file(name: str) -> str:
    return files("tuner.report").joinpath(name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Only these scripts run; nothing is loaded.  Plotly compiles the code of parallel coordinates, and sets styles."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
