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
from tuner.report.cost import cost_of
from tuner.report.html import Html, data, el, script
from tuner.report.narrative import answer
from tuner.report.plots import PLOTS
from tuner.report.sections.best_recipe import recipe
from tuner.report.sections.comparisons import comparisons
from tuner.report.sections.failures_and_cost import failed, spent
from tuner.report.sections.overview import summary
from tuner.report.sections.provenance import origin
from tuner.report.sections.setup import asked
from tuner.report.sections.training_health import health
from tuner.report.study_view import Gathered, gather
from tuner.results import Study

_HEIGHT_PX = 440
_AXIS_PX = 104


@dataclass(frozen=True)
class _Section:
    """A part of the page."""

    key: str
    title: str
    body: list[Html]


def report_page(study: Study) -> str:
    """The report of a study: a page of HTML that needs no network and no other file.

    It holds everything that is drawn, in its own content security policy: no other script runs in it, and it loads
    nothing from anywhere.
    """
    results = gather(study)
    cost = cost_of(results)
    sections = list(_sections(results))
    library, own = get_plotlyjs(), _file("page.js")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(library, own)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="description", content=answer(results)),
        el("title", f"{study.record.name} · study report"),
        Html(f"<style>{_file('page.css')}</style>"),
    )
    links = [el("a", section.title, href=f"#{section.key}") for section in sections]
    body = el(
        "body",
        el("a", "Skip to the results", href="#best", class_="skip"),
        summary(results, cost),
        el("nav", links, aria_label="Sections"),
        el("main", [_section(section) for section in sections]),
        el("footer", f"Made {time.strftime('%Y-%m-%d %H:%M %Z')} by keras-studies {tuner.__version__}."),
        script(library),
        script(own),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _sections(results: Gathered) -> Iterator[_Section]:
    cost = cost_of(results)
    yield _Section("question", "Question and data", [asked(results)])
    yield _Section("best", "Best recipe", [recipe(results)])
    yield _Section("history", PLOTS["history"].title, [_plot("history", results, heading=False)])
    yield _Section("curves", "Curves", [_plot("learning_curves", results), _plot("rate_curves", results)])
    yield _Section(
        "dimensions",
        "What mattered",
        [
            _plot("importances", results),
            _plot("values", results),
            el("h3", "Comparison by dimension"),
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
    return el(
        "section",
        el("h2", section.title, id=f"{section.key}-title"),
        section.body,
        id=section.key,
        aria_labelledby=f"{section.key}-title",
    )


def _plot(name: str, results: Gathered, *, heading: bool = True) -> Html:
    plot = PLOTS[name]
    drawn = plot.build(results)
    title = el("h3", plot.title) if heading else None
    if isinstance(drawn, str):
        return el("div", title, el("p", drawn, class_="note"))
    canvas = el(
        "div",
        class_="plot",
        id=f"plot-{name}",
        data_plot=f"data-{name}",
        style=f"height: {int(drawn.layout.height or _HEIGHT_PX)}px; min-width: {_least_width(drawn)}px",
        role="img",
        aria_label=f"{plot.title}. {plot.says}",
    )
    drawn.layout.height = None
    return el(
        "figure",
        title,
        el("figcaption", plot.says),
        el("div", canvas, class_="scroll"),
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
